using System.Globalization;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Mounts;
using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;
using CrunSharp.Runtime.Init;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Runtime.Rootfs;

/// <summary>Makes the mounts of a container, as far as that can be done outside of it.</summary>
/// <seealso href="https://github.com/opencontainers/runtime-spec/blob/main/config.md#mounts"/>
internal sealed class MountMaking(RuntimeSpec spec, LaunchOptions options, ContainerNamespaces namespaces)
{
    private const string Spec = "config.md#mounts";

    // crun's words for what the specification has none for.
    private const string OldSystemd = "run.oci.systemd.force_cgroup_v1";
    private const string LabelKind = "run.oci.mount_context_type";

    // File systems that show the namespaces of the process that mounts them, and what the host shows of them.
    private static readonly (string Type, string Instead)[] OfNamespaces =
        [("proc", "/proc"), ("sysfs", "/sys"), ("mqueue", "/dev/mqueue")];

    /// <summary>Makes a mount and its mount point, and adds it to what the container gets.</summary>
    /// <param name="mount">The mount.</param>
    /// <param name="tree">The container's files so far.</param>
    /// <param name="to">Gets the mount.</param>
    /// <exception cref="CrunException">A source does not exist, or a mount cannot be made.</exception>
    public void Make(MountSpec mount, RootTree tree, List<PreparedMount> to)
    {
        var wanted = MountOptions.Of(mount);
        var destination = RootTree.Clean(mount.Destination);
        var operation = $"mount {destination}";
        RequireLabels(wanted);
        if (wanted.IsRemount)
        {
            to.Add(new PreparedMount { Destination = destination, Options = wanted });
            return;
        }
        if (destination == "/") throw CrunException.Invalid("nothing can be mounted on the root directory", operation, Spec);
        if (spec.Annotations?.GetValueOrDefault(OldSystemd) is { Length: > 0 } old && RootTree.Clean(old) == destination)
        {
            new CgroupMounts(options, namespaces).MakeForOldSystemd(wanted, destination, tree, to);
            return;
        }
        if (wanted.IsBind)
        {
            var bound = Bind(mount, wanted, operation, out var isDirectory);
            Attach(new PreparedMount { Destination = PlaceOf(tree, destination, isDirectory, bound), Mount = bound }, tree, to);
            return;
        }
        if (string.IsNullOrEmpty(mount.Type)) throw CrunException.Invalid("the mount has neither a type nor the option bind", operation, Spec);
        if (mount.Type is "cgroup" or "cgroup2")
        {
            new CgroupMounts(options, namespaces).Make(mount.Type, wanted, destination, tree, to);
            return;
        }
        if (Array.Find(OfNamespaces, entry => entry.Type == mount.Type) is { Type: not null } ofNamespaces)
        {
            var at = tree.MakeDirectory(destination);
            // A link there would show the container something else as the kernel's files.
            if (at != destination) throw CrunException.Invalid($"a symbolic link leads to {at}", operation, Spec);
            Attach(new PreparedMount
            {
                Destination = at,
                Type = mount.Type,
                Instead = ofNamespaces.Instead,
                Data = mount.Source is { Length: > 0 } source ? [new("source", source), .. wanted.Data] : wanted.Data,
                Options = wanted,
            }, tree, to);
            return;
        }
        using var hidden = mount.Type == "tmpfs" ? tree.TryOpenDirectory(destination) : null;
        // As runc does: who asks for no mode gets that of the directory that is hidden.
        if (hidden is not null && !Has(wanted.Data, "mode")) wanted.Data.Add(new("mode", Convert.ToString(FileAt.Status(hidden).Mode, 8)));
        var made = NewFileSystem(mount, wanted, operation);
        var place = PlaceOf(tree, destination, isDirectory: true, made);
        if (wanted.CopiesUp && hidden is not null) CopyUp(hidden, made, wanted);
        Attach(new PreparedMount
        {
            Destination = place,
            Mount = made,
            // The terminal is opened on the mount itself: of one that is not the container's, criu knows nothing.
            IsCopied = DetachedMount.CanBeCopied && to.Exists(static before => before.Type is not null)
                && (mount.Type != "devpts" || spec.Process?.Terminal != true)
                && !wanted.Propagations.Exists(static change => change.Propagation == MountPropagation.MS_UNBINDABLE),
            IsReadOnlyAtLast = wanted.Set.HasFlag(MountAttributes.MOUNT_ATTR_RDONLY),
        }, tree, to);
    }

