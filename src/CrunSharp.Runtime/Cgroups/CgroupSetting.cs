namespace CrunSharp.Runtime.Cgroups;

/// <summary>A value to write to a file of a cgroup.</summary>
/// <param name="Resource">The part of the specification's resources that asks for it, such as <c>memory.limit</c>.</param>
/// <param name="Controller">The controller that the file belongs to; empty for the cgroup's own files.</param>
/// <param name="File">The file's name.</param>
/// <param name="Value">What to write.</param>
/// <param name="Fallback">A file that takes the same value, for kernels without <paramref name="File"/>.</param>
public readonly record struct CgroupSetting(string Resource, string Controller, string File, string Value, string? Fallback = null)
{
    /// <summary>The value for <see cref="Fallback"/>; null when it is the same.</summary>
    public string? FallbackValue { get; init; }

    /// <summary>Whether it only says what holds anyway where the file is missing.</summary>
    public bool IsOptional { get; init; }

    /// <summary>
    /// Whether it asks for no limit, which is what holds without the controller as well. A file that is named itself is
    /// wanted in any case.
    /// </summary>
    public bool IsUnlimited => Value is "max" or "-1" && !Resource.StartsWith("unified.", StringComparison.Ordinal);

    /// <summary>
    /// Whether the kernel may refuse it (EINVAL) until others are written, since it checks one limit against another.
    /// </summary>
    public bool MayWait { get; init; }

    /// <summary>Whether the file is read again: the kernel takes values there that it does not keep.</summary>
    public bool IsVerified { get; init; }

    /// <summary>
    /// What to write for no limit where the file has a line for each device and the value is one of those lines.
    /// </summary>
    public string? Unset { get; init; }
}

/// <summary>A limit that this host cannot enforce.</summary>
/// <param name="Resource">The part of the specification's resources, such as <c>memory.limit</c>.</param>
/// <param name="Controller">The controller that is missing.</param>
public readonly record struct MissingController(string Resource, string Controller);
