using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Processes;
using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;
using CrunSharp.Runtime.Rootfs;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Runtime.Init;

/// <summary>The steps by which a container gets its prepared mounts, and what of them it may not see or change.</summary>
internal static class MountSteps
{
    private const MountAttributes Harmless = MountAttributes.MOUNT_ATTR_NOSUID | MountAttributes.MOUNT_ATTR_NODEV | MountAttributes.MOUNT_ATTR_NOEXEC;

    private static readonly Errno[] Missing = [Errno.ENOENT, Errno.ENOTDIR];

    /// <summary>Lets nothing that is mounted from here on be seen by the host.</summary>
    public static void Separate(StagePlan plan, LinuxSpec linux)
    {
        plan.For("make the mounts of the host private", "config-linux.md#rootfs-mount-propagation");
        plan.SetPropagation("/", linux.RootfsPropagation is "private" or "rprivate" or "unbindable" or "runbindable"
            ? MountPropagation.MS_PRIVATE : MountPropagation.MS_SLAVE, recursive: true);
    }

    /// <summary>Attaches the root and all below it; the old root stays the root directory.</summary>
    public static void Attach(StagePlan plan, ContainerRootfs rootfs, StageValue root, string rootPath)
    {
        plan.For("attach the root file system", "config.md#root").MoveMount(root, rootPath);
        foreach (var mount in rootfs.Mounts)
        {
            plan.For($"mount {mount.Destination}", "config.md#mounts");
            if (mount is { Mount: null, File: null, Type: null }) Change(plan, root, mount);
            else Attach(plan, root, mount);
        }
    }

    /// <summary>Takes away what the container may not see or change.</summary>
    public static void Protect(StagePlan plan, RuntimeSpec spec, LinuxSpec linux, StageValue root)
    {
        var empty = linux.MaskedPaths is { Count: > 0 } ? MakeEmpty(plan) : default;
        foreach (var path in linux.ReadonlyPaths ?? []) MakeReadOnly(plan, root, path);
        Mask(plan, root, linux.MaskedPaths ?? [], empty);
        if (spec.Root?.Readonly == true)
            plan.For("make the root file system read-only", "config.md#root").SetAttributes(root, MountAttributes.MOUNT_ATTR_RDONLY, 0, 0, recursive: false);
    }

    /// <summary>Makes the root the root directory.</summary>
    public static void Enter(StagePlan plan, LinuxSpec linux, ContainerRootfs rootfs, StageValue root, LaunchOptions options)
    {
        plan.For("change the root directory", "config.md#root");
        if (options.NoPivot)
        {
            if (options.RootPath != "/") plan.MoveMount(root, "/");
            plan.EnterDirectory(root);
            plan.ChangeRoot();
            plan.ChangeDirectory("/");
        }
        else
        {
            // They go with the old root. Alone, each would cost whoever closes it last a grace period of the kernel's.
            foreach (var mount in rootfs.Mounts)
            {
                if (mount.IsCopied) plan.MoveMount((int)mount.Mount!.DangerousGetHandle(), "/proc");
            }
            plan.PivotRoot(root);
        }
        plan.CheckNothingLiesOnRoot(root);
        if (linux.RootfsPropagation is not { Length: > 0 } word) return;
        var recursive = word[0] == 'r';
        plan.For($"make the root file system {word}", "config-linux.md#rootfs-mount-propagation")
            .SetAttributes(root, 0, 0, MountOptions.PropagationOf(recursive ? word[1..] : word), recursive);
    }

    private static void Attach(StagePlan plan, StageValue root, PreparedMount mount)
    {
        var made = mount switch
        {
            { Mount: { } ready, IsCopied: false } => plan.Inherit(ready),
            { Mount: { } original } => CopyOf(plan, original),
            { File: { } file } => CopyOf(plan, file),
            _ => MakeInNamespaces(plan, mount),
        };
        var target = plan.NewSlot();
        // It was found without links: none may lead it elsewhere now.
        plan.Open(root, mount.Destination, OpenFlags.O_PATH, StageResolve.WithoutLinks, target);
        plan.MoveMount(made, target);
        plan.Close(target);
        if (mount.Mount is null || mount.IsCopied) plan.Close(made);
    }

