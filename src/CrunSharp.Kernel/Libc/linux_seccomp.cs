namespace CrunSharp.Kernel.Libc;

#pragma warning disable CS1591 // C's names, documented by the manual
/// <summary>What a filter answers; the lower 16 bits are data, such as an error number.</summary>
/// <seealso href="https://man7.org/linux/man-pages/man2/seccomp.2.html"/>
[CHeader("linux/seccomp.h")]
public static class SECCOMP
{
    public const int SECCOMP_SET_MODE_FILTER = 1;
    public const uint SECCOMP_RET_KILL_PROCESS = 0x80000000;
    public const uint SECCOMP_RET_KILL_THREAD = 0x00000000;
    public const uint SECCOMP_RET_TRAP = 0x00030000;
    public const uint SECCOMP_RET_ERRNO = 0x00050000;
    public const uint SECCOMP_RET_USER_NOTIF = 0x7fc00000;
    public const uint SECCOMP_RET_TRACE = 0x7ff00000;
    public const uint SECCOMP_RET_LOG = 0x7ffc0000;
    public const uint SECCOMP_RET_ALLOW = 0x7fff0000;
    public const uint SECCOMP_RET_DATA = 0x0000ffff;
}

/// <summary>How a filter is installed.</summary>
/// <seealso href="https://man7.org/linux/man-pages/man2/seccomp.2.html"/>
[Flags, CHeader("linux/seccomp.h")]
public enum SeccompFilterFlags
{
    SECCOMP_FILTER_FLAG_TSYNC = 1,
    SECCOMP_FILTER_FLAG_LOG = 2,
    SECCOMP_FILTER_FLAG_SPEC_ALLOW = 4,
    SECCOMP_FILTER_FLAG_NEW_LISTENER = 8,
    SECCOMP_FILTER_FLAG_TSYNC_ESRCH = 16,
    SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV = 32,
}

/// <summary>What a filter looks at.</summary>
[CHeader("linux/seccomp.h", "struct seccomp_data")]
public unsafe struct seccomp_data
{
    public int nr;
    public uint arch;
    public ulong instruction_pointer;
    public fixed ulong args[6];
}
