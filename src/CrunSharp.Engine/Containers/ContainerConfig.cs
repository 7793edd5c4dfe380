using CrunSharp.Network;
using CrunSharp.Oci.Images;

namespace CrunSharp.Engine.Containers;

/// <summary>A container as it was asked for: what does not change from its creation to its removal.</summary>
public sealed record ContainerConfig
{
    /// <summary>The container's id: 64 hexadecimal digits.</summary>
    public required string Id { get; init; }

    /// <summary>The container's name.</summary>
    public required string Name { get; init; }

    /// <summary>When it was created, RFC 3339.</summary>
    public required string Created { get; init; }

    /// <summary>The image as the user named it.</summary>
    public required string Image { get; init; }

    /// <summary>The image's id, <c>sha256:…</c>.</summary>
    public required string ImageId { get; init; }

    /// <summary>The image's layers, the lowest first, by the digests of their tars.</summary>
    public required IReadOnlyList<string> Layers { get; init; }

    /// <summary>The program's first words.</summary>
    public IReadOnlyList<string> Entrypoint { get; init; } = [];

    /// <summary>The program's further words.</summary>
    public IReadOnlyList<string> Cmd { get; init; } = [];

    /// <summary>The environment, <c>NAME=value</c>.</summary>
    public IReadOnlyList<string> Env { get; init; } = [];

    /// <summary>Where the program starts; empty means <c>/</c>.</summary>
    public string WorkingDir { get; init; } = "";

    /// <summary><c>user[:group]</c>, names or numbers; empty means root.</summary>
    public string User { get; init; } = "";

    /// <summary>The host name.</summary>
    public string Hostname { get; init; } = "";

    /// <summary>Whether the program has a terminal.</summary>
    public bool Tty { get; init; }

    /// <summary>Whether the program's standard input is kept open.</summary>
    public bool OpenStdin { get; init; }

    /// <summary>Whether it was started attached.</summary>
    public bool Attached { get; init; }

    /// <summary>Whether it was made to be started at once: when its maker is killed before that, nobody wants it.</summary>
    public bool StartsAtOnce { get; init; }

    /// <summary>Labels of the image and the container.</summary>
    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();

    /// <summary>The signal that asks the program to end; empty means SIGTERM.</summary>
    public string StopSignal { get; init; } = "";

    /// <summary>How long to wait after it, in seconds; null means 10.</summary>
    public int? StopTimeout { get; init; }

    /// <summary>Ports that the program listens on: <c>80/tcp</c>.</summary>
    public IReadOnlyList<string> ExposedPorts { get; init; } = [];

    /// <summary>How to tell whether the program is healthy; kept for <c>inspect</c>.</summary>
    public HealthConfig? Healthcheck { get; init; }

    /// <summary>The image's shell of the shell form.</summary>
    public IReadOnlyList<string>? Shell { get; init; }

    /// <summary>What the container gets of the host.</summary>
    public required HostOptions Host { get; init; }
}

/// <summary>What a container gets of the host, and its limits.</summary>
public sealed record HostOptions
{
    /// <summary>Volumes, directories of the host and memory file systems.</summary>
    public IReadOnlyList<ContainerMount> Mounts { get; init; } = [];

    /// <summary>Ports of the host that lead to the container.</summary>
    public IReadOnlyList<PortForward> Ports { get; init; } = [];

    /// <summary><c>bridge</c>, <c>none</c>, <c>host</c>, <c>container:</c> and the container whose network it shares, or the name of a network that a user made.</summary>
    public string Network { get; init; } = "bridge";

    /// <summary>The address in that network; empty for any.</summary>
    public string IPv4Address { get; init; } = "";

    /// <summary>Further names by which other containers of that network find it.</summary>
    public IReadOnlyList<string> NetworkAliases { get; init; } = [];

    /// <summary>The container whose network it shares; null for none.</summary>
    public string? NetworkContainer => Network.StartsWith("container:", StringComparison.Ordinal) ? Network["container:".Length..] : null;

    /// <summary>Whether the container has a bridge's end in a namespace of its own.</summary>
    internal bool HasBridge => Network is not ("none" or "host") && NetworkContainer is null;

