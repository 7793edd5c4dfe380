using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using CrunSharp.Storage.Tar;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Storage;

/// <summary>Files by their paths, in a tar or in a directory. Nothing outside is ever reached.</summary>
internal abstract class ArchiveSource : IDisposable
{
    /// <summary>Opens a file; null when there is none.</summary>
    /// <exception cref="CrunException">The path leads out, or what is there is no file.</exception>
    public abstract Stream? TryOpen(string path);

    /// <summary>Opens a file.</summary>
    /// <exception cref="CrunException">There is none.</exception>
    public Stream Open(string path) => TryOpen(path) ?? throw CrunException.Integrity($"the archive has no file \"{path}\"", "load");

    /// <summary>Reads a whole file; null when there is none.</summary>
    /// <exception cref="CrunException">It has more than <paramref name="most"/> bytes.</exception>
    public byte[]? TryRead(string path, int most)
    {
        using var stream = TryOpen(path);
        if (stream is null) return null;
        using var content = new MemoryStream();
        var buffer = new byte[64 * 1024];
        while (stream.Read(buffer) is > 0 and var count)
        {
            content.Write(buffer, 0, count);
            if (content.Length > most) throw CrunException.Integrity($"\"{path}\" has more than {most} bytes", "load");
        }
        return content.ToArray();
    }

    /// <summary>Reads a whole file.</summary>
    /// <exception cref="CrunException">There is none, or it has more than <paramref name="most"/> bytes.</exception>
    public byte[] Read(string path, int most) => TryRead(path, most) ?? throw CrunException.Integrity($"the archive has no file \"{path}\"", "load");

    /// <summary>Reads content by its descriptor.</summary>
    /// <exception cref="CrunException">It is not there, too large, or other than described.</exception>
    public byte[] Read(Oci.Images.Descriptor descriptor, int most)
    {
        if (descriptor.Size > most) throw CrunException.Integrity($"{descriptor.Digest} has {descriptor.Size} bytes, more than {most}", "load");
        using var stream = new VerifyingStream(Open(PathOf(descriptor.Digest)), descriptor.Digest, descriptor.Size, $"blob {descriptor.Digest}");
        var content = new byte[descriptor.Size];
        stream.ReadExactly(content);
        stream.ReadToEnd();
        return content;
    }

    public static string PathOf(Digest digest) => $"blobs/sha256/{digest.Hex}";

    /// <inheritdoc/>
    public abstract void Dispose();

    private protected static string Clean(string path)
    {
        try
        {
            return EntryPaths.Clean(path);
        }
        catch (CrunException error)
        {
            throw error.Within($"load \"{path}\"");
        }
    }
}

/// <summary>An archive that is a directory. Links in it are not followed.</summary>
internal sealed class DirectoryArchive(SafeFileHandle directory) : ArchiveSource
{
    public override Stream? TryOpen(string path)
    {
        var clean = Clean(path);
        const OpenFlags flags = OpenFlags.O_RDONLY | OpenFlags.O_NOFOLLOW | OpenFlags.O_NONBLOCK;
        var file = FileAt.TryOpenBeneath(directory, clean, flags, out var errno);
        if (file is null)
            return errno == Errno.ENOENT ? null : throw CrunException.Integrity($"\"{clean}\" cannot be opened within the directory: {errno.Describe()}", "load");
        var status = FileAt.Status(file);
        if (status.Kind == FileKind.Regular) return new HandleStream(file, 0, status.Size, ownsHandle: true);
        file.Dispose();
        throw CrunException.Integrity($"\"{clean}\" is no regular file", "load");
    }

    public override void Dispose() => directory.Dispose();
}

/// <summary>An archive that is a tar in a file that can be read at any place.</summary>
internal sealed class TarArchive : ArchiveSource
{
    private const int MostFiles = 100_000;
    private const int MostLinks = 8;
    private const int MostAfterEnd = 64 * 1024 * 1024;
    private readonly SafeFileHandle _file;
    private readonly IDisposable? _owner;
    private readonly Dictionary<string, (long Offset, long Size)> _files = [];
    private readonly Dictionary<string, string> _links = [];

