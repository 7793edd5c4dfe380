using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Mounts;
using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Runtime.Cgroups;

/// <summary>
/// The tree of control groups, version 2. On a host that has version 1 beside it (a hybrid), only this tree is used:
/// what its controllers do not offer cannot be had.
/// </summary>
/// <seealso href="https://docs.kernel.org/admin-guide/cgroup-v2.html"/>
public sealed class CgroupV2 : IDisposable
{
    private const string Usual = "/sys/fs/cgroup";
    private const long Magic = 0x63677270; // linux/magic.h: CGROUP2_SUPER_MAGIC
    private const int MostTries = 3;
    private const OpenFlags AsDirectory = OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY;

    private readonly SafeFileHandle _root;
    private HashSet<string>? _controllers;

    private CgroupV2(string path, SafeFileHandle root) => (MountPoint, _root) = (path, root);

    /// <summary>Where it is mounted, such as <c>/sys/fs/cgroup</c> or <c>/sys/fs/cgroup/unified</c>.</summary>
    public string MountPoint { get; }

    /// <summary>The controllers that its root has.</summary>
    /// <exception cref="CrunException">The errors of read.</exception>
    public IReadOnlyCollection<string> Controllers => Available;

    private HashSet<string> Available => _controllers ??= Words(KernelFile.Read(_root, "cgroup.controllers"));

    /// <summary>Finds the tree.</summary>
    /// <exception cref="CrunException">No cgroup2 file system is mounted.</exception>
    public static CgroupV2 Find() =>
        TryFind() ?? throw CrunException.Unsupported("no cgroup2 file system is mounted on this host", "find cgroups");

    /// <summary>As <see cref="Find"/>; null when no cgroup2 file system is mounted.</summary>
    public static CgroupV2? TryFind() => TryFind(KernelFile.Read(null, "/proc/self/mountinfo"));

    /// <summary>The tree when it is mounted at <c>/sys/fs/cgroup</c> itself; else null.</summary>
    internal static CgroupV2? TryOpenUsual()
    {
        var root = FileAt.TryOpen(null, Usual, AsDirectory, out _);
        if (root is not null && DetachedMount.TypeOf(root) == Magic) return new CgroupV2(Usual, root);
        root?.Dispose();
        return null;
    }

    internal static CgroupV2? TryFind(string mounts)
    {
        // On top of each other, the last one is the one that is seen.
        string? found = null;
        foreach (var line in mounts.Split('\n'))
        {
            if (MountPointOf(line) is { } path && (found != Usual || path == Usual)) found = path;
        }
        if (found is null) return null;
        var root = FileAt.TryOpen(null, found, AsDirectory, out _);
        if (root is not null && FileAt.TryStatus(root, "cgroup.controllers") is not null) return new CgroupV2(found, root);
        root?.Dispose();
        return null;
    }

    /// <summary>The limits that this host cannot enforce, for messages in the words of the caller's options.</summary>
    /// <exception cref="CrunException">A value is out of range, or there is nothing like it in cgroup v2.</exception>
    public IReadOnlyList<MissingController> MissingFor(ResourcesSpec resources)
    {
        var missing = new List<MissingController>();
        foreach (var setting in CgroupSettings.From(resources))
        {
            if (IsMissing(setting) && !setting.IsUnlimited)
                missing.Add(new MissingController(setting.Resource, setting.Controller));
        }
        return missing;
    }

    /// <summary>Makes a cgroup with limits and those above it; a cgroup that is there already must be empty.</summary>
    /// <param name="path">Its path from the root, such as <c>/crun-sharp/ID</c>.</param>
    /// <param name="resources">Its limits; device rules are put in force by <see cref="DeviceFilter"/>.</param>
    /// <param name="alsoCounted">
    /// Controllers to switch on for their counters, where they are there: <c>memory</c>, <c>pids</c> and others.
    /// </param>
    /// <exception cref="CrunException">
    /// The path leads elsewhere; the cgroup has processes or is frozen; a limit cannot be enforced on this host. What
    /// was made is removed.
    /// </exception>
    public Cgroup Create(string path, ResourcesSpec? resources = null, params IReadOnlyList<string> alsoCounted) =>
        Create(path, resources, alsoCounted, []);

    /// <param name="path">Its path from the root.</param>
    /// <param name="resources">Its limits.</param>
    /// <param name="alsoCounted">Controllers to switch on for their counters.</param>
    /// <param name="made">Gets the paths on the host of the directories that were made, the outer ones first.</param>
    internal Cgroup Create(string path, ResourcesSpec? resources, IReadOnlyList<string> alsoCounted, List<string> made)
    {
        var names = CgroupPath.Split(path);
        var settings = resources is null ? [] : Require(CgroupSettings.From(resources));
        SafeFileHandle? directory = null;
        try
        {
            directory = Make(path, names, settings, alsoCounted, made);
            var cgroup = new Cgroup(MountPoint, "/" + string.Join('/', names), directory);
            cgroup.RequireUnused();
            cgroup.Write(settings);
            return cgroup;
        }
        catch
        {
            directory?.Dispose();
            RemoveMade(made);
            made.Clear();
            throw;
        }
    }

    private bool IsMissing(CgroupSetting setting) => setting.Controller.Length > 0 && !Available.Contains(setting.Controller);

    private List<CgroupSetting> Require(IReadOnlyList<CgroupSetting> settings)
    {
        var kept = new List<CgroupSetting>(settings.Count);
        foreach (var setting in settings)
        {
            if (!IsMissing(setting)) kept.Add(setting);
            else if (!setting.IsUnlimited) throw Missing(setting, MountPoint);
        }
        return kept;
    }

