using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Processes;

namespace CrunSharp.Network.Addresses;

/// <summary>Who has an address.</summary>
internal sealed record LeaseRecord
{
    /// <summary>The container's id.</summary>
    public required string ContainerId { get; init; }

    /// <summary>The name of the interface on the host's side, which tells this lease from every other.</summary>
    public required string HostInterface { get; init; }

    /// <summary>The boot of the host in which the lease was taken.</summary>
    public required string BootId { get; init; }

    /// <summary>The process that took the lease.</summary>
    public required int Holder { get; init; }

    /// <summary>When that process started.</summary>
    public required ulong HolderStartTime { get; init; }

    /// <summary>A lease of this process.</summary>
    public static LeaseRecord Mine(string containerId, string hostInterface) => new()
    {
        ContainerId = containerId,
        HostInterface = hostInterface,
        BootId = Boot.Id,
        Holder = Environment.ProcessId,
        HolderStartTime = PidHandle.StartTimeOf(Environment.ProcessId),
    };
}

/// <summary>Facts about the running host.</summary>
internal static class Boot
{
    /// <summary>The random name of this boot.</summary>
    public static string Id => field ??= KernelFile.Read(null, "/proc/sys/kernel/random/boot_id").Trim();

    /// <summary>Whether the process of this number and start time, seen in this boot, is still there.</summary>
    public static bool IsAlive(string bootId, int pid, ulong startTime)
    {
        if (bootId != Id) return false;
        using var process = PidHandle.TryOpen(pid, startTime);
        return process is not null;
    }
}
