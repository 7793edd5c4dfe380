using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Kernel.Libc;

[CHeader("linux/sched.h", "struct clone_args")]
internal struct clone_args
{
    public ulong flags;
    public ulong pidfd;
    public ulong child_tid;
    public ulong parent_tid;
    public ulong exit_signal;
    public ulong stack;
    public ulong stack_size;
    public ulong tls;
    public ulong set_tid;
    public ulong set_tid_size;
    public ulong cgroup;
}

#pragma warning disable CS1591 // C's names, documented by C's manual
/// <summary>What clone3, unshare and setns make new or share.</summary>
/// <seealso href="https://man7.org/linux/man-pages/man2/clone.2.html"/>
[Flags, CHeader("linux/sched.h")]
public enum CloneFlags : ulong
{
    CLONE_PIDFD = 0x1000,
    CLONE_PARENT = 0x8000,
    CLONE_NEWTIME = 0x80,
    CLONE_NEWNS = 0x20000,
    CLONE_NEWCGROUP = 0x2000000,
    CLONE_NEWUTS = 0x4000000,
    CLONE_NEWIPC = 0x8000000,
    CLONE_NEWUSER = 0x10000000,
    CLONE_NEWPID = 0x20000000,
    CLONE_NEWNET = 0x40000000,
    CLONE_INTO_CGROUP = 0x200000000,
}
#pragma warning restore CS1591

internal static unsafe partial class C
{
    [LibraryImport("libc", SetLastError = true)]
    public static partial int setns(SafeFileHandle fd, int nstype);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int unshare(int flags);
}
