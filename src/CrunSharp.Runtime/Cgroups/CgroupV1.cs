using System.Diagnostics;
using System.Globalization;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Runtime.Cgroups;

/// <summary>A cgroup in one hierarchy of version 1. A container has one in each.</summary>
/// <seealso href="https://docs.kernel.org/admin-guide/cgroup-v1/cgroups.html"/>
internal sealed class CgroupV1 : IDisposable
{
    private const int MostTries = 3;

    // As in version 2.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    private CgroupV1(CgroupHierarchy hierarchy, string path, SafeFileHandle directory) =>
        (Hierarchy, Path, Directory) = (hierarchy, path, directory);

    /// <summary>The tree that it is in.</summary>
    public CgroupHierarchy Hierarchy { get; }

    /// <summary>Its path from the root of the tree.</summary>
    public string Path { get; }

    /// <summary>Its open directory.</summary>
    public SafeFileHandle Directory { get; }

    /// <summary>Its path on the host.</summary>
    public string HostPath => Hierarchy.MountPoint + Path;

    /// <summary>Whether its processes are stopped or about to be, by itself or by one above it.</summary>
    public bool IsFrozen => Hierarchy.Has("freezer") && TryRead("freezer.state") is { } state && !state.StartsWith("THAWED", StringComparison.Ordinal);

