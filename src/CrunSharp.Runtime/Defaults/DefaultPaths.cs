using System.Runtime.InteropServices;
using CrunSharp.Kernel.Files;

namespace CrunSharp.Runtime.Defaults;

/// <summary>Paths of procfs and sysfs that tell of the host or act on it.</summary>
public static class DefaultPaths
{
    private const string Processors = "/sys/devices/system/cpu";

    private static readonly string[] AlwaysMasked =
    [
        "/proc/acpi",
        "/proc/asound",
        "/proc/interrupts",
        "/proc/kcore",
        "/proc/keys",
        "/proc/latency_stats",
        "/proc/sched_debug",
        "/proc/scsi",
        "/proc/timer_list",
        "/proc/timer_stats",
        "/sys/devices/virtual/powercap",
        "/sys/firmware",
        "/sys/fs/selinux",
    ];

    /// <summary>What a container cannot write.</summary>
    public static IReadOnlyList<string> ReadOnly { get; } =
    [
        "/proc/bus",
        "/proc/fs",
        "/proc/irq",
        "/proc/sys",
        "/proc/sysrq-trigger",
    ];

    /// <summary>What a container cannot read; paths that are missing on a host are in it as well.</summary>
    /// <remarks>The throttling counters of each processor, a side channel, are in it where the host has them.</remarks>
    public static IReadOnlyList<string> Masked()
    {
        if (FileAt.TryStatus(null, Processors + "/cpu0/thermal_throttle") is null) return AlwaysMasked;
        var masked = new List<string>(AlwaysMasked);
        using var processors = FileAt.OpenDirectory(Processors);
        foreach (var name in FileAt.List(processors))
        {
            if (name.Length > 3 && name.StartsWith("cpu", StringComparison.Ordinal) && char.IsAsciiDigit(name[3]))
                masked.Add($"{Processors}/{name}/thermal_throttle");
        }
        CollectionsMarshal.AsSpan(masked)[AlwaysMasked.Length..].Sort(StringComparer.Ordinal);
        return masked;
    }
}
