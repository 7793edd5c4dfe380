using CrunSharp.Kernel.Files;

namespace CrunSharp.Runtime.Rootfs;

/// <summary>A hierarchy of control groups that the host has mounted below <c>/sys/fs/cgroup</c>.</summary>
internal sealed class CgroupHierarchy
{
    private const string Usual = "/sys/fs/cgroup";

    // What mountinfo shows of a hierarchy beside its controllers.
    private static readonly string[] NoControllers = ["rw", "ro", "xattr", "noprefix", "clone_children", "cpuset_v2_mode", "favordynmods", "none"];

    /// <summary>Where it is mounted.</summary>
    public required string MountPoint { get; init; }

    /// <summary>Whether it is the tree of version 2.</summary>
    public required bool IsVersion2 { get; init; }

    /// <summary>Its controllers; none for one that has only a name.</summary>
    public IReadOnlyList<string> Controllers { get; private init; } = [];

    /// <summary>The name of one that has one, such as <c>systemd</c>.</summary>
    public string? Label { get; private init; }

    /// <summary>The directory below <c>/sys/fs/cgroup</c>, such as <c>cpu,cpuacct</c>.</summary>
    public string Name => MountPoint[(MountPoint.LastIndexOf('/') + 1)..];

    /// <summary>The path in the hierarchy that the mount shows.</summary>
    public string Root { get; private init; } = "/";

    /// <summary>What mounts it once more.</summary>
    public IReadOnlyList<KeyValuePair<string, string?>> MountData
    {
        get
        {
            var data = new List<KeyValuePair<string, string?>>();
            foreach (var controller in Controllers) data.Add(new(controller, null));
            if (Label is not null) data.Add(new("name", Label));
            return data;
        }
    }

    /// <summary>The hierarchies of the host, and its tree of version 2, which can be <c>/sys/fs/cgroup</c> itself.</summary>
    public static List<CgroupHierarchy> OfHost()
    {
        var found = new List<CgroupHierarchy>();
        foreach (var line in KernelFile.Read(null, "/proc/self/mountinfo").Split('\n'))
        {
            var separator = line.IndexOf(" - ", StringComparison.Ordinal);
            if (separator < 0) continue;
            var (before, after) = (line[..separator].Split(' '), line[(separator + 3)..].Split(' '));
            if (after.Length < 3 || after[0] is not ("cgroup" or "cgroup2")) continue;
            var path = before[4];
            if (path != Usual && (!path.StartsWith(Usual + "/", StringComparison.Ordinal) || path.IndexOf('/', Usual.Length + 1) >= 0)) continue;
            found.RemoveAll(hierarchy => hierarchy.MountPoint == path);
            found.Add(From(path, before[3], after[0] == "cgroup2", after[2]));
        }
        return found;
    }

    /// <summary>The directory of the cgroup in which this process is.</summary>
    public string OwnDirectory()
    {
        foreach (var line in KernelFile.Read(null, "/proc/self/cgroup").Split('\n'))
        {
            var parts = line.Split(':', 3);
            if (parts.Length < 3) continue;
            var isThis = IsVersion2 ? parts[0] == "0" && parts[1].Length == 0
                : Label is not null ? parts[1] == "name=" + Label
                : Controllers.Count > 0 && parts[1].Split(',').Contains(Controllers[0]);
            if (!isThis) continue;
            var path = Root != "/" && parts[2].StartsWith(Root, StringComparison.Ordinal) ? parts[2][Root.Length..] : parts[2];
            var directory = path is "" or "/" ? MountPoint : MountPoint + (path.StartsWith('/') ? path : "/" + path);
            return FileAt.TryStatus(null, directory) is null ? MountPoint : directory;
        }
        return MountPoint;
    }

    private static CgroupHierarchy From(string path, string root, bool isVersion2, string superOptions)
    {
        var controllers = new List<string>();
        string? label = null;
        foreach (var option in isVersion2 ? [] : superOptions.Split(','))
        {
            if (option.StartsWith("name=", StringComparison.Ordinal)) label = option["name=".Length..];
            else if (!NoControllers.Contains(option) && !option.Contains('=', StringComparison.Ordinal)) controllers.Add(option);
        }
        return new CgroupHierarchy { MountPoint = path, Root = root, IsVersion2 = isVersion2, Controllers = controllers, Label = label };
    }
}
