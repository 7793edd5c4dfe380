namespace CrunSharp.Runtime.Criu;

/// <summary>What criu does about control groups.</summary>
/// <remarks>The values are criu's.</remarks>
public enum CriuCgroupMode
{
    /// <summary>Nothing: processes are restored in the container's cgroup.</summary>
    Ignore = 0,

    /// <summary>It restores the settings of those that it makes.</summary>
    Soft = 3,

    /// <summary>It restores the settings of all.</summary>
    Full = 4,

    /// <summary>As with full, and none may be there before.</summary>
    Strict = 5,
}

/// <summary>How criu keeps the container's connections from changing while it works.</summary>
/// <remarks>The values are criu's.</remarks>
public enum CriuNetworkLock
{
    /// <summary>Rules of iptables.</summary>
    Iptables = 0,

    /// <summary>Rules of nftables.</summary>
    Nftables = 1,

    /// <summary>Not at all.</summary>
    Skip = 2,
}

/// <summary>What a checkpoint and a restore both can be told.</summary>
public abstract record CriuOptions
{
    /// <summary>The directory of the images.</summary>
    public required string ImagePath { get; init; }

    /// <summary>The directory of logs and statistics; null for that of the images.</summary>
    public string? WorkPath { get; init; }

    /// <summary>Whether established TCP connections are kept.</summary>
    public bool TcpEstablished { get; init; }

    /// <summary>Whether TCP connections are closed.</summary>
    public bool TcpClose { get; init; }

    /// <summary>Whether unix sockets may be connected to others outside.</summary>
    public bool ExternalUnixSockets { get; init; }

    /// <summary>Whether the container may belong to a terminal's session outside.</summary>
    public bool ShellJob { get; init; }

    /// <summary>Whether locks of files are kept.</summary>
    public bool FileLocks { get; init; }

    /// <summary>Whether the network namespace is made empty, for others to fill.</summary>
    public bool EmptyNetwork { get; init; }

    /// <summary>Whether memory that a later image has is removed from the earlier ones.</summary>
    public bool AutoDedup { get; init; }

    /// <summary>Whether memory is brought over when it is used.</summary>
    public bool LazyPages { get; init; }

    /// <summary>What is done about control groups.</summary>
    public CriuCgroupMode CgroupMode { get; init; } = CriuCgroupMode.Soft;

    /// <summary>How connections are locked; null for criu's own choice.</summary>
    public CriuNetworkLock? NetworkLock { get; init; }
}
