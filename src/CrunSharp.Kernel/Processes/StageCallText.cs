using System.Text;
using CrunSharp.Kernel.Libc;

namespace CrunSharp.Kernel.Processes;

/// <summary>Prints a step of a plan as strace would.</summary>
internal static class StageCallText
{
    /// <summary>Step numbers of stage.c that are no system calls.</summary>
    public const long Check = -1, BecomeInit = -2, Attend = -3;

    // How each call's arguments print: s a string, f a descriptor, d a number, x flags, o octal, . nothing.
    private static (string Name, string Arguments) Form(long number) => number switch
    {
        NR.__NR_clone3 => ("clone3", ".d"),
        NR.__NR_openat2 => ("openat2", "fs"),
        NR.__NR_fsopen => ("fsopen", "sx"),
        NR.__NR_fsconfig => ("fsconfig", "fdss"),
        NR.__NR_fsmount => ("fsmount", "fxx"),
        NR.__NR_open_tree => ("open_tree", "fsx"),
        NR.__NR_mount_setattr => ("mount_setattr", "fsx"),
        NR.__NR_move_mount => ("move_mount", "fsfsx"),
        NR.__NR_close_range => ("close_range", "ddx"),
        NR.__NR_faccessat2 => ("faccessat2", "fsxx"),
        NR_OLD.__NR_read => ("read", "f.d"),
        NR_OLD.__NR_write => ("write", "fsd"),
        NR_OLD.__NR_close => ("close", "f"),
        NR_OLD.__NR_ioctl => ("ioctl", "fx"),
        NR_OLD.__NR_getcwd => ("getcwd", ".d"),
        NR_OLD.__NR_chdir => ("chdir", "s"),
        NR_OLD.__NR_fchdir => ("fchdir", "f"),
        NR_OLD.__NR_umask => ("umask", "o"),
        NR_OLD.__NR_setsid => ("setsid", ""),
        NR_OLD.__NR_setgroups => ("setgroups", "d"),
        NR_OLD.__NR_setresuid => ("setresuid", "ddd"),
        NR_OLD.__NR_setresgid => ("setresgid", "ddd"),
        NR_OLD.__NR_capset => ("capset", ""),
        NR_OLD.__NR_fstatfs => ("fstatfs", "f"),
        NR_OLD.__NR_pivot_root => ("pivot_root", "ss"),
        NR_OLD.__NR_prctl => ("prctl", "dd"),
        NR_OLD.__NR_umount2 => ("umount2", "sx"),
        NR_OLD.__NR_sethostname => ("sethostname", "sd"),
        NR_OLD.__NR_setdomainname => ("setdomainname", "sd"),
        NR_OLD.__NR_exit_group => ("exit_group", "d"),
        NR_OLD.__NR_keyctl => ("keyctl", "ds"),
        NR_OLD.__NR_openat => ("openat", "fsx"),
        NR_OLD.__NR_socket => ("socket", "dxd"),
        NR_OLD.__NR_accept4 => ("accept4", "f..x"),
        NR_OLD.__NR_mkdirat => ("mkdirat", "fso"),
        NR_OLD.__NR_fchown => ("fchown", "fdd"),
        NR_OLD.__NR_unshare => ("unshare", "x"),
        NR_OLD.__NR_dup3 => ("dup3", "fdx"),
        NR_OLD.__NR_prlimit64 => ("prlimit64", "dd"),
        NR_OLD.__NR_setns => ("setns", "fx"),
        NR_OLD.__NR_seccomp => ("seccomp", "dx"),
        NR_OLD.__NR_statx => ("statx", "fsxx"),
        NR_OLD.__NR_execve => ("execve", "s"),
        NR_OLD.__NR_fchownat => ("fchownat", "fsddx"),
        NR_OLD.__NR_chroot => ("chroot", "s"),
        NR_OLD.__NR_personality => ("personality", "x"),
        NR_OLD.__NR_ioprio_set => ("ioprio_set", "ddx"),
        NR_OLD.__NR_sched_setattr => ("sched_setattr", "d.x"),
        NR_OLD.__NR_sched_setaffinity => ("sched_setaffinity", "dd"),
        NR_OLD.__NR_set_mempolicy => ("set_mempolicy", "x.d"),
        Check => ("check", ""),
        BecomeInit => ("clone", ""),
        Attend => ("wait4", "d"),
        _ => ($"syscall_{number}", "xxxxxx"),
    };

    /// <summary>The call without its result: <c>fsopen("proc", 0x1)</c>.</summary>
    /// <param name="step">The step.</param>
    /// <param name="read">Reads a string of the plan by its address.</param>
    public static string Describe(StagePlan.Step step, Func<ulong, string?> read)
    {
        var (name, form) = Form(step.Number);
        var text = new StringBuilder(name).Append('(');
        for (var i = 0; i < form.Length; i++)
        {
            if (form[i] == '.') continue;
            if (text[^1] != '(') text.Append(", ");
            var value = step.Arguments[i];
            var isSlot = (step.Indirect & (1u << i)) != 0;
            if (isSlot) text.Append("fd");
            else if (form[i] == 's') text.Append(value == 0 ? "NULL" : SystemCall.Quote(read(value)));
            else if (form[i] == 'f' && (int)value == AT.AT_FDCWD) text.Append("AT_FDCWD");
            else if (form[i] == 'x') text.Append("0x").Append(value.ToString("x"));
            else if (form[i] == 'o') text.Append('0').Append(Convert.ToString((long)value, 8));
            else text.Append((long)value);
        }
        return text.Append(')').ToString();
    }
}