    private TarArchive(SafeFileHandle file, long offset, Stream content, IDisposable? owner)
    {
        (_file, _owner) = (file, owner);
        var reader = new TarReader(content);
        while (reader.Next() is { } entry)
        {
            if (_files.Count + _links.Count >= MostFiles) throw CrunException.Integrity($"the archive has more than {MostFiles} files", "load");
            Add(entry, offset + reader.Position);
        }
    }

    /// <summary>Opens a tar, compressed or not. What cannot be read at any place is copied into the store's drafts first.</summary>
    public static TarArchive Open(Store store, Stream input)
    {
        if (input is FileStream { CanSeek: true } file)
        {
            var start = new byte[8];
            var length = RandomAccess.Read(file.SafeFileHandle, start, file.Position);
            if (Compression.Detect(start.AsSpan(0, length)) == CompressionKind.None)
                return new TarArchive(file.SafeFileHandle, file.Position, new HandleStream(file.SafeFileHandle, file.Position, file.Length - file.Position, ownsHandle: false), null);
        }
        var draft = store.Drafts.Begin();
        try
        {
            var copy = FileAt.Open(draft.Handle, "archive", OpenFlags.O_RDWR | OpenFlags.O_CREAT | OpenFlags.O_EXCL, 0x180);
            using var decoded = store.Limits.Within(store.Directories.Root).Decode(input);
            var archive = new TarArchive(copy, 0, new CopiedStream(decoded, new HandleSink(copy)), draft);
            PassOver(decoded);
            return archive;
        }
        catch (Exception error)
        {
            draft.Dispose();
            if (error is CrunException ours) throw ours.Within("load");
            throw;
        }
    }

    public override Stream? TryOpen(string path)
    {
        var name = Clean(path);
        for (var i = 0; i <= MostLinks; i++)
        {
            if (_files.TryGetValue(name, out var place)) return new HandleStream(_file, place.Offset, place.Size, ownsHandle: false);
            if (!_links.TryGetValue(name, out var target)) return null;
            name = target;
        }
        throw CrunException.Integrity($"\"{path}\" is behind more than {MostLinks} links", "load");
    }

    public override void Dispose()
    {
        if (_owner is null) return;
        _file.Dispose();
        _owner.Dispose();
    }

    // Whoever writes into a pipe may go on after the tar's end, and shall not fail for it; but nobody reads for ever.
    private static void PassOver(Stream rest)
    {
        var buffer = new byte[256 * 1024];
        for (var left = MostAfterEnd; left > 0 && rest.Read(buffer) is > 0 and var count;) left -= count;
    }

    private void Add(TarEntry entry, long offset)
    {
        var name = Clean(entry.Name);
        _files.Remove(name);
        _links.Remove(name);
        if (entry.Kind == TarKind.File)
        {
            if (entry.Sparse is not null) throw CrunException.Integrity($"\"{name}\" is sparse", "load");
            _files[name] = (offset, entry.Size);
        }
        else if (entry.Kind == TarKind.HardLink)
        {
            _links[name] = Clean(entry.Target);
        }
        else if (entry.Kind == TarKind.SymbolicLink && Resolve(name, entry.Target) is { } target)
        {
            _links[name] = target;
        }
    }

    // Docker writes a layer that is there already as a link to it: ../ID/layer.tar. What leads out of the archive is nothing.
    private static string? Resolve(string name, string target)
    {
        if (target.StartsWith('/')) return null;
        var parts = new List<string>(EntryPaths.Split(name).Directory.Split('/', StringSplitOptions.RemoveEmptyEntries));
        foreach (var part in target.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (part == ".") continue;
            if (part != "..") parts.Add(part);
            else if (parts.Count == 0) return null;
            else parts.RemoveAt(parts.Count - 1);
        }
        return string.Join('/', parts);
    }
}

/// <summary>Reads a stream, and writes what it reads.</summary>
internal sealed class CopiedStream(Stream source, Stream copy) : ReadStream
{
    public override int Read(Span<byte> buffer)
    {
        var count = source.Read(buffer);
        copy.Write(buffer[..count]);
        return count;
    }
}
