using CrunSharp.Kernel.Libc;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Runtime.Rootfs;

/// <summary>A mount as far as it could be made outside of the container.</summary>
internal sealed class PreparedMount
{
    /// <summary>Where, absolute in the container and without <c>.</c> and <c>..</c>.</summary>
    public required string Destination { get; init; }

    /// <summary>The detached mount; null for one that must be made in the container's namespaces.</summary>
    public SafeFileHandle? Mount { get; init; }

    /// <summary>The type of a file system that must be made in the container's namespaces.</summary>
    public string? Type { get; init; }

    /// <summary>Its options.</summary>
    public IReadOnlyList<KeyValuePair<string, string?>> Data { get; init; } = [];

    /// <summary>Its attributes.</summary>
    public MountAttributes Attributes { get; init; }
}
