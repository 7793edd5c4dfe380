using System.Runtime.InteropServices;
using CrunSharp.Kernel.Libc;

namespace CrunSharp.Runtime.Seccomp;

/// <summary>The sets of system calls that a kernel may have side by side.</summary>
internal enum SyscallAbi
{
    X86_64,
    X86,
    X32,
    Arm64,
    Arm,
}

/// <summary>Names of system calls and their numbers.</summary>
internal static partial class SyscallTable
{
    /// <summary>Set in the number of every call of the X32 ABI.</summary>
    public const int X32Bit = 0x40000000;

    /// <summary>The number of a call; -1 when the ABI has no such call.</summary>
    public static int Number(SyscallAbi abi, string name) => abi switch
    {
        SyscallAbi.X86_64 => X86_64(name),
        SyscallAbi.X86 => X86(name),
        SyscallAbi.X32 => X32(name),
        SyscallAbi.Arm64 => Arm64(name),
        SyscallAbi.Arm => Arm(name),
        _ => -1,
    };

    /// <summary>The architecture by which a filter knows an ABI.</summary>
    public static AuditArchitecture Architecture(SyscallAbi abi) => abi switch
    {
        SyscallAbi.X86_64 or SyscallAbi.X32 => AuditArchitecture.AUDIT_ARCH_X86_64,
        SyscallAbi.X86 => AuditArchitecture.AUDIT_ARCH_I386,
        SyscallAbi.Arm64 => AuditArchitecture.AUDIT_ARCH_AARCH64,
        _ => AuditArchitecture.AUDIT_ARCH_ARM,
    };

    /// <summary>Whether arguments are 32 bits wide.</summary>
    public static bool HasNarrowArguments(SyscallAbi abi) => abi is SyscallAbi.X86 or SyscallAbi.Arm;

    /// <summary>The ABI of 64-bit programs of this machine.</summary>
    public static SyscallAbi Native =>
        RuntimeInformation.ProcessArchitecture == System.Runtime.InteropServices.Architecture.Arm64 ? SyscallAbi.Arm64 : SyscallAbi.X86_64;

    /// <summary>Whether a kernel for programs of <paramref name="native"/> can have <paramref name="abi"/> as well.</summary>
    public static bool IsBeside(SyscallAbi native, SyscallAbi abi) => native == SyscallAbi.Arm64
        ? abi is SyscallAbi.Arm64 or SyscallAbi.Arm
        : abi is SyscallAbi.X86_64 or SyscallAbi.X86 or SyscallAbi.X32;
}
