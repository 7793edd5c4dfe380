using System.Runtime.InteropServices;
using System.Security.Cryptography;
using CrunSharp.Oci;

namespace CrunSharp.Build.Cache;

/// <summary>A SHA-256 as its 32 bytes, in place: a <see cref="Digest"/> is a string of 64 digits, too much for each of many files.</summary>
internal readonly record struct ContentHash(ulong A, ulong B, ulong C, ulong D)
{
    /// <summary>The hash whose bytes these are.</summary>
    public static ContentHash Read(ReadOnlySpan<byte> hash) => MemoryMarshal.Read<ContentHash>(hash);

    /// <summary>The same as a digest.</summary>
    public static ContentHash Of(Digest digest)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        Convert.FromHexString(digest.Hex, hash, out _, out _);
        return Read(hash);
    }

    /// <summary>Writes its 32 bytes.</summary>
    public void Write(Span<byte> hash) => MemoryMarshal.Write(hash, this);

    /// <summary>Its first 16 hexadecimal digits, to be shown.</summary>
    public string Short
    {
        get
        {
            Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
            Write(hash);
            return Convert.ToHexStringLower(hash[..8]);
        }
    }
}
