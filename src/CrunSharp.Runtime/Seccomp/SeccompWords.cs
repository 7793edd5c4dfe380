using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;

namespace CrunSharp.Runtime.Seccomp;

/// <summary>How an argument is compared.</summary>
internal enum ArgumentOperator
{
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    MaskedEqual,
}

/// <summary>The specification's words for actions, operators, architectures and flags.</summary>
/// <seealso href="https://github.com/opencontainers/runtime-spec/blob/main/config-linux.md#seccomp"/>
internal static class SeccompWords
{
    private const string Section = "config-linux.md#seccomp";

    // The kernel cuts larger ones to this.
    private const uint MaxErrno = 4095;

    /// <summary>What the filter answers for an action; EPERM where an error number is needed and none is given.</summary>
    public static uint Verdict(string action, uint? errno)
    {
        var verdict = action switch
        {
            "SCMP_ACT_ALLOW" => SECCOMP.SECCOMP_RET_ALLOW,
            "SCMP_ACT_ERRNO" => SECCOMP.SECCOMP_RET_ERRNO,
            "SCMP_ACT_LOG" => SECCOMP.SECCOMP_RET_LOG,
            "SCMP_ACT_KILL" or "SCMP_ACT_KILL_THREAD" => SECCOMP.SECCOMP_RET_KILL_THREAD,
            "SCMP_ACT_KILL_PROCESS" => SECCOMP.SECCOMP_RET_KILL_PROCESS,
            "SCMP_ACT_TRAP" => SECCOMP.SECCOMP_RET_TRAP,
            "SCMP_ACT_TRACE" => SECCOMP.SECCOMP_RET_TRACE,
            "SCMP_ACT_NOTIFY" => SECCOMP.SECCOMP_RET_USER_NOTIF,
            _ => throw Invalid($"\"{action}\" is no action"),
        };
        if (verdict is not (SECCOMP.SECCOMP_RET_ERRNO or SECCOMP.SECCOMP_RET_TRACE))
            return errno is null ? verdict : throw Invalid($"{action} has no error number, but {errno} is given");
        var most = verdict == SECCOMP.SECCOMP_RET_ERRNO ? MaxErrno : SECCOMP.SECCOMP_RET_DATA;
        return errno > most ? throw Invalid($"{errno} is no error number") : verdict | (errno ?? (uint)Errno.EPERM);
    }

    public static ArgumentOperator Operator(string op) => op switch
    {
        "SCMP_CMP_EQ" => ArgumentOperator.Equal,
        "SCMP_CMP_NE" => ArgumentOperator.NotEqual,
        "SCMP_CMP_LT" => ArgumentOperator.Less,
        "SCMP_CMP_LE" => ArgumentOperator.LessOrEqual,
        "SCMP_CMP_GT" => ArgumentOperator.Greater,
        "SCMP_CMP_GE" => ArgumentOperator.GreaterOrEqual,
        "SCMP_CMP_MASKED_EQ" => ArgumentOperator.MaskedEqual,
        _ => throw Invalid($"\"{op}\" is no operator"),
    };

    /// <summary>The ABI of an architecture; null for one whose kernels this runtime does not run on.</summary>
    public static SyscallAbi? Abi(string architecture) => architecture switch
    {
        "SCMP_ARCH_X86_64" => SyscallAbi.X86_64,
        "SCMP_ARCH_X86" => SyscallAbi.X86,
        "SCMP_ARCH_X32" => SyscallAbi.X32,
        "SCMP_ARCH_AARCH64" => SyscallAbi.Arm64,
        "SCMP_ARCH_ARM" => SyscallAbi.Arm,
        "SCMP_ARCH_MIPS" or "SCMP_ARCH_MIPS64" or "SCMP_ARCH_MIPS64N32" or "SCMP_ARCH_MIPSEL" or "SCMP_ARCH_MIPSEL64"
            or "SCMP_ARCH_MIPSEL64N32" or "SCMP_ARCH_PPC" or "SCMP_ARCH_PPC64" or "SCMP_ARCH_PPC64LE" or "SCMP_ARCH_S390"
            or "SCMP_ARCH_S390X" or "SCMP_ARCH_PARISC" or "SCMP_ARCH_PARISC64" or "SCMP_ARCH_RISCV64"
            or "SCMP_ARCH_LOONGARCH64" or "SCMP_ARCH_M68K" or "SCMP_ARCH_SH" or "SCMP_ARCH_SHEB" => null,
        _ => throw Invalid($"\"{architecture}\" is no architecture"),
    };

    public static SeccompFilterFlags Flag(string flag) => flag switch
    {
        "SECCOMP_FILTER_FLAG_TSYNC" => SeccompFilterFlags.SECCOMP_FILTER_FLAG_TSYNC,
        "SECCOMP_FILTER_FLAG_LOG" => SeccompFilterFlags.SECCOMP_FILTER_FLAG_LOG,
        "SECCOMP_FILTER_FLAG_SPEC_ALLOW" => SeccompFilterFlags.SECCOMP_FILTER_FLAG_SPEC_ALLOW,
        "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV" => SeccompFilterFlags.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
        _ => throw Invalid($"\"{flag}\" is no flag"),
    };

    public static CrunException Invalid(string reason) => CrunException.Invalid(reason, "compile seccomp", Section);
}
