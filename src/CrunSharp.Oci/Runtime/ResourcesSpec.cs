namespace CrunSharp.Oci.Runtime;

/// <summary>Limits on resources, in the words of cgroup v1 as the specification has them.</summary>
/// <seealso href="https://github.com/opencontainers/runtime-spec/blob/main/config-linux.md#control-groups"/>
public sealed partial record ResourcesSpec
{
    /// <summary>Rules of which devices may be used, later ones win.</summary>
    public IReadOnlyList<DeviceRule>? Devices { get; init; }

    /// <summary>Memory.</summary>
    public MemorySpec? Memory { get; init; }

    /// <summary>Processor time.</summary>
    public CpuSpec? Cpu { get; init; }

    /// <summary>The number of tasks.</summary>
    public PidsSpec? Pids { get; init; }

    /// <summary>Block devices.</summary>
    public BlockIoSpec? BlockIO { get; init; }

    /// <summary>Huge pages.</summary>
    public IReadOnlyList<HugepageLimit>? HugepageLimits { get; init; }

    /// <summary>Marks of network traffic, which only cgroup v1 has.</summary>
    public NetworkSpec? Network { get; init; }

    /// <summary>RDMA, by device.</summary>
    public IReadOnlyDictionary<string, RdmaLimit>? Rdma { get; init; }

    /// <summary>Files of cgroup v2 and what to write to them.</summary>
    public IReadOnlyDictionary<string, string>? Unified { get; init; }
}

/// <summary>A rule of which devices may be used.</summary>
public sealed record DeviceRule
{
    /// <summary>Whether it allows or denies.</summary>
    public bool Allow { get; init; }

    /// <summary><c>a</c> (all), <c>c</c> or <c>b</c>; null means all.</summary>
    public string? Type { get; init; }

    /// <summary>The major number; null or -1 means all.</summary>
    public long? Major { get; init; }

    /// <summary>The minor number; null or -1 means all.</summary>
    public long? Minor { get; init; }

    /// <summary>Of <c>r</c>, <c>w</c>, <c>m</c>; null means all.</summary>
    public string? Access { get; init; }
}

/// <summary>Limits on memory; bytes, -1 without limit.</summary>
public sealed record MemorySpec
{
    /// <summary>Memory.</summary>
    public long? Limit { get; init; }

    /// <summary>What is kept when memory is short.</summary>
    public long? Reservation { get; init; }

    /// <summary>Memory and swap together.</summary>
    public long? Swap { get; init; }

    /// <summary>Kernel memory; no longer in the kernel.</summary>
    public long? Kernel { get; init; }

    /// <summary>Kernel memory of TCP; no longer in cgroup v2.</summary>
    public long? KernelTCP { get; init; }

    /// <summary>How readily pages are swapped out.</summary>
    public ulong? Swappiness { get; init; }

    /// <summary>Whether a process waits instead of being killed when memory runs out.</summary>
    public bool? DisableOOMKiller { get; init; }

    /// <summary>Whether usage is counted for children as well.</summary>
    public bool? UseHierarchy { get; init; }

    /// <summary>Whether a limit below present usage is refused.</summary>
    public bool? CheckBeforeUpdate { get; init; }
}

/// <summary>Limits on processor time.</summary>
public sealed record CpuSpec
{
    /// <summary>The share relative to others, 2 to 262144.</summary>
    public ulong? Shares { get; init; }

    /// <summary>Microseconds in a period; -1 without limit.</summary>
    public long? Quota { get; init; }

    /// <summary>Microseconds that may be saved up.</summary>
    public ulong? Burst { get; init; }

    /// <summary>The period in microseconds.</summary>
    public ulong? Period { get; init; }

    /// <summary>Microseconds of real-time scheduling in its period.</summary>
    public long? RealtimeRuntime { get; init; }

    /// <summary>The period of real-time scheduling in microseconds.</summary>
    public ulong? RealtimePeriod { get; init; }

    /// <summary>The CPUs, as a list such as <c>0-3,7</c>.</summary>
    public string? Cpus { get; init; }

    /// <summary>The memory nodes, as a list.</summary>
    public string? Mems { get; init; }

    /// <summary>1 for idle scheduling.</summary>
    public long? Idle { get; init; }
}

/// <summary>A limit on the number of tasks.</summary>
public sealed record PidsSpec
{
    /// <summary>Tasks; negative without limit. The first process counts, so that 0 is as good as 1.</summary>
    public long? Limit { get; init; }
}

/// <summary>Limits on block devices.</summary>
public sealed record BlockIoSpec
{
    /// <summary>The share relative to others, 10 to 1000.</summary>
    public ushort? Weight { get; init; }

    /// <summary>The share against children.</summary>
    public ushort? LeafWeight { get; init; }

    /// <summary>Shares by device.</summary>
    public IReadOnlyList<WeightDevice>? WeightDevice { get; init; }

    /// <summary>Bytes read a second.</summary>
    public IReadOnlyList<ThrottleDevice>? ThrottleReadBpsDevice { get; init; }

    /// <summary>Bytes written a second.</summary>
    public IReadOnlyList<ThrottleDevice>? ThrottleWriteBpsDevice { get; init; }

    /// <summary>Reads a second.</summary>
    public IReadOnlyList<ThrottleDevice>? ThrottleReadIOPSDevice { get; init; }

    /// <summary>Writes a second.</summary>
    public IReadOnlyList<ThrottleDevice>? ThrottleWriteIOPSDevice { get; init; }
}

/// <summary>A device's share.</summary>
public sealed record WeightDevice
{
    /// <summary>The major number.</summary>
    public long Major { get; init; }

    /// <summary>The minor number.</summary>
    public long Minor { get; init; }

    /// <summary>The share.</summary>
    public ushort? Weight { get; init; }

    /// <summary>The share against children.</summary>
    public ushort? LeafWeight { get; init; }
}

/// <summary>A device's rate.</summary>
public sealed record ThrottleDevice
{
    /// <summary>The major number.</summary>
    public long Major { get; init; }

    /// <summary>The minor number.</summary>
    public long Minor { get; init; }

    /// <summary>The rate.</summary>
    public ulong Rate { get; init; }
}

/// <summary>A limit on huge pages of one size.</summary>
public sealed record HugepageLimit
{
    /// <summary>The size, such as <c>2MB</c>.</summary>
    public required string PageSize { get; init; }

    /// <summary>Bytes.</summary>
    public ulong Limit { get; init; }
}

/// <summary>A limit on an RDMA device.</summary>
public sealed record RdmaLimit
{
    /// <summary>Handles.</summary>
    public uint? HcaHandles { get; init; }

    /// <summary>Objects.</summary>
    public uint? HcaObjects { get; init; }
}

/// <summary>Marks of network traffic.</summary>
public sealed record NetworkSpec
{
    /// <summary>The class of the container's packets.</summary>
    public uint? ClassID { get; init; }

    /// <summary>The priority of the container's packets, by interface.</summary>
    public IReadOnlyList<InterfacePriority>? Priorities { get; init; }
}

/// <summary>The priority of packets on an interface.</summary>
public sealed record InterfacePriority
{
    /// <summary>The interface.</summary>
    public required string Name { get; init; }

    /// <summary>The priority.</summary>
    public uint Priority { get; init; }
}