    /// <summary>Whether its network is one that a user made, in which containers find each other by name.</summary>
    internal bool HasUserNetwork => HasBridge && Network is not "bridge";

    /// <summary>Bytes of memory; 0 without limit.</summary>
    public long Memory { get; init; }

    /// <summary>Billionths of a CPU; 0 without limit.</summary>
    public long NanoCpus { get; init; }

    /// <summary>Tasks; 0 without limit.</summary>
    public long PidsLimit { get; init; }

    /// <summary>Whether the root file system is read-only.</summary>
    public bool ReadOnly { get; init; }

    /// <summary>Capabilities beside the default ones.</summary>
    public IReadOnlyList<string> CapAdd { get; init; } = [];

    /// <summary>Default capabilities that the container does not get.</summary>
    public IReadOnlyList<string> CapDrop { get; init; } = [];

    /// <summary>Whether the container gets everything.</summary>
    public bool Privileged { get; init; }

    /// <summary>Whether an init of ours is the first process.</summary>
    public bool Init { get; init; }

    /// <summary>Whether the container is removed when it ends.</summary>
    public bool AutoRemove { get; init; }

    /// <summary>Bytes of <c>/dev/shm</c>.</summary>
    public long ShmSize { get; init; } = 64 * 1024 * 1024;

    /// <summary>Lines of <c>/etc/hosts</c>, <c>name:address</c>.</summary>
    public IReadOnlyList<string> ExtraHosts { get; init; } = [];

    /// <summary>Name servers instead of the host's.</summary>
    public IReadOnlyList<string> Dns { get; init; } = [];

    /// <summary>Domains in which names are looked up instead of the host's; <c>.</c> for none.</summary>
    public IReadOnlyList<string> DnsSearch { get; init; } = [];

    /// <summary>Options of resolv.conf instead of the host's.</summary>
    public IReadOnlyList<string> DnsOptions { get; init; } = [];

    /// <summary>Resource limits, <c>name=soft[:hard]</c>.</summary>
    public IReadOnlyList<string> Ulimits { get; init; } = [];

    /// <summary>Whether execve may give no new privileges.</summary>
    public bool NoNewPrivileges { get; init; }

    /// <summary>A system call filter: empty for the default one, <c>unconfined</c>, or a profile's JSON.</summary>
    public string Seccomp { get; init; } = "";

    /// <summary>Kernel parameters.</summary>
    public IReadOnlyDictionary<string, string> Sysctls { get; init; } = new Dictionary<string, string>();

    /// <summary>Devices of the host, <c>host[:container[:permissions]]</c>.</summary>
    public IReadOnlyList<string> Devices { get; init; } = [];

    /// <summary>Supplementary groups, names or numbers.</summary>
    public IReadOnlyList<string> GroupAdd { get; init; } = [];

    /// <summary><c>json-file</c> or <c>none</c>.</summary>
    public string LogDriver { get; init; } = "json-file";
}

/// <summary>One mount of a container.</summary>
public sealed record ContainerMount
{
    /// <summary><c>bind</c>, <c>volume</c> or <c>tmpfs</c>.</summary>
    public required string Type { get; init; }

    /// <summary>The volume's name.</summary>
    public string? Name { get; init; }

    /// <summary>The path on the host.</summary>
    public string Source { get; init; } = "";

    /// <summary>The path in the container.</summary>
    public required string Destination { get; init; }

    /// <summary>Whether the container may not write to it.</summary>
    public bool ReadOnly { get; init; }

    /// <summary>The propagation; empty means <c>rprivate</c>.</summary>
    public string Propagation { get; init; } = "";

    /// <summary>Whether the mounts below the source stay out.</summary>
    public bool NonRecursive { get; init; }

    /// <summary>Whether an empty volume stays empty instead of getting what the image has there.</summary>
    public bool NoCopy { get; init; }

    /// <summary>Whether the volume was made for this container alone.</summary>
    public bool IsAnonymous { get; init; }

    /// <summary>Options of a memory file system.</summary>
    public IReadOnlyList<string> Options { get; init; } = [];
}
