namespace CrunSharp.Oci.Runtime;

/// <summary>What of a container is Linux's own.</summary>
/// <seealso href="https://github.com/opencontainers/runtime-spec/blob/main/config-linux.md"/>
public sealed record LinuxSpec
{
    /// <summary>The namespaces to make or to join.</summary>
    public IReadOnlyList<NamespaceSpec>? Namespaces { get; init; }

    /// <summary>The user namespace's user ids.</summary>
    public IReadOnlyList<IdMapping>? UidMappings { get; init; }

    /// <summary>The user namespace's group ids.</summary>
    public IReadOnlyList<IdMapping>? GidMappings { get; init; }

    /// <summary>The time namespace's clocks, by name (<c>monotonic</c>, <c>boottime</c>).</summary>
    public IReadOnlyDictionary<string, TimeOffset>? TimeOffsets { get; init; }

    /// <summary>Devices beyond the default ones.</summary>
    public IReadOnlyList<DeviceSpec>? Devices { get; init; }

    /// <summary>The container's cgroup.</summary>
    public string? CgroupsPath { get; init; }

    /// <summary>Limits on resources.</summary>
    public ResourcesSpec? Resources { get; init; }

    /// <summary>The propagation of the root mount: <c>shared</c>, <c>slave</c>, <c>private</c>, <c>unbindable</c>.</summary>
    public string? RootfsPropagation { get; init; }

    /// <summary>The system call filter.</summary>
    public SeccompSpec? Seccomp { get; init; }

    /// <summary>Kernel parameters of the container's namespaces.</summary>
    public IReadOnlyDictionary<string, string>? Sysctl { get; init; }

    /// <summary>Paths that the container cannot read.</summary>
    public IReadOnlyList<string>? MaskedPaths { get; init; }

    /// <summary>Paths that the container cannot write.</summary>
    public IReadOnlyList<string>? ReadonlyPaths { get; init; }

    /// <summary>The SELinux label of mounts.</summary>
    public string? MountLabel { get; init; }

    /// <summary>The execution domain.</summary>
    public PersonalitySpec? Personality { get; init; }

    /// <summary>Network devices of the host that go into the container, by their name on the host.</summary>
    public IReadOnlyDictionary<string, NetDeviceSpec>? NetDevices { get; init; }

    /// <summary>The NUMA nodes that the container's memory is on.</summary>
    public MemoryPolicySpec? MemoryPolicy { get; init; }

    /// <summary>Shares of the processor's cache and memory bandwidth.</summary>
    public IntelRdtSpec? IntelRdt { get; init; }
}

/// <summary>A network device that goes into a container.</summary>
public sealed record NetDeviceSpec
{
    /// <summary>Its name there; null keeps the host's.</summary>
    public string? Name { get; init; }
}

/// <summary>The NUMA nodes that memory is on.</summary>
/// <seealso href="https://man7.org/linux/man-pages/man2/set_mempolicy.2.html"/>
public sealed record MemoryPolicySpec
{
    /// <summary>The mode, such as <c>MPOL_INTERLEAVE</c>.</summary>
    public required string Mode { get; init; }

    /// <summary>The nodes, as a list such as <c>0-3,7</c>.</summary>
    public string? Nodes { get; init; }

    /// <summary>Flags, such as <c>MPOL_F_STATIC_NODES</c>.</summary>
    public IReadOnlyList<string>? Flags { get; init; }
}

/// <summary>Shares of the processor's cache and memory bandwidth.</summary>
/// <seealso href="https://docs.kernel.org/filesystems/resctrl.html"/>
public sealed record IntelRdtSpec
{
    /// <summary>The class of service; null for one named after the container.</summary>
    public string? ClosId { get; init; }

    /// <summary>Lines for its <c>schemata</c>, written last.</summary>
    public IReadOnlyList<string>? Schemata { get; init; }

    /// <summary>The cache's schema.</summary>
    public string? L3CacheSchema { get; init; }

    /// <summary>The memory bandwidth's schema.</summary>
    public string? MemBwSchema { get; init; }

    /// <summary>Whether the container gets a monitoring group of its own.</summary>
    public bool EnableMonitoring { get; init; }
}

/// <summary>A namespace to make, or to join where a path is given.</summary>
public sealed record NamespaceSpec
{
    /// <summary><c>pid</c>, <c>network</c>, <c>mount</c>, <c>ipc</c>, <c>uts</c>, <c>user</c>, <c>cgroup</c>, <c>time</c>.</summary>
    public required string Type { get; init; }

    /// <summary>The file of a namespace to join.</summary>
    public string? Path { get; init; }
}

/// <summary>A range of ids and what they are on the host.</summary>
public sealed record IdMapping
{
    /// <summary>The first id in the container.</summary>
    public uint ContainerID { get; init; }

    /// <summary>The first id on the host.</summary>
    public uint HostID { get; init; }

    /// <summary>How many.</summary>
    public uint Size { get; init; }
}

/// <summary>A clock's offset.</summary>
public sealed record TimeOffset
{
    /// <summary>Seconds.</summary>
    public long Secs { get; init; }

    /// <summary>Nanoseconds.</summary>
    public uint Nanosecs { get; init; }
}

/// <summary>A device node.</summary>
public sealed record DeviceSpec
{
    /// <summary><c>c</c>, <c>u</c>, <c>b</c> or <c>p</c>.</summary>
    public required string Type { get; init; }

    /// <summary>Its path in the container.</summary>
    public required string Path { get; init; }

    /// <summary>Its major number.</summary>
    public long? Major { get; init; }

    /// <summary>Its minor number.</summary>
    public long? Minor { get; init; }

    /// <summary>Its permissions.</summary>
    public uint? FileMode { get; init; }

    /// <summary>Its owner.</summary>
    public uint? Uid { get; init; }

    /// <summary>Its group.</summary>
    public uint? Gid { get; init; }
}

/// <summary>The execution domain.</summary>
public sealed record PersonalitySpec
{
    /// <summary><c>LINUX</c> or <c>LINUX32</c>.</summary>
    public required string Domain { get; init; }

    /// <summary>Flags; the specification defines none.</summary>
    public IReadOnlyList<string>? Flags { get; init; }
}
