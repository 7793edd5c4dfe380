using CrunSharp.Kernel.Compression;
using CrunSharp.Oci;

namespace CrunSharp.Storage;

/// <summary>How layers are compressed that go out: to a registry or into a layout.</summary>
/// <param name="Kind">gzip or zstd.</param>
/// <param name="Level">0 to 9 for gzip, 1 to 22 for zstd; null for the usual one, and for what is compressed so already at any.</param>
public readonly record struct LayerCompression(CompressionKind Kind, int? Level = null)
{
    /// <summary>Gives about the size of zlib's level 3, but is made by our own encoder, which is faster.</summary>
    internal const int UsualGzip = 3;
    private const int UsualZstd = 3;

    /// <summary>The usual form: gzip.</summary>
    public static LayerCompression Usual => new(CompressionKind.Gzip, UsualGzip);

    /// <summary>Whether our own encoder makes it.</summary>
    internal bool IsUsual => Kind == CompressionKind.Gzip && ActualLevel == UsualGzip;

    /// <summary>The level that is used.</summary>
    internal int ActualLevel => Level ?? (Kind == CompressionKind.Zstd ? UsualZstd : UsualGzip);

    /// <summary>Sees to it that it is a form in which layers may go out.</summary>
    /// <exception cref="CrunException">The kind is neither gzip nor zstd, or has no such level.</exception>
    public LayerCompression Checked()
    {
        var (least, most) = Kind switch
        {
            CompressionKind.Gzip => (0, 9),
            CompressionKind.Zstd => (1, ZstdFrame.MostLevel),
            _ => throw CrunException.Invalid("layers are compressed with gzip or zstd"),
        };
        return Level is null || (Level >= least && Level <= most) ? this
            : throw CrunException.Invalid($"the compression level {Level} is not between {least} and {most}");
    }
}
