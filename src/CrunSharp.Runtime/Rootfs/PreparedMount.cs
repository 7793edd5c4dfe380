using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Runtime.Rootfs;

/// <summary>A mount as far as it could be made outside of the container.</summary>
internal sealed class PreparedMount
{
    /// <summary>Where, absolute in the container and without links, <c>.</c> and <c>..</c>.</summary>
    public required string Destination { get; init; }

    /// <summary>The detached mount; null for one that must be made in the container's namespaces.</summary>
    public SafeFileHandle? Mount { get; init; }

    /// <summary>A file that is shown there: a copy of its mount is made once that is attached, before which not every kernel does.</summary>
    public SafeFileHandle? File { get; init; }

    /// <summary>The type of a file system that must be made in the container's namespaces; null for a change of what is mounted there.</summary>
    public string? Type { get; init; }

    /// <summary>What is shown instead where the kernel does not let the container have such a file system: a path of the host.</summary>
    public string? Instead { get; init; }

    /// <summary>Its options.</summary>
    public IReadOnlyList<KeyValuePair<string, string?>> Data { get; init; } = [];

    /// <summary>What is done to a mount that is not yet made.</summary>
    public MountOptions? Options { get; init; }

    /// <summary>
    /// Whether a copy of <see cref="Mount"/> is attached instead of itself. /proc/self/mountinfo lists mounts in the order in
    /// which they were made, and this one is made before mounts that precede it.
    /// </summary>
    public bool IsCopied { get; init; }

    /// <summary>Whether it becomes read-only when all is in it.</summary>
    public bool IsReadOnlyAtLast { get; init; }
}
