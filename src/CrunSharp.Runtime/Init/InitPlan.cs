using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Processes;
using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;
using CrunSharp.Runtime.Rootfs;

namespace CrunSharp.Runtime.Init;

/// <summary>
/// The steps of a container's first process, from clone to exec, as a plan for the stage. The order is the
/// specification's and security's: mounts, the new root, masks, kernel parameters, and then the process gives up what
/// it must not have, the system call filter last.
/// </summary>
/// <seealso href="https://github.com/opencontainers/runtime-spec/blob/main/runtime.md#lifecycle"/>
internal static class InitPlan
{
    /// <summary>The event at which a container waits, with everything done but what its process gives up.</summary>
    public const int Ready = 1;

    private static readonly Errno[] Missing = [Errno.ENOENT, Errno.ENOTDIR];

    /// <summary>Writes the plan of a container.</summary>
    /// <param name="spec">The container.</param>
    /// <param name="rootfs">Its prepared root file system.</param>
    /// <param name="options">What the specification does not say.</param>
    public static StagePlan Write(RuntimeSpec spec, ContainerRootfs rootfs, LaunchOptions options)
    {
        var plan = new StagePlan();
        var linux = spec.Linux ?? new LinuxSpec();
        var process = spec.Process ?? throw CrunException.Invalid("the container has no process", spec: "config.md#process");
        var isNew = Namespaces.Enter(plan, linux, options);
        if (isNew.HasFlag(CloneFlags.CLONE_NEWNET)) plan.For("bring up the loopback interface").BringUpLoopback();
        if (options.Points.HasFlag(LaunchPoints.NamespacesMade)) plan.For("wait at the new namespaces").Meet((int)LaunchPoints.NamespacesMade);
        if (isNew.HasFlag(CloneFlags.CLONE_NEWCGROUP)) plan.For("make the cgroup namespace").Unshare(CloneFlags.CLONE_NEWCGROUP);
        plan.For("start a session");
        if (!options.Init) plan.NewSession();
        if (spec.Hostname is { } name) plan.For($"set the host name to {name}").SetHostName(name);
        if (spec.Domainname is { } domain) plan.For($"set the domain name to {domain}").SetDomainName(domain);
        if (isNew.HasFlag(CloneFlags.CLONE_NEWNS)) EnterRootfs(plan, spec, linux, rootfs, options);
        SetKernelParameters(plan, linux);
        plan.For("wait for the start").Meet(Ready);
        if (options.StartSocket is { } socket) plan.AwaitStarter(socket);
        options.FirstStartStep = plan.Count;
        ProcessSteps.Write(plan, process, options);
        return plan;
    }

    private static void EnterRootfs(StagePlan plan, RuntimeSpec spec, LinuxSpec linux, ContainerRootfs rootfs, LaunchOptions options)
    {
        plan.For("make the mounts of the host private", "config-linux.md#rootfs-mount-propagation");
        plan.SetPropagation("/", linux.RootfsPropagation is "shared" or "slave" or "rshared" or "rslave"
            ? MountPropagation.MS_SLAVE : MountPropagation.MS_PRIVATE, recursive: true);
        var root = plan.Inherit(rootfs.Root);
        plan.For("attach the root file system", "config.md#root").MoveMount(root, options.RootPath);
        foreach (var mount in rootfs.Mounts) Attach(plan, root, mount);
        if (options.Points.HasFlag(LaunchPoints.MountsMade)) plan.For("wait at the mounts").Meet((int)LaunchPoints.MountsMade);
        // After the wait: it hides the host's /proc.
        var empty = linux.MaskedPaths is { Count: > 0 } ? MakeEmpty(plan) : default;
        foreach (var path in linux.ReadonlyPaths ?? []) MakeReadOnly(plan, root, path);
        Mask(plan, root, linux.MaskedPaths ?? [], empty);
        if (spec.Root?.Readonly == true)
            plan.For("make the root file system read-only", "config.md#root").SetAttributes(root, MountAttributes.MOUNT_ATTR_RDONLY, 0, 0, recursive: false);
        plan.For("change the root directory", "config.md#root").PivotRoot(root);
        plan.CheckNothingLiesOnRoot(root);
    }

    private static void Attach(StagePlan plan, StageValue root, PreparedMount mount)
    {
        plan.For($"mount {mount.Destination}", "config.md#mounts");
        var made = mount.Mount is null ? MakeInNamespaces(plan, mount) : plan.Inherit(mount.Mount);
        var target = plan.NewSlot();
        // What shows the kernel must be where it says: no link may lead it elsewhere.
        var resolve = mount.Mount is null ? StageResolve.WithoutLinks : StageResolve.InRoot;
        plan.Open(root, mount.Destination, OpenFlags.O_PATH, resolve, target);
        plan.MoveMount(made, target);
        plan.Close(target);
    }