    private static void Attach(PreparedMount mount, RootTree tree, List<PreparedMount> to)
    {
        tree.Attach(mount.Destination, mount.Mount);
        to.Add(mount);
    }

    private static string PlaceOf(RootTree tree, string destination, bool isDirectory, SafeFileHandle made)
    {
        try
        {
            return isDirectory ? tree.MakeDirectory(destination) : tree.MakeFile(destination);
        }
        catch
        {
            made.Dispose();
            throw;
        }
    }

    // What was asked for comes before what the hidden directory has.
    private static void CopyUp(SafeFileHandle hidden, SafeFileHandle made, MountOptions wanted)
    {
        using var target = FileAt.Open(made, ".", OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY);
        var asked = FileAt.Status(target);
        TreeCopy.Contents(hidden, target);
        var copied = FileAt.Status(target);
        FileAt.SetOwner(target, ".", Has(wanted.Data, "uid") ? asked.Uid : copied.Uid, Has(wanted.Data, "gid") ? asked.Gid : copied.Gid);
        FileAt.SetMode(target, ".", asked.Mode);
    }

    private static bool Has(List<KeyValuePair<string, string?>> options, string name) => options.Exists(option => option.Key == name);

    private SafeFileHandle Bind(MountSpec mount, MountOptions wanted, string operation, out bool isDirectory)
    {
        if (mount.Source is not { Length: > 0 } source) throw CrunException.Invalid("the bind mount has no source", operation, Spec);
        if (!source.StartsWith('/'))
            source = options.Bundle is { } bundle ? $"{bundle}/{source}" : throw CrunException.Invalid($"the source \"{source}\" is not absolute", operation, Spec);
        using var file = FileAt.TryOpen(null, source, OpenFlags.O_PATH, out var errno)
            ?? throw new CrunException(ErrorKind.NotFound, $"bind source \"{source}\"", operation, errno, spec: Spec);
        isDirectory = FileAt.Status(file).Kind == FileKind.Directory;
        var bound = DetachedMount.CopyOf(file, wanted.IsRecursive, operation);
        try
        {
            SetPropagation(bound, wanted, operation);
            if (wanted.HasIdMap) SetIdMap(bound, mount, wanted, operation);
            SetAttributes(bound, wanted, operation);
            return bound;
        }
        catch
        {
            bound.Dispose();
            throw;
        }
    }

    // Without a word, what the host mounts later is seen below, as rootfsPropagation says, and nothing goes back.
    private void SetPropagation(SafeFileHandle mount, MountOptions wanted, string operation)
    {
        if (wanted.Propagations.Count == 0)
        {
            var isPrivate = spec.Linux?.RootfsPropagation is "private" or "rprivate" or "unbindable" or "runbindable";
            DetachedMount.SetAttributes(mount, 0, 0, isPrivate ? MountPropagation.MS_PRIVATE : MountPropagation.MS_SLAVE, recursive: true, operation);
            return;
        }
        foreach (var (propagation, recursive) in wanted.Propagations) DetachedMount.SetAttributes(mount, 0, 0, propagation, recursive, operation);
    }

    private static void SetAttributes(SafeFileHandle mount, MountOptions wanted, string operation)
    {
        if ((wanted.Set | wanted.Clear) != 0)
            DetachedMount.SetAttributes(mount, wanted.Set, wanted.Clear, MountPropagation.None, recursive: false, operation);
        if ((wanted.RecursiveSet | wanted.RecursiveClear) != 0)
            DetachedMount.SetAttributes(mount, wanted.RecursiveSet, wanted.RecursiveClear, MountPropagation.None, recursive: true, operation);
    }

