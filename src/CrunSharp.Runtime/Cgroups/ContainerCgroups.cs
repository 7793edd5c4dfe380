using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Processes;
using CrunSharp.Oci;

namespace CrunSharp.Runtime.Cgroups;

/// <summary>
/// The cgroups of one container: one in the tree of version 2 where the host has that, and one in each tree of version
/// 1. Processes are listed, stopped and ended by version 2 where it is there, else by version 1.
/// </summary>
/// <remarks>It is a handle: disposing it leaves the cgroups as they are.</remarks>
public sealed partial class ContainerCgroups : IDisposable
{
    private readonly CgroupHost _host;
    private readonly Cgroup? _unified;
    private readonly List<CgroupV1> _others;

    private ContainerCgroups(CgroupHost host, CgroupPlace place, Cgroup? unified, List<CgroupV1> others) =>
        (_host, Place, _unified, _others) = (host, place, unified, others);

    /// <summary>Where they are, for <see cref="Open"/>; to be kept with the container.</summary>
    public CgroupPlace Place { get; }

    /// <summary>The one of version 2; null on a host without.</summary>
    public Cgroup? Unified => _unified;

    /// <summary>Their directories on the host, by the place where their tree is mounted.</summary>
    public IReadOnlyDictionary<string, string> Directories
    {
        get
        {
            var directories = new Dictionary<string, string>();
            if (_host.Unified is { } tree && _unified is not null) directories[tree.MountPoint] = _unified.HostPath;
            foreach (var cgroup in _others) directories[cgroup.Hierarchy.MountPoint] = cgroup.HostPath;
            return directories;
        }
    }

    /// <summary>Whether there are any.</summary>
    public bool Exist => _unified is not null || _others.Count > 0;

    /// <summary>Whether their processes are stopped.</summary>
    public bool IsFrozen => _unified?.IsFrozen == true || Freezer?.IsFrozen == true;

    /// <summary>The cgroup that stops the processes, a path on the host; null when there is none.</summary>
    public string? FreezerPath => _unified?.HostPath ?? Freezer?.HostPath;

    private CgroupV1? Freezer => With("freezer");

    /// <summary>
    /// Opens the cgroups of a container; those that are not there (any more) are left out, and so are all of a place
    /// where they were not made (<see cref="CgroupPlace.IsMade"/>).
    /// </summary>
    /// <exception cref="CrunException">The path leads elsewhere.</exception>
    public static ContainerCgroups Open(CgroupPlace place)
    {
        var host = CgroupHost.Find();
        var others = new List<CgroupV1>();
        try
        {
            if (place.IsNone || !place.IsMade) return new ContainerCgroups(host, place, null, others);
            foreach (var hierarchy in host.Hierarchies)
            {
                if (CgroupV1.TryOpen(hierarchy, place.Path) is { } cgroup) others.Add(cgroup);
            }
            return new ContainerCgroups(host, place, host.Unified?.TryOpen(place.Path), others);
        }
        catch
        {
            foreach (var cgroup in others) cgroup.Dispose();
            host.Dispose();
            throw;
        }
    }

    // As on a host that has only these trees.
    internal static ContainerCgroups Of(CgroupPlace place, List<CgroupV1> cgroups) => new(CgroupHost.Find(), place with { IsMade = true }, null, cgroups);

    /// <summary>The way in for the container's first process.</summary>
    public CgroupEntry Enter() => new(
        _unified is null ? null : FileAt.Open(_unified.Directory, ".", CgroupDirectory.AsDirectory),
        Reopen(_others, ""));

    /// <summary>The way in for a further process.</summary>
    /// <param name="init">The container's first process, in whose cgroup it goes when the container has divided its own.</param>
    /// <param name="paths">
    /// Where else below the container's cgroup: <c>PATH</c>, or <c>CONTROLLER[,CONTROLLER...]:PATH</c> for trees of version 1.
    /// </param>
    /// <exception cref="CrunException">There is no such cgroup.</exception>
    public CgroupEntry EnterFurther(int init, params IReadOnlyList<string> paths)
    {
        var chosen = new List<CgroupV1>();
        var directory = _unified is null ? null : OpenFor(_unified, init, paths);
        try
        {
            foreach (var cgroup in _others) chosen.AddRange(Reopen([cgroup], SubPath(cgroup.Hierarchy, paths) ?? ""));
            return new CgroupEntry(directory, chosen);
        }
        catch
        {
            directory?.Dispose();
            foreach (var cgroup in chosen) cgroup.Dispose();
            throw;
        }
    }

