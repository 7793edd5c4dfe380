using System.Collections.Concurrent;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Storage;

/// <summary>Content by its digest: what is in it is whole and right, and never changes.</summary>
/// <remarks>What this object adds or finds stays until its <see cref="Store"/> is closed, even if nothing refers to it.</remarks>
public sealed class ContentStore
{
    private readonly StoreDirectories _directories;
    private readonly Pins _pins;
    private readonly Drafts _drafts;
    private readonly ConcurrentDictionary<Digest, bool> _made = new();

    internal ContentStore(StoreDirectories directories, Pins pins, Drafts drafts) =>
        (_directories, _pins, _drafts) = (directories, pins, drafts);

    /// <summary>Whether it is there; from then on it stays.</summary>
    public bool Contains(Digest digest) => _pins.TryPin(_directories.Blobs, digest.Hex);

    /// <summary>Its size in bytes; null when it is not there.</summary>
    public long? SizeOf(Digest digest) => FileAt.TryStatus(_directories.Blobs, digest.Hex)?.Size;

    /// <summary>Reads it; the end of the stream is an error unless the bytes have the digest. What this object made is not hashed again.</summary>
    /// <exception cref="CrunException">It is not there.</exception>
    public Stream Open(Digest digest)
    {
        var content = OpenUnverified(digest);
        return _made.ContainsKey(digest) ? content : new VerifyingStream(content, digest, content.Size, $"content {digest}");
    }

    /// <summary>All of it.</summary>
    /// <exception cref="CrunException">It is not there, has more than <paramref name="most"/> bytes, or is damaged.</exception>
    public byte[] Read(Digest digest, long most)
    {
        var content = ReadUpTo(digest, most);
        // Not by a VerifyingStream, whose first one loads OpenSSL: this is on the way of every start of a container.
        if (Digest.Of(content) is var actual && actual != digest)
            throw CrunException.Integrity($"its digest is {actual} where {digest} was promised", $"content {digest}");
        return content;
    }

    /// <summary>Adds these bytes.</summary>
    public Digest Add(ReadOnlySpan<byte> content)
    {
        var digest = Digest.Of(content);
        if (Contains(digest))
        {
            if (TryReadWhole(digest, content.Length)) return digest;
            Remove(digest);
        }
        using var draft = Begin();
        draft.Write(content);
        return draft.Publish(digest);
    }

    /// <summary>Adds what a stream has, to its end. When the expected content is there already, nothing is read.</summary>
    /// <param name="source">The stream.</param>
    /// <param name="expected">The digest that it must have.</param>
    /// <param name="size">The size that it must have, in bytes.</param>
    /// <exception cref="CrunException">Digest or size are others than expected; nothing was added.</exception>
    public Digest Ingest(Stream source, Digest? expected = null, long? size = null)
    {
        if (expected is { } known && Contains(known)) return known;
        using var draft = Begin();
        using var verified = new VerifyingStream(source, expected, size, expected is { } digest ? $"content {digest}" : "content", leaveOpen: true);
        var buffer = new byte[256 * 1024];
        while (verified.Read(buffer) is > 0 and var count) draft.Write(buffer.AsSpan(0, count));
        return draft.Publish(verified.Actual);
    }

    /// <summary>Reads it for somebody who verifies the bytes.</summary>
    /// <exception cref="CrunException">It is not there.</exception>
    internal HandleStream OpenUnverified(Digest digest)
    {
        var file = OpenFile(digest);
        return new HandleStream(file, 0, FileAt.Status(file).Size, ownsHandle: true);
    }

    /// <summary>Publishes what was made and hashed here.</summary>
    internal Digest Publish(BlobDraft draft, Digest digest)
    {
        draft.Publish(digest);
        if (!draft.IsTwin) _made.TryAdd(digest, true);
        return digest;
    }

    internal BlobDraft Begin() => new(_directories, _pins, _drafts);

    private byte[] ReadUpTo(Digest digest, long most)
    {
        using var file = OpenFile(digest);
        try
        {
            return Kernel.Files.OpenFile.ReadAll(file, most, out var size)
                ?? throw CrunException.Integrity($"it has {size} bytes, more than {most}", $"content {digest}");
        }
        catch (CrunException error) when (error.Errno == Errno.EISDIR)
        {
            throw CrunException.Integrity("it is no file", $"content {digest}");
        }
    }

    private bool TryReadWhole(Digest digest, int size)
    {
        try
        {
            return Read(digest, size).Length == size;
        }
        catch (CrunException error) when (error.Kind is ErrorKind.Integrity or ErrorKind.NotFound)
        {
            return false; // a power cut, or a hand, spoiled it: it is made anew
        }
    }

    private void Remove(Digest digest)
    {
        _pins.Release(_directories.Blobs, digest.Hex);
        FileAt.RemoveTree(_directories.Blobs, digest.Hex); // whatever a hand has put there
    }

    private SafeFileHandle OpenFile(Digest digest)
    {
        var file = FileAt.TryOpen(_directories.Blobs, digest.Hex, OpenFlags.O_RDONLY | OpenFlags.O_NOFOLLOW, out var errno);
        if (file is null && errno == Errno.ENOENT) throw CrunException.NotFound($"content {digest} is not in the store");
        return file ?? FileAt.Open(_directories.Blobs, digest.Hex, OpenFlags.O_RDONLY | OpenFlags.O_NOFOLLOW);
    }
}
