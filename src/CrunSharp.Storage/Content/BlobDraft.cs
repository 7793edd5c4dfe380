using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Storage;

/// <summary>Content that is being written; it has no name, and vanishes with the process, until it is published.</summary>
internal sealed class BlobDraft : WriteStream
{
    private const string DraftName = "content";
    private readonly StoreDirectories _directories;
    private readonly Pins _pins;
    private readonly Draft? _draft;
    private readonly SafeFileHandle _file;
    private bool _published;

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
            file ??= FileAt.Open(_draft.Handle, DraftName, OpenFlags.O_WRONLY | OpenFlags.O_CREAT | OpenFlags.O_EXCL, 0x180);
        }
        _file = file;
    }

    /// <summary>How many bytes were written.</summary>
    public long Count { get; private set; }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        OpenFile.WriteAt(_file, buffer, Count);
        Count += buffer.Length;
    }

    /// <summary>Gives it its name, once it would survive a power cut, and pins it.</summary>
    public Digest Publish(Digest digest)
    {
        OpenFile.Sync(_file);
        var held = FileLock.SharedOf(_file);
        _published = true;
        for (; ; )
        {
            if (_draft is null ? FileAt.TryPublish(_file, _directories.Blobs, digest.Hex)
                : FileAt.TryRename(_draft.Handle, DraftName, _directories.Blobs, digest.Hex))
            {
                _pins.Add(_directories.Blobs, digest.Hex, held);
                return digest;
            }
            // Another was faster; unless it is being removed at this moment.
            if (!_pins.TryPin(_directories.Blobs, digest.Hex)) continue;
            if (FileAt.TryStatus(_directories.Blobs, digest.Hex)?.Size == Count)
            {
                held.Dispose();
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
            if (!_published) _file.Dispose();
            _draft?.Dispose();
        }
        base.Dispose(disposing);
    }
}
