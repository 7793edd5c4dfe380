using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Storage;

/// <summary>Content that is being written; it has no name, and vanishes with the process, until it is published.</summary>
internal sealed class BlobDraft : WriteStream
{
    private const string DraftName = "content";
    private const int Part = 8 * 1024 * 1024;
    private const int LeastDirect = 2 * 1024 * 1024; // what is shorter is worth no buffers
    private readonly StoreDirectories _directories;
    private readonly Pins _pins;
    private readonly Draft? _draft;
    private readonly SafeFileHandle _file;
    private readonly (SafeFileHandle Directory, string Name)? _name;
    private readonly FileLock? _held;
    private readonly long _kept;
    private readonly bool _isNew;
    private long _started; // what is before it is on its way to the disk
    private DirectWriter? _direct;

    public BlobDraft(StoreDirectories directories, Pins pins, Drafts drafts)
    {
        (_directories, _pins) = (directories, pins);
        const OpenFlags nameless = OpenFlags.O_TMPFILE | OpenFlags.O_WRONLY;
        var file = FileAt.TryOpen(directories.Blobs, ".", nameless, out var errno, 0x180);
        if (file is null)
        {
            // Not every file system has files without a name.
            if (errno is not (Errno.EOPNOTSUPP or Errno.EISDIR)) file = FileAt.Open(directories.Blobs, ".", nameless, 0x180);
            _draft = drafts.Begin();
            _name = (_draft.Handle, DraftName);
            file ??= FileAt.Open(_draft.Handle, DraftName, OpenFlags.O_WRONLY | OpenFlags.O_CREAT | OpenFlags.O_EXCL, 0x180);
        }
        (_file, _isNew) = (file, true);
    }

    /// <summary>Goes on with a file of <c>tmp</c>, whose bytes are the first ones that will be written.</summary>
    public BlobDraft(StoreDirectories directories, Pins pins, SafeFileHandle file, string name, FileLock held)
    {
        (_directories, _pins, _file, _name, _held) = (directories, pins, file, (directories.Drafts, name), held);
        _kept = FileAt.Status(file).Size;
    }

    /// <summary>How many bytes were written.</summary>
    public long Count { get; private set; }

    /// <summary>How many bytes the file has.</summary>
    public override long Length => Math.Max(Count, _kept);

    /// <summary>Whether it has its name.</summary>
    public bool IsPublished { get; private set; }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        if (_isNew && Count < LeastDirect && Count + buffer.Length >= LeastDirect)
        {
            var first = (int)(LeastDirect - Count);
            WriteCached(buffer[..first]);
            _direct = new DirectWriter(_file, LeastDirect);
            buffer = buffer[first..];
        }
        if (_direct is null)
        {
            WriteCached(buffer);
            return;
        }
        _direct.Write(buffer);
        Count += buffer.Length;
    }

    // What is fetched may be cut off, and is worth having then.
    private void WriteCached(ReadOnlySpan<byte> buffer)
    {
        // What was there already is not written again.
        var known = (int)Math.Clamp(_kept - Count, 0, buffer.Length);
        if (known < buffer.Length) OpenFile.WriteAt(_file, buffer[known..], Count + known);
        Count += buffer.Length;
        if (Count - _started < Part) return;
        OpenFile.StartSync(_file, _started, Count - _started);
        _started = Count;
    }

    /// <summary>Whether another process had given the name to the same content before.</summary>
    public bool IsTwin { get; private set; }

    /// <summary>Reads the first bytes of its file; it stays open.</summary>
    public Stream Arrived(long count) => new HandleStream(_file, 0, count, ownsHandle: false);

    /// <summary>Gives it its name, once it would survive a power cut, and pins it.</summary>
    public Digest Publish(Digest digest)
    {
        _direct?.Finish();
        OpenFile.Sync(_file);
        var held = _held ?? FileLock.SharedOf(_file);
        IsPublished = true;
        for (; ; )
        {
            if (_name is not var (directory, name) ? FileAt.TryPublish(_file, _directories.Blobs, digest.Hex)
                : FileAt.TryRename(directory, name, _directories.Blobs, digest.Hex))
            {
                _pins.Add(_directories.Blobs, digest.Hex, held);
                return digest;
            }
            // Another was faster; unless it is being removed at this moment.
            if (!_pins.TryPin(_directories.Blobs, digest.Hex)) continue;
            if (FileAt.TryStatus(_directories.Blobs, digest.Hex)?.Size == Count)
            {
                if (_name is var (mine, twin)) FileAt.Remove(mine, twin);
                held.Dispose();
                IsTwin = true;
                return digest;
            }
            // What has the name was cut off: it makes way.
            _pins.Release(_directories.Blobs, digest.Hex);
            FileAt.Remove(_directories.Blobs, digest.Hex);
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _direct?.Dispose();
            // The lock of what was published may be a second one of the same open file.
            if (!IsPublished || _held is not null) _file.Dispose();
            if (!IsPublished) _held?.Dispose();
            _draft?.Dispose();
        }
        base.Dispose(disposing);
    }
}
