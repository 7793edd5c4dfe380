using CrunSharp.Oci.Runtime;

namespace CrunSharp.Build.Steps;

/// <summary>What RUN gets of the host. It changes how commands run, not what they are: of it only the volumes' places are in a key.</summary>
public sealed record StepHost
{
    /// <summary>Limits of memory and processors; null for none.</summary>
    public ResourcesSpec? Limits { get; init; }

    /// <summary>The cgroup that those of commands are made in, from the root; null for the root.</summary>
    public string? CgroupParent { get; init; }

    /// <summary>Name servers; none for the host's.</summary>
    public IReadOnlyList<string> Dns { get; init; } = [];

    /// <summary>The container whose network commands are in, by name or id; null for a network of their own.</summary>
    public string? NetworkOf { get; init; }

    /// <summary>Directories and files of the host that are mounted.</summary>
    public IReadOnlyList<StepVolume> Volumes { get; init; } = [];
}

/// <summary>A directory or file of the host that commands see. What is in it is no part of any key.</summary>
/// <param name="Source">Its path on the host, absolute.</param>
/// <param name="Target">Where it is, absolute.</param>
/// <param name="ReadOnly">Whether nothing can be written to it.</param>
public sealed record StepVolume(string Source, string Target, bool ReadOnly);
