using CrunSharp.Oci;

namespace CrunSharp.Storage;

/// <summary>How much one layer may unpack to. Who goes over it is refused before it is written.</summary>
public sealed record LayerLimits
{
    /// <summary>The limits that are used when none are given.</summary>
    public static LayerLimits Default { get; } = new();

    /// <summary>Uncompressed bytes, sparse files counted with their holes.</summary>
    /// <value>Bytes; default 64 GiB. Never more than 95 % of the free space.</value>
    public long Bytes { get; init; } = 64L << 30;

    /// <summary>Files, directories and links.</summary>
    /// <value>Default 4 million.</value>
    public long Entries { get; init; } = 4_000_000;

    /// <summary>How many times larger than its compressed form a layer may be, once it has unpacked 1 GiB.</summary>
    /// <value>Default 2000.</value>
    public long Ratio { get; init; } = 2000;

    internal LayerLimits Within(long freeBytes) => this with { Bytes = Math.Min(Bytes, (long)(freeBytes * 0.95)) };

    internal void CheckBytes(long bytes)
    {
        if (bytes > Bytes) throw CrunException.Integrity($"the layer has more than {Bytes} bytes, which is the limit or what fits on the disk", "unpack");
    }

    internal void CheckEntries(long entries)
    {
        if (entries > Entries) throw CrunException.Integrity($"the layer has more than {Entries} entries", "unpack");
    }

    internal void CheckRatio(long uncompressed, long compressed)
    {
        if (uncompressed > 1L << 30 && uncompressed / Math.Max(compressed, 1) > Ratio)
            throw CrunException.Integrity($"the layer unpacks to more than {Ratio} times its size", "unpack");
    }
}
