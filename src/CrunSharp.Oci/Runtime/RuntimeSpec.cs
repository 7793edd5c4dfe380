namespace CrunSharp.Oci.Runtime;

/// <summary>A container as the runtime-spec describes it: the content of a bundle's <c>config.json</c>.</summary>
/// <seealso href="https://github.com/opencontainers/runtime-spec/blob/main/config.md"/>
public sealed partial record RuntimeSpec
{
    /// <summary>The version of the specification that the document follows.</summary>
    public required string OciVersion { get; init; }

    /// <summary>The container's root file system.</summary>
    public RootSpec? Root { get; init; }

    /// <summary>The container's process.</summary>
    public ProcessSpec? Process { get; init; }

    /// <summary>The host name in the container's UTS namespace.</summary>
    public string? Hostname { get; init; }

    /// <summary>The NIS domain name in the container's UTS namespace.</summary>
    public string? Domainname { get; init; }

    /// <summary>Mounts, in the order in which they are made.</summary>
    public IReadOnlyList<MountSpec>? Mounts { get; init; }

    /// <summary>Programs to run at points of the container's life.</summary>
    public HooksSpec? Hooks { get; init; }

    /// <summary>Notes that the runtime does not need.</summary>
    public IReadOnlyDictionary<string, string>? Annotations { get; init; }

    /// <summary>What is Linux's own.</summary>
    public LinuxSpec? Linux { get; init; }
}

/// <summary>The container's root file system.</summary>
/// <seealso href="https://github.com/opencontainers/runtime-spec/blob/main/config.md#root"/>
public sealed record RootSpec
{
    /// <summary>Its directory, absolute or relative to the bundle.</summary>
    public required string Path { get; init; }

    /// <summary>Whether the container may not write to it.</summary>
    public bool Readonly { get; init; }
}

/// <summary>One mount.</summary>
/// <seealso href="https://github.com/opencontainers/runtime-spec/blob/main/config.md#mounts"/>
public sealed record MountSpec
{
    /// <summary>Where, absolute in the container.</summary>
    public required string Destination { get; init; }

    /// <summary>What: a file system's type; <c>bind</c> or null when the options have <c>bind</c> or <c>rbind</c>.</summary>
    public string? Type { get; init; }

    /// <summary>From where: a path of the host, or what the file system's type understands.</summary>
    public string? Source { get; init; }

    /// <summary>Options as in fstab.</summary>
    public IReadOnlyList<string>? Options { get; init; }

    /// <summary>The mount's own user id mappings.</summary>
    public IReadOnlyList<IdMapping>? UidMappings { get; init; }

    /// <summary>The mount's own group id mappings.</summary>
    public IReadOnlyList<IdMapping>? GidMappings { get; init; }
}

/// <summary>Programs to run at points of the container's life.</summary>
/// <seealso href="https://github.com/opencontainers/runtime-spec/blob/main/config.md#posix-platform-hooks"/>
public sealed record HooksSpec
{
    /// <summary>Deprecated: at the same point as <see cref="CreateRuntime"/>.</summary>
    public IReadOnlyList<HookSpec>? Prestart { get; init; }

    /// <summary>After the namespaces were made and before pivot_root, in the runtime's namespaces.</summary>
    public IReadOnlyList<HookSpec>? CreateRuntime { get; init; }

    /// <summary>After the mounts and before pivot_root, in the container's namespaces.</summary>
    public IReadOnlyList<HookSpec>? CreateContainer { get; init; }

    /// <summary>Before the container's process starts, in the container's namespaces.</summary>
    public IReadOnlyList<HookSpec>? StartContainer { get; init; }

    /// <summary>After the container's process started, in the runtime's namespaces.</summary>
    public IReadOnlyList<HookSpec>? Poststart { get; init; }

    /// <summary>After the container was deleted, in the runtime's namespaces.</summary>
    public IReadOnlyList<HookSpec>? Poststop { get; init; }
}

/// <summary>A program to run.</summary>
public sealed record HookSpec
{
    /// <summary>Its absolute path.</summary>
    public required string Path { get; init; }

    /// <summary>Its arguments, with its name first.</summary>
    public IReadOnlyList<string>? Args { get; init; }

    /// <summary>Its environment.</summary>
    public IReadOnlyList<string>? Env { get; init; }

    /// <summary>How long it may run.</summary>
    /// <value>Seconds, more than 0; null without limit.</value>
    public int? Timeout { get; init; }
}