    /// <summary>The processes in them and below them; none without cgroups.</summary>
    public IReadOnlyList<int> Processes()
    {
        if (_unified is not null) return _unified.Processes();
        return (Freezer ?? With("devices") ?? (_others.Count > 0 ? _others[0] : null))?.Processes() ?? [];
    }

    /// <summary>Stops all processes, and waits until they are.</summary>
    /// <exception cref="CrunException">There is nothing to stop them with; or one does not stop within ten seconds, and all go on.</exception>
    public void Freeze()
    {
        if (_unified is not null) _unified.Freeze();
        else if (Freezer is { } freezer) freezer.Freeze();
        else throw CrunException.Unsupported("the container has no cgroup to stop its processes with", "freeze");
    }

    /// <summary>Lets all processes go on.</summary>
    /// <exception cref="CrunException">A cgroup above is frozen.</exception>
    public void Thaw()
    {
        if (Freezer is { IsFrozen: true } freezer) freezer.Thaw();
        _unified?.Thaw();
    }

    /// <summary>Sends a signal to all processes.</summary>
    /// <exception cref="CrunException">The errors of pidfd_send_signal.</exception>
    public void Send(Signal signal) => CgroupDirectory.Send(Processes, signal);

    /// <summary>Ends all processes with SIGKILL, stopped or not; what is started meanwhile ends as well.</summary>
    /// <exception cref="CrunException">The errors of write.</exception>
    public void Kill()
    {
        if (_unified is not null) _unified.Kill();
        else KillEach();
        // What the freezer of version 1 has stopped cannot end.
        if (Freezer is { IsFrozen: true } freezer) freezer.Thaw();
    }

    /// <summary>Waits until there are no processes; false when there still are after <paramref name="timeout"/>.</summary>
    public bool WaitUntilEmpty(TimeSpan timeout)
    {
        if (_unified is not null) return _unified.WaitUntilEmpty(timeout);
        var started = System.Diagnostics.Stopwatch.GetTimestamp();
        for (var wait = 1; Processes().Count > 0; wait = Math.Min(wait * 2, 50))
        {
            if (System.Diagnostics.Stopwatch.GetElapsedTime(started) > timeout) return false;
            CgroupDirectory.Pause(wait);
        }
        return true;
    }

    /// <summary>Makes a cgroup below the container's, moves its first process there and lets its user divide it. It has no limits of its own.</summary>
    /// <param name="path">Its path from the container's cgroup.</param>
    /// <param name="init">The container's first process, which waits.</param>
    /// <param name="owner">Who gets the directory and the files that the kernel names for that, as the host numbers users.</param>
    /// <exception cref="CrunException">It is no path, or the host has not cgroup v2 alone.</exception>
    public void Delegate(string path, int init, (uint Uid, uint Gid) owner)
    {
        if (_unified is null || _others.Count > 0) throw CrunException.Unsupported("a cgroup can be delegated only where the container has one of version 2 and no others", $"delegate the cgroup {path}");
        using var below = _host.Unified!.Create($"{_unified.Path}/{string.Join('/', CgroupPath.Split(path))}");
        below.Add(init);
        // One that has processes itself gives those below it no controllers: so after it.
        _placeholder?.Dispose();
        _placeholder = null;
        below.EnableAbove([], s_counted);
        if (owner == default) return;
        FileAt.SetOwner(below.Directory, ".", owner.Uid, owner.Gid);
        var files = KernelFile.TryRead(null, "/sys/kernel/cgroup/delegate") ?? "cgroup.procs\ncgroup.subtree_control\ncgroup.threads";
        foreach (var file in files.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            if (FileAt.TryStatus(below.Directory, file) is not null) FileAt.SetOwner(below.Directory, file, owner.Uid, owner.Gid);
        }
    }

    /// <summary>
    /// Removes them, those below them and those above them that were made with them and are not used. Of a place where
    /// they were not made, only what is empty: what a creation left that was killed.
    /// </summary>
    /// <returns>Whether there were any.</returns>
    /// <exception cref="CrunException">There are processes that do not end within ten seconds.</exception>
    public bool Remove()
    {
        if (!Place.IsMade) return RemoveEmpty();
        var removed = _unified?.Remove() == true;
        foreach (var cgroup in _others) removed |= cgroup.Remove();
        if (Place.Unit is { } unit) removed |= Systemd.SystemdScope.Stop(unit);
        CgroupV2.RemoveMade([.. Above()]);
        return removed;
    }

