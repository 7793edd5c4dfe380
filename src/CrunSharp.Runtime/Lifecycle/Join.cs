using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Processes;
using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;
using CrunSharp.Runtime.Init;
using CrunSharp.Runtime.Rootfs;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Runtime.Lifecycle;

/// <summary>A further process in a running container: what <c>exec</c> does.</summary>
public static class Join
{
    private const long DevptsMagic = 0x1cd1;

    private static readonly (string Name, CloneFlags Flag)[] Namespaces =
    [
        ("mnt", CloneFlags.CLONE_NEWNS), ("pid", CloneFlags.CLONE_NEWPID), ("net", CloneFlags.CLONE_NEWNET), ("ipc", CloneFlags.CLONE_NEWIPC),
        ("uts", CloneFlags.CLONE_NEWUTS), ("cgroup", CloneFlags.CLONE_NEWCGROUP), ("user", CloneFlags.CLONE_NEWUSER), ("time", CloneFlags.CLONE_NEWTIME),
    ];

    /// <summary>The namespaces of a process that are not ours.</summary>
    /// <param name="container">The process.</param>
    /// <param name="made">Those that were made for it.</param>
    /// <exception cref="CrunException">The process has ended.</exception>
    internal static CloneFlags NamespacesOf(PidHandle container, CloneFlags made = 0)
    {
        // To join the user namespace that one is in is an error; to join any other is not.
        made &= ~CloneFlags.CLONE_NEWUSER;
        var flags = made;
        using var theirs = FileAt.TryOpen(null, container.PathOf("ns"), OpenFlags.O_PATH | OpenFlags.O_DIRECTORY, out _);
        using var ours = FileAt.Open(null, "/proc/thread-self/ns", OpenFlags.O_PATH | OpenFlags.O_DIRECTORY);
        if (theirs is null) throw CrunException.WrongState("the container is not running");
        foreach (var (name, flag) in Namespaces)
        {
            if ((made & flag) != 0) continue;
            // The link names the namespace; to follow it would make an inode for it.
            if (FileAt.TryReadSymbolicLink(theirs, name) is { } namespaceName && namespaceName != FileAt.TryReadSymbolicLink(ours, name)) flags |= flag;
        }
        return container.HasEnded ? throw CrunException.WrongState("the container is not running") : flags;
    }

    /// <summary>Makes a process in a container's namespaces; it waits for <see cref="Launch.Start"/> if it is held.</summary>
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
        var namespaces = NamespacesOf(container, options.MadeNamespaces);
        options.HasUserNamespace = namespaces.HasFlag(CloneFlags.CLONE_NEWUSER);
        process = ProcessEnvironment.Complete(process, uid => HomeIn(container, uid));
        ProcessSteps.BeforeClone(plan, process);
        Scheduling.WriteAffinity(plan, process.ExecCpuAffinity?.Initial);
        var procfs = plan.NewSlot();
        if (SecurityLabels.AreAskedFor(process)) plan.For("open procfs").OpenTrusted(AtCurrentDirectory, "/proc", OpenFlags.O_PATH | OpenFlags.O_DIRECTORY, procfs);
        // Before it has anything of the container's, nothing in the container may look into it.
        plan.For("hide from the container").Hide();
        Enter(plan, container, namespaces, options);
        if (options.HasUserNamespace) ContainerNamespaces.BecomeRoot(plan, options);
        plan.For("start a session").NewSession();
        if (terminalSocket is not null) OpenTerminal(plan, terminalSocket, process);
        Scheduling.WriteAffinity(plan, process.ExecCpuAffinity?.Final);
        ProcessSteps.BeforeStart(plan, process, null, options, procfs);
        if (options.IsHeld) plan.For("wait for the start").Meet(InitPlan.Ready);
        ProcessSteps.Write(plan, process, options);
        return Launch.BeginPlan(plan, null, options, standardInput, standardOutput, standardError);
    }

    /// <summary>Makes a process in a container's namespaces, its root directory and its cgroup.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="container">The container's first process.</param>
    /// <param name="namespaces">Those that are not ours.</param>
    /// <param name="options">Names the cgroup, and owns what the plan refers to.</param>
    internal static void Enter(StagePlan plan, PidHandle container, CloneFlags namespaces, LaunchOptions options)
    {
        var cgroups = namespaces.HasFlag(CloneFlags.CLONE_NEWCGROUP) && options.Cgroup is not null ? OpenCgroupNamespace(container, options) : null;
        if (cgroups is not null) namespaces &= ~CloneFlags.CLONE_NEWCGROUP;
        if (namespaces != 0) plan.For("join the container's namespaces").JoinNamespaces(container.File, namespaces);
        // Without a mount namespace of its own the container has a root directory all the same.
        if (!namespaces.HasFlag(CloneFlags.CLONE_NEWNS)) EnterRoot(plan, container, options);
        plan.For("start the process").Clone(0, options.Cgroup);
        // Where namespaces delegate cgroups (the nsdelegate option of cgroup2), nobody enters a cgroup from outside of
        // its own cgroup namespace (ENOENT): the process joins that once it is in its cgroup.
        if (cgroups is not null) plan.For("join the container's cgroup namespace").JoinNamespaces(cgroups, CloneFlags.CLONE_NEWCGROUP);
    }

    private static SafeFileHandle OpenCgroupNamespace(PidHandle container, LaunchOptions options)
    {
        var file = FileAt.Open(null, container.PathOf("ns/cgroup"), OpenFlags.O_RDONLY);
        options.Owned.Add(file);
        return container.HasEnded ? throw CrunException.WrongState("the container is not running") : file;
    }

    private static void EnterRoot(StagePlan plan, PidHandle container, LaunchOptions options)
    {
        var root = FileAt.Open(null, container.PathOf("root"), OpenFlags.O_PATH | OpenFlags.O_DIRECTORY);
        options.Owned.Add(root);
        if (container.HasEnded) throw CrunException.WrongState("the container is not running");
        plan.For("enter the container's root directory").EnterDirectory(plan.Inherit(root));
        plan.ChangeRoot();
        plan.ChangeDirectory("/");
    }

    private static string HomeIn(PidHandle container, uint uid)
    {
        using var root = FileAt.TryOpen(null, container.PathOf("root"), OpenFlags.O_PATH | OpenFlags.O_DIRECTORY, out _);
        using var passwd = root is null || container.HasEnded ? null
            : FileAt.TryOpenInRoot(root, "/etc/passwd", OpenFlags.O_RDONLY | OpenFlags.O_NONBLOCK | OpenFlags.O_NOCTTY, out _);
        return HomeDirectory.Find(passwd is null || FileAt.Status(passwd).Kind != FileKind.Regular ? null : passwd, uid);
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
