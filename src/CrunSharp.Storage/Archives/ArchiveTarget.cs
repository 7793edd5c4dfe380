using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using CrunSharp.Storage.Tar;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Storage;

/// <summary>Where an archive's files go.</summary>
internal abstract class ArchiveTarget
{
    private readonly HashSet<Digest> _blobs = [];

    /// <summary>Writes a file.</summary>
    public void Add(string path, ReadOnlyMemory<byte> content) => Add(path, content.Length, output => output.Write(content.Span));

    /// <summary>Says that content is there; false when it was.</summary>
    protected bool IsNew(Digest digest) => _blobs.Add(digest);

    /// <summary>Writes content under its digest, once.</summary>
    public void AddBlob(Digest digest, long size, Action<Stream> write)
    {
        if (IsNew(digest)) Add(ArchiveSource.PathOf(digest), size, write);
    }

    public abstract void Add(string path, long size, Action<Stream> write);
}

/// <summary>An archive that becomes a tar, with nothing in it that depends on time, place or user.</summary>
internal sealed class TarTarget : ArchiveTarget
{
    private readonly TarWriter _writer;

    public TarTarget(Stream output)
    {
        _writer = new TarWriter(output);
        foreach (var directory in (ReadOnlySpan<string>)["blobs", "blobs/sha256"])
            _writer.Begin(new TarEntry { Name = directory, Kind = TarKind.Directory, Mode = 0x1ed });
    }

    public override void Add(string path, long size, Action<Stream> write)
    {
        _writer.Begin(new TarEntry { Name = path, Kind = TarKind.File, Mode = 0x1a4, Size = size });
        using var sink = new EntrySink(_writer);
        write(sink);
    }

    /// <summary>Writes content whose digest is known when it was written.</summary>
    /// <param name="write">Writes it, or nothing if that is not needed; its digest.</param>
    public void AddOpen(Func<Stream, Digest> write)
    {
        _writer.BeginOpen();
        using var sink = new EntrySink(_writer);
        var digest = write(sink);
        var isThere = sink.HasContent && IsNew(digest);
        _writer.EndOpen(isThere ? new TarEntry { Name = ArchiveSource.PathOf(digest), Kind = TarKind.File, Mode = 0x1a4 } : null);
    }

    public void Finish() => _writer.Finish();

    private sealed class EntrySink(TarWriter writer) : WriteStream
    {
        public bool HasContent { get; private set; }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            HasContent = true;
            writer.Write(buffer);
        }
    }
}

/// <summary>An archive that becomes a directory.</summary>
internal sealed class DirectoryTarget : ArchiveTarget
{
    private readonly SafeFileHandle _directory;

    public DirectoryTarget(SafeFileHandle directory)
    {
        _directory = directory;
        foreach (var name in (ReadOnlySpan<string>)["blobs", "blobs/sha256"])
        {
            if (!FileAt.TryMakeDirectory(directory, name, 0x1ed, out var errno) && errno != Errno.EEXIST)
                throw new CrunException(ErrorKind.System, "", $"make directory {name}", errno);
        }
    }

    public override void Add(string path, long size, Action<Stream> write)
    {
        var temporary = $"{path}.tmp";
        FileAt.Remove(_directory, temporary);
        using (var file = FileAt.Open(_directory, temporary, OpenFlags.O_WRONLY | OpenFlags.O_CREAT | OpenFlags.O_EXCL | OpenFlags.O_NOFOLLOW, 0x1a4))
        {
            using var sink = new HandleSink(file);
            write(sink);
        }
        FileAt.Rename(_directory, temporary, _directory, path);
    }
}
