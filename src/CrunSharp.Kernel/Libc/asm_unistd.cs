namespace CrunSharp.Kernel.Libc;

/// <summary>Numbers of the system calls that are the same on every architecture since Linux 5.1.</summary>
[CHeader("asm/unistd.h")]
internal static class NR
{
    public const int __NR_pidfd_send_signal = 424;
    public const int __NR_open_tree = 428;
    public const int __NR_move_mount = 429;
    public const int __NR_fsopen = 430;
    public const int __NR_fsconfig = 431;
    public const int __NR_fsmount = 432;
    public const int __NR_fspick = 433;
    public const int __NR_pidfd_open = 434;
    public const int __NR_clone3 = 435;
    public const int __NR_close_range = 436;
    public const int __NR_openat2 = 437;
    public const int __NR_pidfd_getfd = 438;
    public const int __NR_faccessat2 = 439;
    public const int __NR_mount_setattr = 442;
}
