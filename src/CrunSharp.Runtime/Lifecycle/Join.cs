using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Processes;
using CrunSharp.Oci.Runtime;
using CrunSharp.Runtime.Init;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Runtime.Lifecycle;

/// <summary>A further process in a running container: what <c>exec</c> does.</summary>
public static class Join
{
    private const long DevptsMagic = 0x1cd1;

    private const CloneFlags AllNamespaces = CloneFlags.CLONE_NEWNS | CloneFlags.CLONE_NEWPID | CloneFlags.CLONE_NEWNET
        | CloneFlags.CLONE_NEWIPC | CloneFlags.CLONE_NEWUTS | CloneFlags.CLONE_NEWCGROUP;

    /// <summary>The namespaces of a process that are not ours; all of them when that cannot be told.</summary>
    internal static CloneFlags NamespacesOf(PidHandle container) => AllNamespaces;

    /// <summary>Makes a process in a container's namespaces; it waits for <see cref="Launch.Start"/>.</summary>
    /// <param name="container">The container's first process.</param>
    /// <param name="process">The new process.</param>
    /// <param name="options">What the specification does not say.</param>
    /// <param name="terminalSocket">One end of a socket pair that gets the master side of the terminal; null without terminal.</param>
    /// <param name="standardInput">The process's descriptor 0; null leaves ours.</param>
    /// <param name="standardOutput">The process's descriptor 1, likewise.</param>
    /// <param name="standardError">The process's descriptor 2, likewise.</param>
    public static Launch Begin(PidHandle container, ProcessSpec process, LaunchOptions options, SafeFileHandle? terminalSocket = null,
        SafeFileHandle? standardInput = null, SafeFileHandle? standardOutput = null, SafeFileHandle? standardError = null)
    {
        var plan = new StagePlan();
        // Before it has anything of the container's, nothing in the container may look into it.
        plan.For("hide from the container").Hide();
        plan.For("join the container's namespaces").JoinNamespaces(container.File, NamespacesOf(container));
        plan.For("start the process").Clone(0, options.Cgroup);
        plan.For("start a session").NewSession();
        if (terminalSocket is not null) OpenTerminal(plan, terminalSocket, process);
        plan.For("wait for the start").Meet(InitPlan.Ready);
        ProcessSteps.Write(plan, process, options);
        return Launch.BeginPlan(plan, null, options, standardInput, standardOutput, standardError);
    }

    // The container may have put anything at /dev/pts: only a real devpts gives a terminal.
    private static void OpenTerminal(StagePlan plan, SafeFileHandle socket, ProcessSpec process)
    {
        var (master, terminal) = (plan.NewSlot(), plan.NewSlot());
        plan.For("open the terminal").OpenTrusted(AtCurrentDirectory, "/dev/pts/ptmx", OpenFlags.O_RDWR | OpenFlags.O_NOCTTY | OpenFlags.O_NOFOLLOW, master);
        plan.CheckFileSystem(master, DevptsMagic, "/dev/pts/ptmx is not on a devpts file system");
        plan.UnlockTerminal(master);
        plan.OpenTerminalPeer(master, terminal);
        if (process.User is { } user) plan.SetOwner(terminal, user.Uid, uint.MaxValue);
        plan.SendDescriptor(plan.Inherit(socket), master);
        for (var descriptor = 0; descriptor <= 2; descriptor++) plan.Duplicate(terminal, descriptor);
    }

    private const int AtCurrentDirectory = -100;
}
