namespace CrunSharp.Kernel.Libc;

[CHeader("linux/prctl.h")]
internal static class PR
{
    public const int PR_SET_PDEATHSIG = 1;
    public const int PR_SET_DUMPABLE = 4;
    public const int PR_SET_KEEPCAPS = 8;
    public const int PR_SET_NAME = 15;
    public const int PR_CAPBSET_READ = 23;
    public const int PR_CAPBSET_DROP = 24;
    public const int PR_SET_CHILD_SUBREAPER = 36;
    public const int PR_SET_NO_NEW_PRIVS = 38;
    public const int PR_CAP_AMBIENT = 47;
    public const int PR_CAP_AMBIENT_IS_SET = 1;
    public const int PR_CAP_AMBIENT_RAISE = 2;
    public const int PR_CAP_AMBIENT_CLEAR_ALL = 4;
}

[CHeader("linux/keyctl.h")]
internal static class KEYCTL
{
    public const int KEYCTL_JOIN_SESSION_KEYRING = 1;
}

[CHeader("linux/close_range.h")]
internal static class CLOSE_RANGE
{
    public const int CLOSE_RANGE_CLOEXEC = 4;
}
