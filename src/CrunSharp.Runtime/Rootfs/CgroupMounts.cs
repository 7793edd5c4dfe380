using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Mounts;
using CrunSharp.Oci;
using CrunSharp.Runtime.Init;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Runtime.Rootfs;

/// <summary>
/// The control groups that a container sees: one tree of version 2, or, where the host has version 1, a directory of
/// hierarchies with the names of controllers that share one as links.
/// </summary>
/// <seealso href="https://github.com/opencontainers/runtime-spec/blob/main/config-linux.md#control-groups"/>
internal sealed class CgroupMounts(LaunchOptions options, ContainerNamespaces namespaces)
{
    private const string Usual = "/sys/fs/cgroup";
    private const long Cgroup2Magic = 0x63677270;

    /// <summary>Makes the mount.</summary>
    /// <param name="type"><c>cgroup2</c>, or <c>cgroup</c> for what the host has.</param>
    /// <param name="wanted">Its options.</param>
    /// <param name="destination">Where.</param>
    /// <param name="tree">The container's files so far.</param>
    /// <param name="to">Gets the mounts.</param>
    /// <exception cref="CrunException">The host has no control groups.</exception>
    public void Make(string type, MountOptions wanted, string destination, RootTree tree, List<PreparedMount> to)
    {
        if (type == "cgroup2" || HostHasOnlyVersion2())
        {
            AddVersion2(wanted, tree.MakeDirectory(destination), HostTree(), tree, to);
            return;
        }
        var hierarchies = CgroupHierarchy.OfHost();
        if (hierarchies.Count == 0) throw CrunException.Unsupported("this host has no control groups mounted at /sys/fs/cgroup", $"mount {destination}");
        var (place, folder) = AddFolder(wanted, destination, tree, to);
        foreach (var hierarchy in hierarchies)
        {
            var below = tree.MakeDirectory($"{place}/{hierarchy.Name}");
            if (hierarchy.IsVersion2) AddVersion2(wanted, below, hierarchy, tree, to);
            else AddVersion1(wanted, below, hierarchy, tree, to);
            foreach (var controller in hierarchy.Controllers)
            {
                if (controller != hierarchy.Name && FileAt.TryStatus(folder, controller) is null) FileAt.MakeSymbolicLink(folder, controller, hierarchy.Name);
            }
        }
    }

    /// <summary>
    /// Makes a directory with the hierarchy of version 1 that has only the name systemd: for a systemd that knows no other, on
    /// hosts that have version 2 and this one.
    /// </summary>
    /// <inheritdoc cref="Make"/>
    public void MakeForOldSystemd(MountOptions wanted, string destination, RootTree tree, List<PreparedMount> to)
    {
        var (place, _) = AddFolder(wanted, destination, tree, to);
        var below = tree.MakeDirectory($"{place}/systemd");
        tree.Attach(below, null);
        to.Add(new PreparedMount { Destination = below, Type = "cgroup", Data = [new("none", null), new("name", "systemd"), new("xattr", null)], Options = wanted });
    }

    private (string Place, SafeFileHandle Folder) AddFolder(MountOptions wanted, string destination, RootTree tree, List<PreparedMount> to)
    {
        var place = tree.MakeDirectory(destination);
        var folder = DetachedMount.FileSystem("tmpfs", Owner([new("mode", "755")]), wanted.Set & ~MountAttributes.MOUNT_ATTR_RDONLY, $"mount {destination}");
        tree.Attach(place, folder);
        to.Add(new PreparedMount { Destination = place, Mount = folder, IsReadOnlyAtLast = wanted.Set.HasFlag(MountAttributes.MOUNT_ATTR_RDONLY) });
        return (place, folder);
    }

    private bool HasNamespace => namespaces.Own.HasFlag(CloneFlags.CLONE_NEWCGROUP);

    private static bool HostHasOnlyVersion2()
    {
        using var usual = FileAt.TryOpen(null, Usual, OpenFlags.O_PATH | OpenFlags.O_DIRECTORY, out _);
        return usual is null || DetachedMount.TypeOf(usual) == Cgroup2Magic;
    }

    // Who made the container's cgroup has found the tree already.
    private CgroupHierarchy? HostTree() => options.CgroupDirectories?.ContainsKey(Usual) == true
        ? new CgroupHierarchy { MountPoint = Usual, IsVersion2 = true }
        : CgroupHierarchy.OfHost().Find(static hierarchy => hierarchy.IsVersion2);

    private void AddVersion2(MountOptions wanted, string place, CgroupHierarchy? hierarchy, RootTree tree, List<PreparedMount> to)
    {
        if (!HasNamespace && hierarchy is not null)
        {
            AddBound(wanted, place, hierarchy, tree, to);
            return;
        }
        tree.Attach(place, null);
        to.Add(new PreparedMount { Destination = place, Type = "cgroup2", Instead = hierarchy is null ? null : DirectoryIn(hierarchy), Options = wanted });
    }

    private void AddVersion1(MountOptions wanted, string place, CgroupHierarchy hierarchy, RootTree tree, List<PreparedMount> to)
    {
        if (!HasNamespace)
        {
            AddBound(wanted, place, hierarchy, tree, to);
            return;
        }
        tree.Attach(place, null);
        to.Add(new PreparedMount { Destination = place, Type = "cgroup", Data = hierarchy.MountData, Instead = DirectoryIn(hierarchy), Options = wanted });
    }

    private void AddBound(MountOptions wanted, string place, CgroupHierarchy hierarchy, RootTree tree, List<PreparedMount> to)
    {
        var operation = $"mount {place}";
        var mount = DetachedMount.CopyOf(DirectoryIn(hierarchy), recursive: false, operation);
        try
        {
            DetachedMount.SetAttributes(mount, wanted.Set, wanted.Clear, MountPropagation.MS_PRIVATE, recursive: false, operation);
        }
        catch
        {
            mount.Dispose();
            throw;
        }
        tree.Attach(place, mount);
        to.Add(new PreparedMount { Destination = place, Mount = mount });
    }

    // The container's own cgroup: who made it knows; else that of ours, in which the container then is.
    private string DirectoryIn(CgroupHierarchy hierarchy)
    {
        if (options.CgroupDirectories is { } directories && directories.TryGetValue(hierarchy.MountPoint, out var directory)) return directory;
        if (hierarchy.IsVersion2 && options.Cgroup is { } cgroup) return FileAt.PathOf(cgroup);
        return hierarchy.OwnDirectory();
    }

    private List<KeyValuePair<string, string?>> Owner(List<KeyValuePair<string, string?>> data)
    {
        if (namespaces.Map?.Root is not { } owner) return data;
        data.Add(new("uid", owner.Uid.ToString()));
        data.Add(new("gid", owner.Gid.ToString()));
        return data;
    }
}
