using CrunSharp.Kernel.Files;
using CrunSharp.Oci;

namespace CrunSharp.Runtime.Cgroups;

/// <summary>A hierarchy of cgroup v1: a tree with one or a few controllers.</summary>
/// <param name="MountPoint">Where it is mounted, such as <c>/sys/fs/cgroup/cpu,cpuacct</c>.</param>
/// <param name="Controllers">Its controllers, such as <c>cpu</c>; <c>name=systemd</c> for the one without.</param>
public sealed record CgroupHierarchy(string MountPoint, IReadOnlyList<string> Controllers)
{
    // What /proc/cgroups lists, and the tree in which systemd keeps its units.
    private static readonly string[] Known =
    [
        "cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids", "hugetlb", "net_cls", "net_prio", "perf_event", "rdma", "misc", "name=systemd",
    ];

    /// <summary>Whether it has a controller.</summary>
    public bool Has(string controller)
    {
        foreach (var own in Controllers)
        {
            if (own == controller) return true;
        }
        return false;
    }

    /// <summary>The hierarchies that are mounted and can be seen, each controller once.</summary>
    /// <exception cref="CrunException">The table of mounts cannot be read.</exception>
    public static IReadOnlyList<CgroupHierarchy> Mounted() => Mounted(KernelFile.Read(null, "/proc/self/mountinfo"));

    internal static IReadOnlyList<CgroupHierarchy> Mounted(string mounts) =>
        // What lies under another mount has not this file of version 1 at its place.
        From(mounts, path => FileAt.TryStatus(null, path + "/tasks") is not null);

    // ID PARENT MAJOR:MINOR ROOT MOUNTPOINT OPTIONS [FIELDS...] - TYPE SOURCE OPTIONS
    internal static IReadOnlyList<CgroupHierarchy> From(string mounts, Func<string, bool> isSeen)
    {
        var found = new List<CgroupHierarchy>();
        foreach (var line in mounts.Split('\n'))
        {
            var dash = line.IndexOf(" - cgroup ", StringComparison.Ordinal);
            if (dash < 0) continue;
            var (fields, source) = (line[..dash].Split(' '), line[(dash + 3)..].Split(' '));
            if (fields.Length < 6 || source.Length < 3) continue;
            var controllers = new List<string>();
            foreach (var option in source[2].Split(','))
            {
                if (Known.Contains(option)) controllers.Add(option);
            }
            // The same tree, mounted once more.
            if (controllers.Count == 0 || found.Exists(other => other.Has(controllers[0]))) continue;
            var path = CgroupV2.Unescape(fields[4]);
            if (isSeen(path)) found.Add(new CgroupHierarchy(path, controllers));
        }
        return found;
    }
}
