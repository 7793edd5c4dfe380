using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace CrunSharp.Oci;

/// <summary>The identity of content: <c>sha256:</c> and 64 lower-case hexadecimal digits.</summary>
/// <seealso href="https://github.com/opencontainers/image-spec/blob/main/descriptor.md#digests"/>
public readonly record struct Digest
{
    /// <summary>How many bytes are hashed faster than OpenSSL is loaded.</summary>
    internal const int MostSmall = 128 * 1024;

    private const string Prefix = "sha256:";
    private readonly string? _hex;

    private Digest(string hex) => _hex = hex;

    /// <summary>The 64 hexadecimal digits, safe as a file name.</summary>
    /// <exception cref="InvalidOperationException">This is <c>default</c>, which is no digest.</exception>
    public string Hex => _hex ?? throw new InvalidOperationException("a default Digest has no value");

    /// <summary>Whether this is <c>default</c>, which is no digest.</summary>
    public bool IsEmpty => _hex is null;

    /// <summary>The first 12 digits, as Docker shows them.</summary>
    public string Short => Hex[..12];

    /// <summary>The digest of these bytes.</summary>
    public static Digest Of(ReadOnlySpan<byte> bytes)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        if (bytes.Length <= MostSmall) Sha256.Hash(bytes, hash);
        else SHA256.HashData(bytes, hash);
        return FromHash(hash);
    }

    /// <summary>The digest whose 32 hash bytes these are.</summary>
    public static Digest FromHash(ReadOnlySpan<byte> hash)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(hash.Length, SHA256.HashSizeInBytes);
        return new Digest(Convert.ToHexStringLower(hash));
    }

    /// <summary>Reads <c>sha256:HEX</c>.</summary>
    /// <exception cref="CrunException">It is not of that form, or of another algorithm.</exception>
    public static Digest Parse(string text) =>
        TryParse(text, out var digest) ? digest : throw CrunException.Invalid($"invalid digest \"{text}\"");

    /// <summary>Reads <c>sha256:HEX</c>; false when it is not of that form.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out Digest digest)
    {
        digest = default;
        return text is not null && text.StartsWith(Prefix, StringComparison.Ordinal)
            && TryParseHex(text[Prefix.Length..], out digest);
    }

    /// <summary>Reads the 64 digits alone; false when they are not.</summary>
    public static bool TryParseHex([NotNullWhen(true)] string? hex, out Digest digest)
    {
        var valid = hex is { Length: 64 } && !hex.AsSpan().ContainsAnyExcept("0123456789abcdef");
        digest = valid ? new Digest(hex!) : default;
        return valid;
    }

    /// <summary><c>sha256:HEX</c>; empty for <c>default</c>.</summary>
    public override string ToString() => _hex is null ? "" : Prefix + _hex;
}
