using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using CrunSharp.Runtime.Cgroups.Stats;

namespace CrunSharp.Runtime.Cgroups;

public sealed partial class ContainerCgroups
{
    /// <summary>What the container uses now; a controller that the host has not counts 0.</summary>
    /// <exception cref="CrunException">The cgroups were removed.</exception>
    public CgroupStats ReadStats() =>
        StatsReader.Read(file => _unified?.TryRead(file), (controller, file) => With(controller)?.TryRead(file), PageSizes());

    /// <summary>Watches for memory that runs out; null when the host counts no memory.</summary>
    /// <exception cref="CrunException">The errors of eventfd and write.</exception>
    public OomWatch? WatchOom()
    {
        if (With("memory") is { } memory) return OomWatch.OfV1(memory.Directory);
        return _unified?.TryOpenEvents("memory.events") is { } counters ? OomWatch.Of(counters) : null;
    }

    // hugepages-2048kB
    private static List<string> PageSizes()
    {
        var sizes = new List<string>();
        using var directory = FileAt.TryOpen(null, "/sys/kernel/mm/hugepages", OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY, out _);
        if (directory is null) return sizes;
        foreach (var name in FileAt.List(directory))
        {
            var text = name.AsSpan(name.LastIndexOf('-') + 1);
            if (!text.EndsWith("kB") || !long.TryParse(text[..^2], out var kilobytes)) continue;
            sizes.Add(kilobytes % (1 << 20) == 0 ? $"{kilobytes >> 20}GB" : kilobytes % (1 << 10) == 0 ? $"{kilobytes >> 10}MB" : $"{kilobytes}KB");
        }
        return sizes;
    }
}
