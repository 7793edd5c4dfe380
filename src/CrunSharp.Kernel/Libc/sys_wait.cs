using System.Runtime.InteropServices;

namespace CrunSharp.Kernel.Libc;

[CHeader("sys/wait.h")]
internal static class WAIT
{
    public const int WNOHANG = 1;
    public const int WEXITED = 4;
    public const int WNOWAIT = 0x1000000;
    public const int P_PIDFD = 3;
}

/// <summary>The part of siginfo_t that waitid fills in.</summary>
[CHeader("signal.h", "siginfo_t")]
internal unsafe struct siginfo_t
{
    public int si_signo;
    public int si_errno;
    public int si_code;
    private int _pad0;
    public int si_pid;
    public uint si_uid;
    public int si_status;
    private fixed int _pad[25];
}

[CHeader("signal.h")]
internal static class CLD
{
    public const int CLD_EXITED = 1;
    public const int CLD_KILLED = 2;
    public const int CLD_DUMPED = 3;
}

internal static unsafe partial class C
{
    [LibraryImport("libc", SetLastError = true)]
    public static partial int waitid(int idtype, int id, siginfo_t* info, int options);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int waitpid(int pid, int* status, int options);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int kill(int pid, int signal);
}