    private static StageValue MakeInNamespaces(StagePlan plan, PreparedMount mount)
    {
        var (fileSystem, made) = (plan.NewSlot(), plan.NewSlot());
        plan.OpenFileSystem(mount.Type!, fileSystem);
        foreach (var (key, value) in mount.Data) plan.Configure(fileSystem, key, value);
        plan.Create(fileSystem);
        plan.Mount(fileSystem, mount.Attributes, made);
        plan.Close(fileSystem);
        return made;
    }

    private static void MakeReadOnly(StagePlan plan, StageValue root, string path)
    {
        plan.For($"make {path} read-only", "config-linux.md#readonly-paths");
        var (target, copy, next) = (plan.NewSlot(), plan.NewSlot(), new StageLabel());
        plan.Open(root, path, OpenFlags.O_PATH, StageResolve.InRoot, target).Tolerating(Missing, next);
        plan.CopyTree(target, recursive: true, copy);
        plan.SetAttributes(copy, MountAttributes.MOUNT_ATTR_RDONLY, 0, 0, recursive: true);
        plan.MoveMount(copy, target);
        plan.Close(target);
        plan.Place(next);
    }

    // A directory gets an empty read-only tmpfs, all of them the same one; a file gets the host's /dev/null.
    private static StageValue MakeEmpty(StagePlan plan)
    {
        var (fileSystem, empty) = (plan.NewSlot(), plan.NewSlot());
        plan.For("make an empty directory to mask with", "config-linux.md#masked-paths");
        plan.OpenFileSystem("tmpfs", fileSystem);
        plan.Configure(fileSystem, "nr_inodes", "2");
        plan.Configure(fileSystem, "mode", "755");
        plan.Create(fileSystem);
        plan.Mount(fileSystem, MountAttributes.MOUNT_ATTR_RDONLY | MountAttributes.MOUNT_ATTR_NOSUID | MountAttributes.MOUNT_ATTR_NODEV | MountAttributes.MOUNT_ATTR_NOEXEC, empty);
        plan.Close(fileSystem);
        // Only an attached mount can be copied. In the old root, and not on it: what lies on either root would stay there
        // when pivot_root lets go of the old one, and be what those see who join the mount namespace later.
        plan.MoveMount(empty, "/proc");
        return empty;
    }

    private static void Mask(StagePlan plan, StageValue root, IReadOnlyList<string> paths, StageValue empty)
    {
        if (paths.Count == 0) return;
        var (emptyCopy, nothing) = (plan.NewSlot(), plan.NewSlot());
        foreach (var path in paths)
        {
            plan.For($"mask {path}", "config-linux.md#masked-paths");
            var (target, directory, file, next) = (plan.NewSlot(), plan.NewSlot(), new StageLabel(), new StageLabel());
            plan.Open(root, path, OpenFlags.O_PATH, StageResolve.InRoot, target).Tolerating(Missing, next);
            plan.Open(root, path, OpenFlags.O_PATH | OpenFlags.O_DIRECTORY, StageResolve.InRoot, directory).Tolerating([Errno.ENOTDIR], file);
            plan.CopyTree(empty, recursive: false, emptyCopy);
            plan.MoveMount(emptyCopy, directory);
            plan.GoTo(next);
            plan.Place(file);
            plan.CopyTree("/dev/null", nothing);
            plan.MoveMount(nothing, target);
            plan.Place(next);
        }
    }

    private static void SetKernelParameters(StagePlan plan, LinuxSpec linux)
    {
        if (linux.Sysctl is not { Count: > 0 } parameters) return;
        // A procfs of our own, mounted nowhere: nothing of the container can stand in its place.
        var (fileSystem, proc) = (plan.NewSlot(), plan.NewSlot());
        plan.For("open procfs", "config-linux.md#sysctl").OpenFileSystem("proc", fileSystem);
        plan.Create(fileSystem);
        plan.Mount(fileSystem, MountAttributes.MOUNT_ATTR_NOSUID | MountAttributes.MOUNT_ATTR_NODEV | MountAttributes.MOUNT_ATTR_NOEXEC, proc);
        plan.Close(fileSystem);
        foreach (var (key, value) in parameters)
        {
            var file = plan.NewSlot();
            plan.For($"set {key}", "config-linux.md#sysctl");
            plan.Open(proc, Sysctl.PathOf(key, linux), OpenFlags.O_WRONLY, StageResolve.WithoutLinks, file);
            plan.Write(file, System.Text.Encoding.UTF8.GetBytes(value));
            plan.Close(file);
        }
        plan.Close(proc);
    }
}
