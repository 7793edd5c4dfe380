namespace CrunSharp.Oci.Runtime;

/// <summary>A process in a container.</summary>
/// <seealso href="https://github.com/opencontainers/runtime-spec/blob/main/config.md#process"/>
public sealed partial record ProcessSpec
{
    /// <summary>Whether it has a terminal.</summary>
    public bool Terminal { get; init; }

    /// <summary>The terminal's size at first.</summary>
    public ConsoleSize? ConsoleSize { get; init; }

    /// <summary>Who it runs as.</summary>
    public UserSpec? User { get; init; }

    /// <summary>The program and its arguments.</summary>
    public IReadOnlyList<string>? Args { get; init; }

    /// <summary>Its environment, <c>NAME=value</c>.</summary>
    public IReadOnlyList<string>? Env { get; init; }

    /// <summary>Its working directory, absolute in the container.</summary>
    public required string Cwd { get; init; }

    /// <summary>Its capabilities.</summary>
    public CapabilitiesSpec? Capabilities { get; init; }

    /// <summary>Its resource limits.</summary>
    public IReadOnlyList<RlimitSpec>? Rlimits { get; init; }

    /// <summary>Whether execve may give it no new privileges.</summary>
    public bool NoNewPrivileges { get; init; }

    /// <summary>Its AppArmor profile.</summary>
    public string? ApparmorProfile { get; init; }

    /// <summary>Its SELinux label.</summary>
    public string? SelinuxLabel { get; init; }

    /// <summary>How likely the kernel ends it when memory runs out.</summary>
    /// <value>-1000 to 1000; null inherits.</value>
    public int? OomScoreAdj { get; init; }

    /// <summary>Its CPU scheduling.</summary>
    public SchedulerSpec? Scheduler { get; init; }

    /// <summary>Its I/O priority.</summary>
    public IoPrioritySpec? IoPriority { get; init; }

    /// <summary>The CPUs of a process that joins the container.</summary>
    public ExecCpuAffinity? ExecCpuAffinity { get; init; }
}

/// <summary>A terminal's size in characters.</summary>
/// <param name="Height">Rows.</param>
/// <param name="Width">Columns.</param>
public sealed record ConsoleSize(int Height, int Width);

/// <summary>Who a process runs as.</summary>
public sealed record UserSpec
{
    /// <summary>The user id.</summary>
    public uint Uid { get; init; }

    /// <summary>The group id.</summary>
    public uint Gid { get; init; }

    /// <summary>The file mode creation mask.</summary>
    public uint? Umask { get; init; }

    /// <summary>The supplementary groups.</summary>
    public IReadOnlyList<uint>? AdditionalGids { get; init; }
}

/// <summary>The five sets of capabilities, each with names such as <c>CAP_CHOWN</c>.</summary>
/// <seealso href="https://man7.org/linux/man-pages/man7/capabilities.7.html"/>
public sealed record CapabilitiesSpec
{
    /// <summary>What execve can ever give.</summary>
    public IReadOnlyList<string>? Bounding { get; init; }

    /// <summary>What the kernel checks.</summary>
    public IReadOnlyList<string>? Effective { get; init; }

    /// <summary>What is kept across execve together with a file's own.</summary>
    public IReadOnlyList<string>? Inheritable { get; init; }

    /// <summary>What may be made effective.</summary>
    public IReadOnlyList<string>? Permitted { get; init; }

    /// <summary>What is kept across the execve of a program without capabilities of its own.</summary>
    public IReadOnlyList<string>? Ambient { get; init; }
}

/// <summary>A resource limit.</summary>
public sealed record RlimitSpec
{
    /// <summary>Its name, such as <c>RLIMIT_NOFILE</c>.</summary>
    public required string Type { get; init; }

    /// <summary>What the process may use.</summary>
    public ulong Soft { get; init; }

    /// <summary>How far it may raise that.</summary>
    public ulong Hard { get; init; }
}

/// <summary>CPU scheduling.</summary>
/// <seealso href="https://man7.org/linux/man-pages/man2/sched_setattr.2.html"/>
public sealed record SchedulerSpec
{
    /// <summary>The policy, such as <c>SCHED_BATCH</c>.</summary>
    public required string Policy { get; init; }

    /// <summary>The nice value.</summary>
    public int? Nice { get; init; }

    /// <summary>The static priority.</summary>
    public int? Priority { get; init; }

    /// <summary>Flags, such as <c>SCHED_FLAG_RESET_ON_FORK</c>.</summary>
    public IReadOnlyList<string>? Flags { get; init; }

    /// <summary>The run time of a deadline, in nanoseconds.</summary>
    public ulong? Runtime { get; init; }

    /// <summary>The deadline, in nanoseconds.</summary>
    public ulong? Deadline { get; init; }

    /// <summary>The period, in nanoseconds.</summary>
    public ulong? Period { get; init; }
}

/// <summary>I/O priority.</summary>
public sealed record IoPrioritySpec
{
    /// <summary>The class, such as <c>IOPRIO_CLASS_BE</c>.</summary>
    public required string Class { get; init; }

    /// <summary>The priority in the class.</summary>
    /// <value>0 (highest) to 7.</value>
    public int Priority { get; init; }
}

/// <summary>The CPUs of a process that joins a container.</summary>
public sealed record ExecCpuAffinity
{
    /// <summary>Before it is in the container's cgroup, as a list such as <c>0-3,7</c>.</summary>
    public string? Initial { get; init; }

    /// <summary>After.</summary>
    public string? Final { get; init; }
}
