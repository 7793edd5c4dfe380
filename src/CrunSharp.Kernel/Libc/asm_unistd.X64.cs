namespace CrunSharp.Kernel.Libc;

/// <summary>Numbers of the older system calls that the stage makes, for x86-64.</summary>
[CHeader("asm/unistd_64.h")]
internal static class NR_OLD
{
    public const int __NR_read = 0;
    public const int __NR_write = 1;
    public const int __NR_close = 3;
    public const int __NR_rt_sigaction = 13;
    public const int __NR_fcntl = 72;
    public const int __NR_statx = 332;
    public const int __NR_ioctl = 16;
    public const int __NR_getcwd = 79;
    public const int __NR_chdir = 80;
    public const int __NR_fchdir = 81;
    public const int __NR_umask = 95;
    public const int __NR_setpgid = 109;
    public const int __NR_setsid = 112;
    public const int __NR_setgroups = 116;
    public const int __NR_setresuid = 117;
    public const int __NR_setresgid = 119;
    public const int __NR_capget = 125;
    public const int __NR_capset = 126;
    public const int __NR_personality = 135;
    public const int __NR_fstatfs = 138;
    public const int __NR_pivot_root = 155;
    public const int __NR_prctl = 157;
    public const int __NR_umount2 = 166;
    public const int __NR_sethostname = 170;
    public const int __NR_setdomainname = 171;
    public const int __NR_exit_group = 231;
    public const int __NR_keyctl = 250;
    public const int __NR_openat = 257;
    public const int __NR_fchown = 93;
    public const int __NR_unshare = 272;
    public const int __NR_dup3 = 292;
    public const int __NR_prlimit64 = 302;
    public const int __NR_setns = 308;
    public const int __NR_seccomp = 317;
    public const int __NR_execveat = 322;
    public const int __NR_execve = 59;
    public const int __NR_sendmsg = 46;
    public const int __NR_socket = 41;
    public const int __NR_accept4 = 288;
    public const int __NR_mkdirat = 258;
    public const int __NR_ioprio_set = 251;
    public const int __NR_sched_setattr = 314;
    public const int __NR_chroot = 161;
    public const int __NR_sched_setaffinity = 203;
    public const int __NR_set_mempolicy = 238;
    public const int __NR_fchownat = 260;
    public const int __NR_bpf = 321;
}
