using CrunSharp.Network;

namespace CrunSharp.Engine.Containers;

/// <summary>What a container does.</summary>
public enum ContainerStatus
{
    /// <summary>It was never started.</summary>
    Created,

    /// <summary>Its program runs.</summary>
    Running,

    /// <summary>Its program has ended.</summary>
    Exited,

    /// <summary>Its record is damaged, as a power cut can leave it: it can be removed, and nothing else.</summary>
    Dead,
}

/// <summary>What changes in a container's life, as it was written last.</summary>
public sealed record ContainerState
{
    /// <summary>What it did when this was written; whether it still runs only the kernel tells.</summary>
    public ContainerStatus Status { get; init; }

    /// <summary>The first process.</summary>
    public int Pid { get; init; }

    /// <summary>When that process started, in clock ticks since boot: with its number its identity.</summary>
    public ulong PidStartTime { get; init; }

    /// <summary>The boot in which it was started.</summary>
    public string BootId { get; init; } = "";

    /// <summary>When it was started last, RFC 3339.</summary>
    public string StartedAt { get; init; } = "";

    /// <summary>When it ended last, RFC 3339.</summary>
    public string FinishedAt { get; init; } = "";

    /// <summary>The exit code, or 128 and the signal's number.</summary>
    public int ExitCode { get; init; }

    /// <summary>Why it could not be started.</summary>
    public string Error { get; init; } = "";

    /// <summary>Whether the kernel ended it for want of memory.</summary>
    public bool OomKilled { get; init; }

    /// <summary>Its place in its network.</summary>
    public EndpointRecord? Endpoint { get; init; }
}