    private void SetIdMap(SafeFileHandle bound, MountSpec mount, MountOptions wanted, string operation)
    {
        var map = mount.UidMappings is { Count: > 0 } users && mount.GidMappings is { Count: > 0 } groups
            ? new IdentityMap(users, groups)
            : namespaces.Map ?? throw CrunException.Invalid("the option idmap needs uidMappings and gidMappings, or a user namespace", operation, "config.md#posix-platform-mounts");
        using var userNamespace = UserNamespaces.Make(map, operation);
        DetachedMount.SetIdMap(bound, userNamespace, wanted.IdMapIsRecursive, operation);
    }

    private SafeFileHandle NewFileSystem(MountSpec mount, MountOptions wanted, string operation)
    {
        var type = mount.Type!;
        var data = new List<KeyValuePair<string, string?>>();
        if (mount.Source is { Length: > 0 } source) data.Add(new("source", source));
        // Of a disk that may not be written to, and of none that is in memory: there mount points have to be made.
        var isReadOnly = wanted.Set.HasFlag(MountAttributes.MOUNT_ATTR_RDONLY);
        if (isReadOnly && type is not ("tmpfs" or "devpts" or "overlay")) data.Add(new("ro", null));
        foreach (var option in wanted.OfSuperblock) data.Add(new(option, null));
        foreach (var option in wanted.Data)
        {
            if (type != "devpts" || option.Key != "newinstance") data.Add(option);
        }
        if (type is "tmpfs" or "devpts") MapOwners(data, type);
        var made = DetachedMount.FileSystem(type, data, wanted.Set & ~MountAttributes.MOUNT_ATTR_RDONLY, operation);
        try
        {
            if ((wanted.RecursiveSet | wanted.RecursiveClear) != 0)
                DetachedMount.SetAttributes(made, wanted.RecursiveSet, wanted.RecursiveClear, MountPropagation.None, recursive: true, operation);
            foreach (var (propagation, recursive) in wanted.Propagations) DetachedMount.SetAttributes(made, 0, 0, propagation, recursive, operation);
            return made;
        }
        catch
        {
            made.Dispose();
            throw;
        }
    }

    // The file system is made by us and not in the user namespace: its numbers are those of the host.
    private void MapOwners(List<KeyValuePair<string, string?>> data, string type)
    {
        if (namespaces.Map is not { } map) return;
        for (var i = 0; i < data.Count; i++)
        {
            if (data[i].Key is not ("uid" or "gid") || !uint.TryParse(data[i].Value, NumberStyles.None, CultureInfo.InvariantCulture, out var id)) continue;
            data[i] = new(data[i].Key, (data[i].Key == "uid" ? map.HostUser(id) : map.HostGroup(id)).ToString(CultureInfo.InvariantCulture));
        }
        if (type != "tmpfs") return;
        if (!data.Exists(static option => option.Key == "uid")) data.Add(new("uid", map.Root.Uid.ToString(CultureInfo.InvariantCulture)));
        if (!data.Exists(static option => option.Key == "gid")) data.Add(new("gid", map.Root.Gid.ToString(CultureInfo.InvariantCulture)));
    }

    private void RequireLabels(MountOptions wanted)
    {
        if (spec.Linux?.MountLabel is not { Length: > 0 } label || wanted.IsBind) return;
        SecurityLabels.RequireSelinux("mountLabel", "config-linux.md#mount-label");
        var kind = spec.Annotations?.GetValueOrDefault(LabelKind) ?? "context";
        if (kind is not ("context" or "fscontext" or "defcontext" or "rootcontext"))
            throw CrunException.Invalid($"\"{kind}\" is not context, fscontext, defcontext or rootcontext", $"annotation {LabelKind}");
        wanted.Data.Add(new(kind, label));
    }
}
