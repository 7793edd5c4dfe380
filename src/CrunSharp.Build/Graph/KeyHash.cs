using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using CrunSharp.Build.Cache;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci;

namespace CrunSharp.Build.Graph;

/// <summary>
/// A hash over parts, each with its length before it. It is made in pieces, of which <see cref="Digest.Of"/> hashes the first ones by
/// itself: a small build that finds everything in the cache needs no OpenSSL, and loading that would be a quarter of its time.
/// </summary>
internal sealed class KeyHash
{
    private const int PieceSize = 64 * 1024;
    private const int FewPieces = 8; // which take as long as it takes to load OpenSSL

    // No stream begins with it, as lengths are not negative.
    private const long Continued = -1;

    private byte[] _buffer = new byte[1024];
    private int _used;
    private int _pieces;

    /// <summary>Adds a text.</summary>
    public KeyHash Append(string text) => Append(text, Encoding.UTF8.GetMaxByteCount(text.Length), static (text, room) => Encoding.UTF8.GetBytes(text, room));

    /// <summary>Adds a file's name, as its bytes.</summary>
    public KeyHash AppendName(string name) => Append(name, 3 * name.Length, static (name, room) => PathEncoding.Encode(name, room));

    /// <summary>Adds a digest; an empty one is another than any.</summary>
    public KeyHash Append(Digest digest)
    {
        if (digest.IsEmpty) return Append(ReadOnlySpan<byte>.Empty);
        Append(32);
        Convert.FromHexString(digest.Hex, Room(32), out _, out _);
        _used += 32;
        return this;
    }

    /// <summary>Adds the hash of a file's content, as a digest.</summary>
    public KeyHash Append(ContentHash hash)
    {
        Append(32);
        hash.Write(Room(32));
        _used += 32;
        return this;
    }

    /// <summary>Adds bytes.</summary>
    public KeyHash Append(ReadOnlySpan<byte> bytes)
    {
        Append(bytes.Length);
        while (bytes.Length > 0)
        {
            var count = Math.Min(bytes.Length, PieceSize / 2);
            bytes[..count].CopyTo(Room(count));
            _used += count;
            bytes = bytes[count..];
        }
        return this;
    }

    /// <summary>Adds a number.</summary>
    public KeyHash Append(long number)
    {
        BinaryPrimitives.WriteInt64LittleEndian(Room(8), number);
        _used += 8;
        return this;
    }

    /// <summary>The hash of all.</summary>
    public Digest Finish() => Digest.Of(_buffer.AsSpan(0, _used));

    private KeyHash Append(string text, int most, Func<string, Span<byte>, int> write)
    {
        if (most > PieceSize / 2)
        {
            var bytes = new byte[most];
            return Append(bytes.AsSpan(0, write(text, bytes)));
        }
        var count = write(text, Room(8 + most)[8..]);
        Append(count);
        _used += count;
        return this;
    }

    private Span<byte> Room(int count)
    {
        if (_used + count > PieceSize)
        {
            var piece = ++_pieces <= FewPieces ? Finish() : Digest.FromHash(SHA256.HashData(_buffer.AsSpan(0, _used)));
            _used = 0;
            Append(Continued).Append(piece);
        }
        if (_used + count > _buffer.Length) Array.Resize(ref _buffer, Math.Min(PieceSize, Math.Max(2 * _buffer.Length, _used + count)));
        return _buffer.AsSpan(_used, count);
    }
}