    private SafeFileHandle Make(string path, string[] names, IReadOnlyList<CgroupSetting> settings, IReadOnlyList<string> alsoCounted, List<string> made)
    {
        for (var attempt = 1; ; attempt++)
        {
            var parent = FileAt.Open(_root, ".", AsDirectory);
            try
            {
                for (var i = 0; i < names.Length; i++)
                {
                    EnableControllers(parent, settings, alsoCounted);
                    if (FileAt.TryMakeDirectory(parent, names[i], 0x1ed, out var errno)) made.Add(MountPoint + "/" + string.Join('/', names, 0, i + 1));
                    else if (errno != Errno.EEXIST) throw new CrunException(ErrorKind.System, "", $"make cgroup {path}", errno, $"mkdirat(\"{names[i]}\")");
                    var child = FileAt.OpenBeneath(parent, names[i], AsDirectory);
                    parent.Dispose();
                    parent = child;
                }
                return parent;
            }
            catch (CrunException error) when (error.Errno == Errno.ENOENT && attempt < MostTries)
            {
                // The last container in one of those above was deleted, and it with it.
                parent.Dispose();
            }
            catch
            {
                parent.Dispose();
                throw;
            }
        }
    }

    /// <summary>Opens a cgroup; null when there is none.</summary>
    /// <exception cref="CrunException">The path leads elsewhere.</exception>
    public Cgroup? TryOpen(string path)
    {
        var names = CgroupPath.Split(path);
        var joined = string.Join('/', names);
        var directory = FileAt.TryOpenBeneath(_root, joined, AsDirectory, out var errno);
        if (directory is not null) return new Cgroup(MountPoint, "/" + joined, directory);
        return errno == Errno.ENOENT ? null : throw new CrunException(ErrorKind.System, "", $"open cgroup {path}", errno, $"openat2(\"{joined}\")");
    }

    /// <inheritdoc/>
    public void Dispose() => _root.Dispose();

    internal static CrunException Missing(CgroupSetting setting, string where) => CrunException.Unsupported(
        $"{setting.Resource} cannot be enforced: the {setting.Controller} controller is not available in cgroup v2 on this host ({where})");

    internal static SafeFileHandle OpenParent(SafeFileHandle root, string path)
    {
        var slash = path.LastIndexOf('/');
        return slash <= 0 ? FileAt.Open(root, ".", AsDirectory) : FileAt.OpenBeneath(root, path[1..slash], AsDirectory);
    }

    internal static SafeFileHandle? TryOpenParent(SafeFileHandle root, string path)
    {
        try
        {
            return OpenParent(root, path);
        }
        catch (CrunException error) when (error.Errno == Errno.ENOENT)
        {
            return null;
        }
    }

    internal static HashSet<string> Words(string text) =>
        [.. text.Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries)];

    /// <summary>Switches on for a cgroup's children what some settings need.</summary>
    internal static void EnableControllers(SafeFileHandle directory, IReadOnlyList<CgroupSetting> settings, IReadOnlyList<string> alsoCounted)
    {
        if (settings.Count == 0 && alsoCounted.Count == 0) return;
        var enabled = Words(KernelFile.Read(directory, "cgroup.subtree_control"));
        HashSet<string>? available = null;
        foreach (var setting in settings)
        {
            if (setting.Controller.Length == 0 || !enabled.Add(setting.Controller)) continue;
            available ??= Words(KernelFile.Read(directory, "cgroup.controllers"));
            if (!available.Contains(setting.Controller)) throw Missing(setting, FileAt.PathOf(directory));
            try
            {
                KernelFile.Write(directory, "cgroup.subtree_control", "+" + setting.Controller);
            }
            catch (CrunException error) when (error.Errno == Errno.EBUSY)
            {
                throw CrunException.Unsupported($"{setting.Resource} cannot be enforced: processes in {FileAt.PathOf(directory)} keep the {setting.Controller} controller from its children");
            }
        }
        foreach (var controller in alsoCounted)
        {
            if (!enabled.Add(controller)) continue;
            available ??= Words(KernelFile.Read(directory, "cgroup.controllers"));
            // Only counters: what cannot be switched on is done without.
            if (available.Contains(controller)) KernelFile.TryWrite(directory, "cgroup.subtree_control", "+" + controller);
        }
    }

    /// <summary>Removes directories, the last first; those that others have their cgroups in by now stay.</summary>
    /// <returns>How many were removed.</returns>
    internal static int RemoveMade(IReadOnlyList<string> paths)
    {
        var removed = 0;
        for (var i = paths.Count - 1; i >= 0; i--)
        {
            try
            {
                if (FileAt.Remove(null, paths[i], isDirectory: true)) removed++;
            }
            catch (CrunException)
            {
                // Not empty.
            }
        }
        return removed;
    }

    // ID PARENT MAJOR:MINOR ROOT MOUNTPOINT OPTIONS [FIELDS...] - TYPE SOURCE OPTIONS
    private static string? MountPointOf(string line)
    {
        var dash = line.IndexOf(" - ", StringComparison.Ordinal);
        if (dash < 0 || !line.AsSpan(dash + 3).StartsWith("cgroup2 ", StringComparison.Ordinal)) return null;
        var fields = line[..dash].Split(' ');
        return fields.Length < 6 ? null : Unescape(fields[4]);
    }

    internal static string Unescape(string path) =>
        path.Replace("\\040", " ", StringComparison.Ordinal).Replace("\\134", "\\", StringComparison.Ordinal);
}
