using System.Globalization;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Namespaces;
using CrunSharp.Kernel.Processes;
using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Runtime.Init;

/// <summary>The namespaces of a container: which it makes and which it joins, and how they are set up.</summary>
/// <seealso href="https://github.com/opencontainers/runtime-spec/blob/main/config-linux.md#namespaces"/>
internal sealed class ContainerNamespaces
{
    /// <summary>The event at which the new namespaces wait for their mappings and clocks.</summary>
    public const int Made = 8;

    private const string Spec = "config-linux.md#namespaces";

    private static readonly (string Type, string File, CloneFlags Flag)[] Types =
    [
        ("pid", "pid", CloneFlags.CLONE_NEWPID), ("network", "net", CloneFlags.CLONE_NEWNET), ("mount", "mnt", CloneFlags.CLONE_NEWNS),
        ("ipc", "ipc", CloneFlags.CLONE_NEWIPC), ("uts", "uts", CloneFlags.CLONE_NEWUTS), ("user", "user", CloneFlags.CLONE_NEWUSER),
        ("cgroup", "cgroup", CloneFlags.CLONE_NEWCGROUP), ("time", "time", CloneFlags.CLONE_NEWTIME),
    ];

    private readonly List<(NamespaceSpec Spec, SafeFileHandle File, CloneFlags Flag)> _joined = [];
    private readonly LinuxSpec _linux;

    private ContainerNamespaces(LinuxSpec linux) => _linux = linux;

    /// <summary>Those that are made.</summary>
    public CloneFlags New { get; private set; }

    /// <summary>Those that are the container's own, made or joined, and not ours.</summary>
    public CloneFlags Own { get; private set; }

    /// <summary>The ids of the container's user namespace; null when it has none of its own.</summary>
    public IdentityMap? Map { get; private set; }

    /// <summary>Whether <see cref="SetUp"/> must be called at the event <see cref="Made"/>.</summary>
    public bool NeedsSetUp => (New & (CloneFlags.CLONE_NEWUSER | CloneFlags.CLONE_NEWTIME)) != 0;

    /// <summary>Whether one is joined that is not ours.</summary>
    public bool Joins(CloneFlags flag) => Own.HasFlag(flag) && !New.HasFlag(flag);

    /// <summary>Those that are made by a specification.</summary>
    public static CloneFlags MadeOf(LinuxSpec linux)
    {
        CloneFlags made = 0;
        foreach (var ns in linux.Namespaces ?? [])
        {
            if (string.IsNullOrEmpty(ns.Path)) made |= Array.Find(Types, entry => entry.Type == ns.Type).Flag;
        }
        return made;
    }

    /// <summary>Opens what is joined.</summary>
    /// <param name="linux">The container.</param>
    /// <param name="owned">Gets what must be disposed.</param>
    /// <exception cref="CrunException">A path is no such namespace, or a mapping is missing.</exception>
    public static ContainerNamespaces Open(LinuxSpec linux, ICollection<SafeFileHandle> owned)
    {
        var namespaces = new ContainerNamespaces(linux);
        foreach (var ns in linux.Namespaces ?? [])
        {
            var (type, name, flag) = Array.Find(Types, entry => entry.Type == ns.Type);
            if (type is null) throw CrunException.Invalid($"unknown namespace type \"{ns.Type}\"", spec: Spec);
            if (string.IsNullOrEmpty(ns.Path)) namespaces.New |= flag;
            else namespaces.Join(ns, name, flag, owned);
        }
        namespaces.Own |= namespaces.New;
        if (namespaces.New.HasFlag(CloneFlags.CLONE_NEWUSER))
        {
            if (linux.UidMappings is not { Count: > 0 } users || linux.GidMappings is not { Count: > 0 } groups)
                throw CrunException.Invalid("a new user namespace needs uidMappings and gidMappings", spec: "config-linux.md#user-namespace-mappings");
            namespaces.Map = new IdentityMap(users, groups);
        }
        return namespaces;
    }

    private void Join(NamespaceSpec ns, string name, CloneFlags flag, ICollection<SafeFileHandle> owned)
    {
        var file = FileAt.TryOpen(null, ns.Path!, OpenFlags.O_RDONLY | OpenFlags.O_NONBLOCK, out var errno)
            ?? throw new CrunException(ErrorKind.NotFound, $"{ns.Path} cannot be opened", $"join the {ns.Type} namespace", errno, spec: Spec);
        owned.Add(file);
        var found = Namespace.TypeOf(file);
        if (found != flag)
        {
            throw CrunException.Invalid(found is { } other && Array.Find(Types, entry => entry.Flag == other).Type is { } type
                ? $"{ns.Path} is a {type} namespace" : $"{ns.Path} is no namespace", $"join the {ns.Type} namespace", Spec);
        }
        // The user namespace that we are in cannot be joined, and need not.
        if (Namespace.IsOurs(file, name)) return;
        _joined.Add((ns, file, flag));
        Own |= flag;
        if (flag == CloneFlags.CLONE_NEWUSER) Map = UserNamespaces.MapOf(file);
    }

