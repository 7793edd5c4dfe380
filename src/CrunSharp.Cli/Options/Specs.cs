namespace CrunSharp.Cli.Options;

/// <summary>A port of the container that is published on the host.</summary>
/// <param name="HostAddress">The host's address; null for all.</param>
/// <param name="HostPort">The host's port, or the first of those to choose from; 0 for any that is free.</param>
/// <param name="LastHostPort">The last of those to choose from; <paramref name="HostPort"/> when there is no choice.</param>
/// <param name="ContainerPort">The container's port.</param>
/// <param name="Protocol"><c>tcp</c>, <c>udp</c> or <c>sctp</c>.</param>
internal sealed record PublishSpec(string? HostAddress, ushort HostPort, ushort LastHostPort, ushort ContainerPort, string Protocol);

/// <summary>What kind of file system a <see cref="VolumeSpec"/> mounts.</summary>
internal enum VolumeKind
{
    /// <summary>A file or directory of the host.</summary>
    Bind,

    /// <summary>A named volume, or a new one without a name.</summary>
    Volume,

    /// <summary>Memory.</summary>
    Tmpfs,
}

/// <summary>A mount in the container, as <c>-v</c>, <c>--mount</c> or <c>--tmpfs</c> asked for it.</summary>
internal sealed record VolumeSpec
{
    public required VolumeKind Kind { get; init; }

    /// <summary>The host's absolute path, or the volume's name; null for a volume without a name, and for tmpfs.</summary>
    public string? Source { get; init; }

    /// <summary>The absolute path in the container.</summary>
    public required string Target { get; init; }

    public bool ReadOnly { get; init; }

    /// <summary>Whether a directory that is missing on the host is made: <c>-v</c> does, <c>--mount</c> does not.</summary>
    public bool MakesSource { get; init; }

    /// <summary>Whether a new volume stays empty instead of getting what the image has at the target.</summary>
    public bool NoCopy { get; init; }

    /// <summary>How mounts below spread: <c>rprivate</c>, <c>rshared</c>, …; null for the default.</summary>
    public string? Propagation { get; init; }

    /// <summary>Whether mounts below the source are left out.</summary>
    public bool NonRecursive { get; init; }

    /// <summary>SELinux relabelling: <c>z</c> (shared), <c>Z</c> (private); NUL for none.</summary>
    public char Relabel { get; init; }

    /// <summary>The directory of the volume that is mounted; null for the whole.</summary>
    public string? Subpath { get; init; }

    /// <summary>The volume's driver; null for the default.</summary>
    public string? Driver { get; init; }

    public IReadOnlyList<KeyValuePair<string, string>> DriverOptions { get; init; } = [];

    public IReadOnlyList<KeyValuePair<string, string>> Labels { get; init; } = [];

    /// <summary>The most that tmpfs holds; null for half of the memory.</summary>
    /// <value>Bytes.</value>
    public long? TmpfsSize { get; init; }

    /// <summary>The permissions of tmpfs's root; null for 01777.</summary>
    public uint? TmpfsMode { get; init; }

    /// <summary>Further mount options of tmpfs, as <c>--tmpfs</c> gave them.</summary>
    public IReadOnlyList<string> TmpfsOptions { get; init; } = [];
}

/// <summary>A variable of the container's environment.</summary>
/// <param name="Name">The name.</param>
/// <param name="Value">The value; null takes away what the image sets.</param>
internal sealed record EnvSpec(string Name, string? Value);

/// <summary>A resource limit.</summary>
/// <param name="Name">The name without <c>RLIMIT_</c>, in lower case: <c>nofile</c>.</param>
/// <param name="Soft">The soft limit; -1 for none.</param>
/// <param name="Hard">The hard limit; -1 for none.</param>
internal sealed record UlimitSpec(string Name, long Soft, long Hard);

/// <summary>A device of the host.</summary>
/// <param name="Source">Its path on the host.</param>
/// <param name="Target">Its path in the container.</param>
/// <param name="Permissions">Some of <c>rwm</c>.</param>
internal sealed record DeviceSpec(string Source, string Target, string Permissions);

/// <summary>A line of the container's hosts file.</summary>
/// <param name="Name">The host's name.</param>
/// <param name="Address">Its address, or <c>host-gateway</c>.</param>
internal sealed record HostSpec(string Name, string Address);

/// <summary>A network that the container joins.</summary>
internal sealed record NetworkSpec
{
    /// <summary>The network's name, or <c>bridge</c>, <c>host</c>, <c>none</c>, <c>container:NAME</c>.</summary>
    public required string Name { get; init; }

    public IReadOnlyList<string> Aliases { get; init; } = [];

    public string? Ip { get; init; }

    public string? Ip6 { get; init; }

    public string? MacAddress { get; init; }
}
