using CrunSharp.Kernel.Files;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Storage;

/// <summary>
/// How much one layer, archive or context may unpack to. Who goes over it is refused before it is written, with the limit and
/// its setting in the error.
/// </summary>
public sealed record LayerLimits
{
    /// <summary>The environment variable that sets them: <c>bytes=128g,entries=8000000,ratio=50000</c>, each of which may be left out.</summary>
    public const string Variable = "CRUN_SHARP_LAYER_LIMITS";

    private const long AlwaysAllowed = 1L << 30;

    /// <summary>The limits that are used when none are given.</summary>
    public static LayerLimits Default { get; } = new();

    /// <summary>No limit but the disk's, for what was accepted before.</summary>
    internal static LayerLimits None { get; } = new() { Bytes = long.MaxValue, Entries = long.MaxValue, Ratio = long.MaxValue };

    /// <summary>Uncompressed bytes, sparse files counted with their holes.</summary>
    /// <value>Bytes; default 64 GiB.</value>
    public long Bytes { get; init; } = 64L << 30;

    /// <summary>Files, directories and links.</summary>
    /// <value>Default 4 million.</value>
    public long Entries { get; init; } = 4_000_000;

    /// <summary>How many times larger than its compressed form a layer may be, once it has unpacked 1 GiB.</summary>
    /// <value>Default 2000: twice what gzip can do at most, so that it stops what was made to be large.</value>
    public long Ratio { get; init; } = 2000;

    // Bytes that may be written.
    private long Room { get; init; } = long.MaxValue;

    /// <summary>The same limits, and no more bytes than 95 % of what is free in a directory's file system now; holes take no room.</summary>
    /// <param name="directory">The directory.</param>
    public LayerLimits Within(SafeFileHandle directory) => this with { Room = OpenFile.FreeBytes(directory) / 20 * 19 };

    /// <summary>The decoded bytes of a stream, up to the limits; the stream is disposed with it.</summary>
    /// <param name="source">The stream, compressed or not.</param>
    public Stream Decode(Stream source)
    {
        var compressed = new CountingStream(source);
        return new LimitingStream(Compression.Open(compressed), compressed, this);
    }

    /// <summary>Refuses too many entries.</summary>
    /// <param name="entries">How many there are until now.</param>
    /// <exception cref="CrunException">There are more.</exception>
    public void CheckEntries(long entries)
    {
        if (entries > Entries) throw Exceeded($"it has more than {Entries} entries", "entries=NUMBER");
    }

    /// <summary>Refuses too large files.</summary>
    /// <param name="bytes">How many bytes there were before.</param>
    /// <param name="more">How many the next file has, holes included: any number.</param>
    /// <exception cref="CrunException">There are more.</exception>
    public void CheckBytes(long bytes, long more)
    {
        if (more > Bytes || bytes > Bytes - more) throw Exceeded($"it unpacks to more than {Bytes} bytes", "bytes=SIZE");
    }

    internal void CheckStream(long uncompressed, long compressed)
    {
        CheckBytes(0, uncompressed);
        if (uncompressed > Room)
            throw new CrunException(ErrorKind.System, $"it unpacks to more than {Room} bytes, which is what fits on the disk", errno: Errno.ENOSPC);
        if (uncompressed > AlwaysAllowed && uncompressed / Math.Max(compressed, 1) > Ratio)
            throw Exceeded($"it unpacks to more than {Ratio} times its size", "ratio=NUMBER");
    }

    private static CrunException Exceeded(string what, string setting) => CrunException.Integrity($"{what}, which is the limit ({Variable}={setting} sets another)");
}