    private bool RemoveEmpty()
    {
        if (Place.IsNone || Place.Unit is not null) return false;
        var path = "/" + string.Join('/', CgroupPath.Split(Place.Path));
        var paths = new List<string>();
        if (_host.Unified is { } tree) paths.Add(tree.MountPoint + path);
        foreach (var hierarchy in _host.Hierarchies) paths.Add(hierarchy.MountPoint + path);
        return CgroupV2.RemoveMade(paths) > 0;
    }

    // Of what the record says, what is above this place in one of the trees.
    private IEnumerable<string> Above()
    {
        foreach (var path in Place.Above)
        {
            if (IsAbove(_host.Unified?.MountPoint, path)) yield return path;
            foreach (var hierarchy in _host.Hierarchies)
            {
                if (IsAbove(hierarchy.MountPoint, path)) yield return path;
            }
        }
    }

    private bool IsAbove(string? mountPoint, string path) =>
        mountPoint is not null && path.StartsWith(mountPoint + "/", StringComparison.Ordinal)
        && Place.Path.StartsWith(path[mountPoint.Length..] + "/", StringComparison.Ordinal);

    /// <inheritdoc/>
    public void Dispose()
    {
        _placeholder?.Dispose();
        _unified?.Dispose();
        foreach (var cgroup in _others) cgroup.Dispose();
        _host.Dispose();
    }

    private CgroupV1? With(string controller)
    {
        foreach (var cgroup in _others)
        {
            if (cgroup.Hierarchy.Has(controller)) return cgroup;
        }
        return null;
    }

    // Nothing can be started while all is stopped, so that one round gets all; without a freezer a few are needed.
    private void KillEach()
    {
        for (var round = 0; round < 100 && Processes().Count > 0; round++)
        {
            if (Freezer is { } freezer) KernelFile.TryWrite(freezer.Directory, "freezer.state", "FROZEN");
            try
            {
                Send(Signal.SIGKILL);
            }
            finally
            {
                if (Freezer is { } frozen) frozen.Thaw();
            }
            if (WaitUntilEmpty(TimeSpan.FromMilliseconds(20))) return;
        }
    }

    private static List<CgroupV1> Reopen(List<CgroupV1> cgroups, string below)
    {
        var opened = new List<CgroupV1>(cgroups.Count);
        foreach (var cgroup in cgroups)
        {
            opened.Add(CgroupV1.TryOpen(cgroup.Hierarchy, cgroup.Path + "/" + below)
                ?? throw CrunException.NotFound($"there is no cgroup {cgroup.HostPath}/{below}", "enter the cgroup"));
        }
        return opened;
    }

    private static Microsoft.Win32.SafeHandles.SafeFileHandle OpenFor(Cgroup unified, int init, IReadOnlyList<string> paths)
    {
        if (SubPath(null, paths) is { } below && below.Trim('/').Length > 0)
        {
            var path = string.Join('/', CgroupPath.Split(below));
            return FileAt.TryOpenBeneath(unified.Directory, path, CgroupDirectory.AsDirectory, out _)
                ?? throw CrunException.NotFound($"there is no cgroup {unified.HostPath}/{path}", "enter the cgroup");
        }
        // Once it has controllers for those below it, a cgroup takes no processes itself. What is mounted may be a part of
        // the tree that procfs shows.
        if (unified.TryRead("cgroup.subtree_control")?.Trim().Length > 0 && PathOf(init) is { } own
            && own.IndexOf(unified.Path + "/", StringComparison.Ordinal) is >= 0 and var at
            && FileAt.TryOpenBeneath(unified.Directory, own[(at + unified.Path.Length + 1)..], CgroupDirectory.AsDirectory, out _) is { } directory)
            return directory;
        return FileAt.Open(unified.Directory, ".", CgroupDirectory.AsDirectory);
    }

    // The last that is meant for a tree; null for none.
    private static string? SubPath(CgroupHierarchy? hierarchy, IReadOnlyList<string> paths)
    {
        string? found = null;
        foreach (var path in paths)
        {
            var colon = path.IndexOf(':', StringComparison.Ordinal);
            if (colon < 0) found = path;
            else if (hierarchy is null) throw CrunException.Invalid($"\"{path}\" names controllers, which in cgroup v2 have no trees of their own", "enter the cgroup");
            else if (Array.Exists(path[..colon].Split(','), hierarchy.Has)) found = path[(colon + 1)..];
        }
        return found;
    }

    private static string? PathOf(int pid)
    {
        foreach (var line in (KernelFile.TryRead(null, PidHandle.PathOf(pid, "cgroup")) ?? "").Split('\n'))
        {
            if (line.StartsWith("0::", StringComparison.Ordinal)) return line[3..];
        }
        return null;
    }
}