    /// <summary>Makes a cgroup and those above it; one that is there already must be empty.</summary>
    /// <param name="hierarchy">The tree.</param>
    /// <param name="path">Its path from the root.</param>
    /// <param name="made">Gets the paths on the host of the directories that were made, the outer ones first.</param>
    /// <exception cref="CrunException">The errors of mkdirat; or it has processes or is frozen.</exception>
    public static CgroupV1 Create(CgroupHierarchy hierarchy, string path, List<string> made)
    {
        var names = CgroupPath.Split(path);
        using var root = FileAt.OpenDirectory(hierarchy.MountPoint);
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                var cgroup = new CgroupV1(hierarchy, "/" + string.Join('/', names), Make(hierarchy, root, names, made));
                try
                {
                    cgroup.RequireUnused();
                    return cgroup;
                }
                catch
                {
                    cgroup.Dispose();
                    throw;
                }
            }
            catch (CrunException error) when (error.Errno == Errno.ENOENT && attempt < MostTries)
            {
                // The last container in one of those above was deleted, and it with it.
            }
        }
    }

    /// <summary>Opens a cgroup; null when there is none.</summary>
    /// <exception cref="CrunException">The path leads elsewhere.</exception>
    public static CgroupV1? TryOpen(CgroupHierarchy hierarchy, string path)
    {
        var joined = string.Join('/', CgroupPath.Split(path));
        using var root = FileAt.TryOpen(null, hierarchy.MountPoint, CgroupDirectory.AsDirectory, out var errno);
        var directory = root is null ? null : FileAt.TryOpenBeneath(root, joined, CgroupDirectory.AsDirectory, out errno);
        if (directory is not null) return new CgroupV1(hierarchy, "/" + joined, directory);
        return errno == Errno.ENOENT ? null : throw new CrunException(ErrorKind.System, "", $"open cgroup {path}", errno, $"openat2(\"{hierarchy.MountPoint}/{joined}\")");
    }

    /// <summary>Moves a process into it.</summary>
    /// <exception cref="CrunException">ESRCH when there is no such process.</exception>
    public void Add(int pid) => KernelFile.Write(Directory, "cgroup.procs", pid.ToString(CultureInfo.InvariantCulture));

    /// <summary>The processes in it and below it.</summary>
    public IReadOnlyList<int> Processes()
    {
        var processes = new List<int>();
        CgroupDirectory.AddProcesses(Directory, processes);
        return processes;
    }

    /// <summary>Text of a file; null when this kernel has none of that name.</summary>
    public string? TryRead(string file) => KernelFile.TryRead(Directory, file);

    /// <summary>A number in a file; null when there is no such file, or it has no limit.</summary>
    public long? Counter(string file) =>
        long.TryParse(TryRead(file), NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture, out var value) ? value : null;

    /// <summary>Stops all its processes, and waits until they are. Only in the freezer's hierarchy.</summary>
    /// <exception cref="CrunException">A process does not stop within ten seconds; all go on.</exception>
    public void Freeze()
    {
        var started = Stopwatch.GetTimestamp();
        for (var wait = 1; ; wait = Math.Min(wait * 2, 50))
        {
            // Written again each time: a process that was just started may have been missed.
            KernelFile.Write(Directory, "freezer.state", "FROZEN");
            if (TryRead("freezer.state")?.StartsWith("FROZEN", StringComparison.Ordinal) == true) return;
            if (Stopwatch.GetElapsedTime(started) > s_patience) break;
            CgroupDirectory.Pause(wait);
        }
        Thaw();
        throw CrunException.WrongState($"its processes do not stop within {s_patience.TotalSeconds} seconds", $"freeze {Path}");
    }

    /// <summary>Lets its processes go on. Only in the freezer's hierarchy.</summary>
    /// <exception cref="CrunException">The errors of write.</exception>
    public void Thaw() => KernelFile.Write(Directory, "freezer.state", "THAWED");

    /// <summary>Removes it and those below it; false when it did not exist any more.</summary>
    /// <exception cref="CrunException">It has processes that do not end within ten seconds.</exception>
    public bool Remove()
    {
        var started = Stopwatch.GetTimestamp();
        using var root = FileAt.OpenDirectory(Hierarchy.MountPoint);
        using var parent = CgroupV2.TryOpenParent(root, Path);
        if (parent is null) return false;
        var name = Path[(Path.LastIndexOf('/') + 1)..];
        for (var wait = 1; ; wait = Math.Min(wait * 2, 50))
        {
            try
            {
                CgroupDirectory.RemoveChildren(Directory);
                return FileAt.Remove(parent, name, isDirectory: true);
            }
            catch (CrunException error) when (error.Errno is Errno.EBUSY or Errno.ENOENT or Errno.ENODEV)
            {
                if (FileAt.TryStatus(parent, name) is null) return false;
                if (Stopwatch.GetElapsedTime(started) > s_patience)
                    throw CrunException.WrongState($"it has {Processes().Count} processes", $"remove cgroup {HostPath}");
                CgroupDirectory.Pause(wait);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Directory.Dispose();

    private static SafeFileHandle Make(CgroupHierarchy hierarchy, SafeFileHandle root, string[] names, List<string> made)
    {
        var parent = FileAt.Open(root, ".", CgroupDirectory.AsDirectory);
        try
        {
            for (var i = 0; i < names.Length; i++)
            {
                if (FileAt.TryMakeDirectory(parent, names[i], 0x1ed, out var errno)) made.Add(hierarchy.MountPoint + "/" + string.Join('/', names, 0, i + 1));
                else if (errno != Errno.EEXIST) throw new CrunException(ErrorKind.System, "", $"make cgroup /{string.Join('/', names)}", errno, $"mkdirat(\"{hierarchy.MountPoint}\", \"{names[i]}\")");
                var child = FileAt.OpenBeneath(parent, names[i], CgroupDirectory.AsDirectory);
                if (hierarchy.Has("cpuset")) Inherit(parent, child);
                parent.Dispose();
                parent = child;
            }
            return parent;
        }
        catch
        {
            parent.Dispose();
            throw;
        }
    }

    // A new set has no processors and no memory, and takes no process until it has.
    private static void Inherit(SafeFileHandle parent, SafeFileHandle child)
    {
        foreach (var file in (ReadOnlySpan<string>)["cpuset.cpus", "cpuset.mems"])
        {
            if (KernelFile.TryRead(child, file)?.Trim().Length == 0 && KernelFile.TryRead(parent, file)?.Trim() is { Length: > 0 } above)
                KernelFile.Write(child, file, above);
        }
    }

    private void RequireUnused()
    {
        if (Processes() is { Count: > 0 } processes) throw CgroupDirectory.Unfit(Path, $"it has {processes.Count} processes");
        if (IsFrozen) throw CgroupDirectory.Unfit(Path, "it is frozen");
    }
}
