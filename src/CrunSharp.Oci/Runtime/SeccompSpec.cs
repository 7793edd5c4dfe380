namespace CrunSharp.Oci.Runtime;

/// <summary>A system call filter.</summary>
/// <seealso href="https://github.com/opencontainers/runtime-spec/blob/main/config-linux.md#seccomp"/>
public sealed partial record SeccompSpec
{
    /// <summary>What happens to a call that no rule names, such as <c>SCMP_ACT_ERRNO</c>.</summary>
    public required string DefaultAction { get; init; }

    /// <summary>The error number of the default action.</summary>
    public uint? DefaultErrnoRet { get; init; }

    /// <summary>The architectures, such as <c>SCMP_ARCH_X86_64</c>.</summary>
    public IReadOnlyList<string>? Architectures { get; init; }

    /// <summary>Flags, such as <c>SECCOMP_FILTER_FLAG_LOG</c>.</summary>
    public IReadOnlyList<string>? Flags { get; init; }

    /// <summary>The socket that gets the listener of <c>SCMP_ACT_NOTIFY</c>.</summary>
    public string? ListenerPath { get; init; }

    /// <summary>What the listener is told.</summary>
    public string? ListenerMetadata { get; init; }

    /// <summary>The rules.</summary>
    public IReadOnlyList<SeccompRule>? Syscalls { get; init; }
}

/// <summary>What happens to some system calls.</summary>
public sealed record SeccompRule
{
    /// <summary>Their names.</summary>
    public required IReadOnlyList<string> Names { get; init; }

    /// <summary>What happens.</summary>
    public required string Action { get; init; }

    /// <summary>The error number of <c>SCMP_ACT_ERRNO</c> and <c>SCMP_ACT_TRACE</c>.</summary>
    public uint? ErrnoRet { get; init; }

    /// <summary>Conditions on the arguments, all of which must hold.</summary>
    public IReadOnlyList<SeccompArg>? Args { get; init; }
}

/// <summary>A condition on an argument of a system call.</summary>
public sealed record SeccompArg
{
    /// <summary>Which argument, 0 to 5.</summary>
    public uint Index { get; init; }

    /// <summary>What it is compared with; the mask of <c>SCMP_CMP_MASKED_EQ</c>.</summary>
    public ulong Value { get; init; }

    /// <summary>What the masked argument is compared with.</summary>
    public ulong ValueTwo { get; init; }

    /// <summary>How, such as <c>SCMP_CMP_EQ</c>.</summary>
    public required string Op { get; init; }
}