    private static StageValue CopyOf(StagePlan plan, SafeFileHandle file)
    {
        var copy = plan.NewSlot();
        plan.CopyTree(plan.Inherit(file), recursive: false, copy);
        return copy;
    }

    private static StageValue MakeInNamespaces(StagePlan plan, PreparedMount mount)
    {
        var (fileSystem, made, instead, done) = (plan.NewSlot(), plan.NewSlot(), new StageLabel(), new StageLabel());
        Errno[] refused = mount.Instead is null ? [] : [Errno.EPERM, Errno.EBUSY];
        var options = mount.Options!;
        plan.OpenFileSystem(mount.Type!, fileSystem).Tolerating(refused, instead);
        foreach (var (key, value) in mount.Data) plan.Configure(fileSystem, key, value);
        plan.Create(fileSystem).Tolerating(refused, instead);
        plan.Mount(fileSystem, options.Set, made).Tolerating(refused, instead);
        plan.Close(fileSystem);
        plan.GoTo(done);
        plan.Place(instead);
        if (mount.Instead is not null)
        {
            plan.CopyTree(mount.Instead, recursive: true, made);
            plan.SetAttributes(made, 0, 0, MountPropagation.MS_SLAVE, recursive: true);
            if (options.Set != 0) plan.SetAttributes(made, options.Set, 0, 0, recursive: true);
        }
        plan.Place(done);
        if ((options.RecursiveSet | options.RecursiveClear) != 0)
            plan.SetAttributes(made, options.RecursiveSet, options.RecursiveClear, 0, recursive: true);
        Propagate(plan, made, options);
        return made;
    }

    // remount: what lies there already is changed.
    private static void Change(StagePlan plan, StageValue root, PreparedMount mount)
    {
        var (target, options) = (plan.NewSlot(), mount.Options!);
        plan.Open(root, mount.Destination, OpenFlags.O_PATH, StageResolve.InRoot, target);
        if ((options.Set | options.Clear) != 0) plan.SetAttributes(target, options.Set, options.Clear, 0, recursive: false);
        if ((options.RecursiveSet | options.RecursiveClear) != 0)
            plan.SetAttributes(target, options.RecursiveSet, options.RecursiveClear, 0, recursive: true);
        Propagate(plan, target, options);
        plan.Close(target);
    }

    private static void Propagate(StagePlan plan, StageValue mount, MountOptions options)
    {
        foreach (var (propagation, recursive) in options.Propagations) plan.SetAttributes(mount, 0, 0, propagation, recursive);
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

    // A directory gets an empty read-only tmpfs, all of them the same one; a file gets the host's /dev/null, read-only as
    // well: a device can be written to all the same, but the container's root user cannot change the host's mode and owner.
    private static StageValue MakeEmpty(StagePlan plan)
    {
        var (fileSystem, empty) = (plan.NewSlot(), plan.NewSlot());
        plan.For("make an empty directory to mask with", "config-linux.md#masked-paths");
        plan.OpenFileSystem("tmpfs", fileSystem);
        plan.Configure(fileSystem, "nr_inodes", "2");
        plan.Configure(fileSystem, "mode", "755");
        plan.Create(fileSystem);
        plan.Mount(fileSystem, MountAttributes.MOUNT_ATTR_RDONLY | Harmless, empty);
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
            plan.CopyTree("/dev/null", recursive: false, nothing);
            plan.SetAttributes(nothing, MountAttributes.MOUNT_ATTR_RDONLY | MountAttributes.MOUNT_ATTR_NOSUID | MountAttributes.MOUNT_ATTR_NOEXEC, 0, 0, recursive: false);
            plan.MoveMount(nothing, target);
            plan.Place(next);
        }
    }
}
