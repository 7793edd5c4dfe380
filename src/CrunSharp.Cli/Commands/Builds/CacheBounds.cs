using CrunSharp.Cli.Options;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Cli.Commands.Builds;

/// <summary>How much room what builds keep may take.</summary>
/// <param name="Reserved">What stays in any case, in bytes.</param>
/// <param name="Most">The most that it may take, in bytes; null for no such bound.</param>
/// <param name="Free">What has to stay free on the disk, in bytes; null for no such bound.</param>
internal sealed record CacheBounds(long Reserved, long? Most, long? Free)
{
    /// <summary>The variable that sets other ones.</summary>
    public const string Variable = "CRUN_SHARP_BUILD_CACHE";

    private const long Gigabyte = 1_000_000_000;

    /// <summary>BuildKit's usual ones: a tenth of the disk but no more than 10 GB is reserved, and no more than 80 % of it or 100 GB is taken; a fifth stays free.</summary>
    /// <param name="disk">The disk's size in bytes.</param>
    public static CacheBounds Usual(long disk) => new(Math.Min(disk / 10, 10 * Gigabyte), Math.Min(disk / 10 * 8, 100 * Gigabyte), disk / 5);

    /// <summary>The bounds of the environment: <c>reserved=10g,max=100g,free=20g</c>, of which what is not said is as usual; null for <c>off</c>.</summary>
    /// <param name="text">The text; null or empty for the usual ones.</param>
    /// <param name="disk">The disk's size in bytes.</param>
    /// <exception cref="CrunException">It has something else.</exception>
    public static CacheBounds? Parse(string? text, long disk)
    {
        var bounds = Usual(disk);
        if (string.IsNullOrEmpty(text)) return bounds;
        if (text == "off") return null;
        foreach (var part in text.Split(','))
        {
            var equals = part.IndexOf('=', StringComparison.Ordinal);
            try
            {
                var bytes = Numbers.Bytes(part[(equals + 1)..]);
                bounds = (equals < 0 ? "" : part[..equals]) switch
                {
                    "reserved" => bounds with { Reserved = bytes },
                    "max" => bounds with { Most = bytes },
                    "free" => bounds with { Free = bytes },
                    _ => throw CrunException.Invalid("off, reserved=SIZE, max=SIZE or free=SIZE is wanted"),
                };
            }
            catch (CrunException error)
            {
                throw error.Within($"${Variable}: \"{part}\"");
            }
        }
        return bounds;
    }

    /// <summary>How much may stay, in bytes.</summary>
    /// <param name="total">What there is.</param>
    /// <param name="free">What is free on the disk.</param>
    public long LimitOf(long total, long free)
    {
        var limit = Most ?? (Free is null ? 0 : long.MaxValue);
        if (Free is { } wanted && wanted > free) limit = Math.Min(limit, Math.Max(0, total - (wanted - free)));
        return Math.Max(limit, Reserved);
    }

    /// <summary>Whether nothing has to go, however much of what is taken on the disk is ours.</summary>
    /// <param name="directory">A directory of the disk.</param>
    /// <param name="free">What is free on it.</param>
    public bool HoldSurely(SafeFileHandle directory, out long free)
    {
        (var size, free) = OpenFile.Space(directory);
        return size - free <= LimitOf(size - free, free);
    }
}
