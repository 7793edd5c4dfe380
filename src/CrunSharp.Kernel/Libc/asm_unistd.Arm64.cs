namespace CrunSharp.Kernel.Libc;

/// <summary>Numbers of the older system calls that the stage makes, for arm64.</summary>
[CHeader("asm-generic/unistd.h")]
internal static class NR_OLD
{
    public const int __NR_read = 63;
    public const int __NR_write = 64;
    public const int __NR_close = 57;
    public const int __NR_rt_sigaction = 134;
    public const int __NR_fcntl = 25;
    public const int __NR_statx = 291;
    public const int __NR_ioctl = 29;
    public const int __NR_getcwd = 17;
    public const int __NR_chdir = 49;
    public const int __NR_fchdir = 50;
    public const int __NR_umask = 166;
    public const int __NR_setpgid = 154;
    public const int __NR_setsid = 157;
    public const int __NR_setgroups = 159;
    public const int __NR_setresuid = 147;
    public const int __NR_setresgid = 149;
    public const int __NR_capget = 90;
    public const int __NR_capset = 91;
    public const int __NR_personality = 92;
    public const int __NR_fstatfs = 44;
    public const int __NR_pivot_root = 41;
    public const int __NR_prctl = 167;
    public const int __NR_umount2 = 39;
    public const int __NR_sethostname = 161;
    public const int __NR_setdomainname = 162;
    public const int __NR_exit_group = 94;
    public const int __NR_keyctl = 219;
    public const int __NR_openat = 56;
    public const int __NR_fchown = 55;
    public const int __NR_unshare = 97;
    public const int __NR_dup3 = 24;
    public const int __NR_prlimit64 = 261;
    public const int __NR_setns = 268;
    public const int __NR_seccomp = 277;
    public const int __NR_execveat = 281;
    public const int __NR_execve = 221;
    public const int __NR_sendmsg = 211;
    public const int __NR_accept4 = 242;
    public const int __NR_socket = 198;
    public const int __NR_mkdirat = 34;
    public const int __NR_ioprio_set = 30;
    public const int __NR_sched_setattr = 274;
    public const int __NR_chroot = 51;
    public const int __NR_sched_setaffinity = 122;
    public const int __NR_set_mempolicy = 237;
    public const int __NR_fchownat = 54;
    public const int __NR_bpf = 280;
}