    /// <summary>Joins and clones. The steps after it are those of the container's process.</summary>
    public void Enter(StagePlan plan, LaunchOptions options)
    {
        var procfs = plan.NewSlot();
        if (New.HasFlag(CloneFlags.CLONE_NEWTIME))
            plan.For("open procfs").OpenTrusted(-100, "/proc", OpenFlags.O_PATH | OpenFlags.O_DIRECTORY, procfs);
        // Root of the host may join all of them, and who is root only in the user namespace must join that one first.
        var user = _joined.FindIndex(static ns => ns.Flag == CloneFlags.CLONE_NEWUSER);
        if (user >= 0)
        {
            foreach (var ns in _joined)
            {
                if (ns.Flag != CloneFlags.CLONE_NEWUSER) Join(plan, ns).Tolerating([Errno.EPERM]);
            }
            Join(plan, _joined[user]);
        }
        foreach (var ns in _joined)
        {
            if (ns.Flag != CloneFlags.CLONE_NEWUSER && !IsJoinedLater(ns.Flag, options)) Join(plan, ns);
        }
        // clone3 would root the cgroup namespace at our cgroup: the child makes its own once it is in its cgroup. And
        // the clocks of a time namespace can be set only before a process is in it.
        plan.For("make the namespaces", Spec).Clone(New & ~(CloneFlags.CLONE_NEWCGROUP | CloneFlags.CLONE_NEWTIME), options.Cgroup);
        foreach (var ns in _joined)
        {
            if (IsJoinedLater(ns.Flag, options)) Join(plan, ns);
        }
        if (New.HasFlag(CloneFlags.CLONE_NEWTIME)) plan.For("make the time namespace", Spec).Unshare(CloneFlags.CLONE_NEWTIME);
        if (NeedsSetUp) plan.For("set up the namespaces", Spec).Meet(Made);
        if (New.HasFlag(CloneFlags.CLONE_NEWTIME))
        {
            var time = plan.NewSlot();
            plan.For("enter the time namespace", Spec).OpenTrusted(procfs, "self/ns/time_for_children", OpenFlags.O_RDONLY, time);
            plan.JoinNamespaces(time, CloneFlags.CLONE_NEWTIME);
            plan.Close(time);
            plan.Close(procfs);
        }
        if (Map is not null) BecomeRoot(plan, options);
        if (New.HasFlag(CloneFlags.CLONE_NEWNET)) plan.For("bring the loopback interface up", Spec).BringUpLoopback();
    }

    /// <summary>Gives new namespaces their mappings and clocks.</summary>
    /// <param name="process">The container's process, which waits at <see cref="Made"/>.</param>
    /// <exception cref="CrunException">The kernel does not allow them.</exception>
    public void SetUp(PidHandle process)
    {
        if (New.HasFlag(CloneFlags.CLONE_NEWUSER)) UserNamespaces.Write(process.Pid, Map!);
        foreach (var (clock, offset) in _linux.TimeOffsets ?? new Dictionary<string, TimeOffset>())
        {
            var line = string.Create(CultureInfo.InvariantCulture, $"{clock} {offset.Secs} {offset.Nanosecs}\n");
            var errno = KernelFile.TryWrite(null, process.PathOf("timens_offsets"), line);
            if (errno != Errno.None)
                throw new CrunException(ErrorKind.System, "", $"set the clock {clock}", errno, $"write(/proc/{process.Pid}/timens_offsets, \"{line.TrimEnd()}\")", "config-linux.md#offset-for-time-namespace");
        }
    }

    // Where namespaces delegate cgroups (the nsdelegate option of cgroup2), nobody enters a cgroup from outside of its own
    // cgroup namespace (ENOENT): the process joins that once it is in its cgroup. In a user namespace it could no more.
    private bool IsJoinedLater(CloneFlags flag, LaunchOptions options) =>
        flag == CloneFlags.CLONE_NEWCGROUP && options.Cgroup is not null && !Own.HasFlag(CloneFlags.CLONE_NEWUSER);

    private static StagePlan.Step Join(StagePlan plan, (NamespaceSpec Spec, SafeFileHandle File, CloneFlags Flag) ns) =>
        plan.For($"join the {ns.Spec.Type} namespace {ns.Spec.Path}", Spec).JoinNamespaces(ns.File, ns.Flag);

    /// <summary>Makes a process in a user namespace its user 0, if it has one: what it makes from here on is the container's.</summary>
    public static void BecomeRoot(StagePlan plan, LaunchOptions options)
    {
        plan.For("become the container's root user", "config-linux.md#user-namespace-mappings");
        if (!options.KeepGroups) plan.ClearGroups().Tolerating([Errno.EPERM, Errno.EINVAL]);
        plan.SetGroup(0).Tolerating([Errno.EINVAL]);
        plan.SetUserId(0).Tolerating([Errno.EINVAL]);
    }
}
