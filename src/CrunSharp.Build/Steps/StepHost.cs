using CrunSharp.Oci.Runtime;

namespace CrunSharp.Build.Steps;

/// <summary>What RUN gets of the host. It changes how commands run, not what they are: of it only rights and the volumes' places are in a key.</summary>
public sealed record StepHost
{
    /// <summary>The host name; null for the usual one.</summary>
    public string? Hostname { get; init; }

    /// <summary>Limits of memory and processors; null for none.</summary>
    public ResourcesSpec? Limits { get; init; }

    /// <summary>The cgroup that those of commands are made in, from the root; null for the root.</summary>
    public string? CgroupParent { get; init; }

    /// <summary>Capabilities besides the usual ones, as capabilities(7) names them, or <c>ALL</c>.</summary>
    public IReadOnlyList<string> AddedCapabilities { get; init; } = [];

    /// <summary>Capabilities that are taken away, or <c>ALL</c>; what is added by name is there all the same.</summary>
    public IReadOnlyList<string> DroppedCapabilities { get; init; } = [];

    /// <summary>Name servers; none for the host's.</summary>
    public IReadOnlyList<string> Dns { get; init; } = [];

    /// <summary>Domains in which names are looked up; none for the host's.</summary>
    public IReadOnlyList<string> DnsSearch { get; init; } = [];

    /// <summary>Options of resolv.conf; none for the host's.</summary>
    public IReadOnlyList<string> DnsOptions { get; init; } = [];

    /// <summary>Whether no program gives more rights than its caller has: set-user-ID bits do nothing.</summary>
    public bool NoNewPrivileges { get; init; }

    /// <summary>The container whose network commands are in, by name or id; null for a network of their own.</summary>
    public string? NetworkOf { get; init; }

    /// <summary>The network of a user that commands are in, by name; null for none.</summary>
    public string? NetworkName { get; init; }

    /// <summary>Directories and files of the host that are mounted.</summary>
    public IReadOnlyList<StepVolume> Volumes { get; init; } = [];
}

/// <summary>A directory or file of the host that commands see. What is in it is no part of any key.</summary>
/// <param name="Source">Its path on the host, absolute.</param>
/// <param name="Target">Where it is, absolute.</param>
/// <param name="ReadOnly">Whether nothing can be written to it.</param>
public sealed record StepVolume(string Source, string Target, bool ReadOnly);
