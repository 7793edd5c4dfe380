using System.Diagnostics;
using System.Globalization;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Processes;
using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Runtime.Cgroups;

/// <summary>A control group: processes with common limits, that can be stopped and ended together.</summary>
/// <remarks>It is a handle: disposing it leaves the cgroup as it is, and it does not need the <see cref="CgroupV2"/> any more.</remarks>
public sealed class Cgroup : IDisposable
{
    private const OpenFlags AsDirectory = OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY;

    // The kernel acts within milliseconds; what takes longer is a process stuck in a device.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    private readonly string _mountPoint;

    internal Cgroup(string mountPoint, string path, SafeFileHandle directory) => (_mountPoint, Path, Directory) = (mountPoint, path, directory);

    /// <summary>Its path from the root of the tree, such as <c>/crun-sharp/ID</c>.</summary>
    public string Path { get; }

    /// <summary>Its open directory: what clone3 takes with CLONE_INTO_CGROUP.</summary>
    public SafeFileHandle Directory { get; }

    /// <summary>Its path on the host.</summary>
    public string HostPath => _mountPoint + Path;

    /// <summary>Whether there are processes in it or below it.</summary>
    public bool IsPopulated => Event("populated") == 1;

    /// <summary>Whether all its processes are stopped.</summary>
    public bool IsFrozen => Event("frozen") == 1;

    /// <summary>How many of its processes the kernel ended because memory ran out.</summary>
    /// <value>null without a memory controller.</value>
    public long? OomKills
    {
        get
        {
            using var events = TryOpenEvents("memory.events");
            return events?.Read("oom_kill");
        }
    }

    /// <summary>Changes limits; those that are null stay as they are.</summary>
    /// <exception cref="CrunException">A limit cannot be enforced on this host, or is below what is in use; none is changed.</exception>
    public void Update(ResourcesSpec resources)
    {
        using var changes = new SettingChanges(canUndo: true);
        Update(resources, changes);
        changes.Keep();
    }

    internal void Update(ResourcesSpec resources, SettingChanges changes)
    {
        var settings = CgroupSettings.From(resources, TryRead);
        if (resources.Memory is { CheckBeforeUpdate: true, Limit: > 0 and { } limit } && Counter("memory.current") is { } used && used > limit)
            throw CgroupDirectory.BelowUse(limit, used);
        EnableAbove(settings, []);
        changes.Write(Directory, Path, settings);
    }

    /// <summary>Moves a process into it.</summary>
    /// <exception cref="CrunException">ESRCH when there is no such process, EAGAIN when it would exceed a limit.</exception>
    public void Add(int pid) => KernelFile.Write(Directory, "cgroup.procs", pid.ToString(CultureInfo.InvariantCulture));

    /// <summary>The processes in it and below it; those of other pid namespaces are left out. One that was removed has none.</summary>
    public IReadOnlyList<int> Processes()
    {
        var processes = new List<int>();
        CgroupDirectory.AddProcesses(Directory, processes);
        return processes;
    }

    /// <summary>Stops all its processes, and waits until they are.</summary>
    /// <exception cref="CrunException">A process does not stop within ten seconds; all go on.</exception>
    public void Freeze()
    {
        KernelFile.Write(Directory, "cgroup.freeze", "1");
        using var events = OpenEvents("cgroup.events");
        if (events.WaitFor("frozen", 1, s_patience)) return;
        KernelFile.TryWrite(Directory, "cgroup.freeze", "0");
        throw CrunException.WrongState($"its processes do not stop within {s_patience.TotalSeconds} seconds", $"freeze {Path}");
    }

    /// <summary>Lets all its processes go on.</summary>
    /// <exception cref="CrunException">They do not within ten seconds: a cgroup above is frozen.</exception>
    public void Thaw()
    {
        KernelFile.Write(Directory, "cgroup.freeze", "0");
        using var events = OpenEvents("cgroup.events");
        if (!events.WaitFor("frozen", 0, s_patience)) throw CrunException.WrongState("a cgroup above it is frozen", $"thaw {Path}");
    }

    /// <summary>Sends a signal to all processes in it and below it.</summary>
    /// <exception cref="CrunException">The errors of pidfd_send_signal.</exception>
    public void Send(Signal signal) => CgroupDirectory.Send(Processes, signal);

    /// <summary>Ends all processes in it and below it with SIGKILL, frozen or not.</summary>
    /// <exception cref="CrunException">The errors of write.</exception>
    public void Kill()
    {
        // Linux 5.14.
        var errno = KernelFile.TryWrite(Directory, "cgroup.kill", "1");
        if (errno == Errno.None) return;
        if (errno is not (Errno.ENOENT or Errno.ENODEV)) throw new CrunException(ErrorKind.System, "", $"kill {Path}", errno, "write(cgroup.kill, \"1\")");
        KillEach();
    }

    /// <summary>Waits until there is no process in it or below it; false when there still is after <paramref name="timeout"/>.</summary>
    /// <param name="timeout">How long; null without limit.</param>
    public bool WaitUntilEmpty(TimeSpan? timeout)
    {
        // systemd removes the cgroup of a scope as soon as it is empty: what is gone has no process.
        if (FileAt.TryOpen(Directory, "cgroup.events", OpenFlags.O_RDONLY, out var errno) is not { } file)
            return errno is Errno.ENOENT or Errno.ENODEV ? true : throw new CrunException(ErrorKind.System, "", $"watch {Path}", errno, "openat(cgroup.events, O_RDONLY)");
        using var events = new CgroupEvents(file);
        try
        {
            return events.WaitFor("populated", 0, timeout);
        }
        catch (CrunException error) when (error.Errno == Errno.ENODEV)
        {
            return true;
        }
    }

    /// <summary>Opens a file with counters, to read them and to wait until they change.</summary>
    /// <param name="name"><c>cgroup.events</c>, <c>memory.events</c> and others.</param>
    /// <returns>null when its controller is not switched on.</returns>
    public CgroupEvents? TryOpenEvents(string name) =>
        FileAt.TryOpen(Directory, name, OpenFlags.O_RDONLY, out _) is { } file ? new CgroupEvents(file) : null;

    /// <summary>The text of one of its files, such as <c>cpu.stat</c>; null when its controller is not switched on.</summary>
    /// <exception cref="CrunException">The errors of read.</exception>
    public string? TryRead(string file) => KernelFile.TryRead(Directory, file);

    /// <summary>
    /// Removes it and those below it. Processes that are still ending are waited for; false when it did not exist any
    /// more.
    /// </summary>
    /// <exception cref="CrunException">It has processes that do not end within ten seconds.</exception>
    public bool Remove()
    {
        var started = Stopwatch.GetTimestamp();
        using var root = FileAt.OpenDirectory(_mountPoint);
        using var parent = CgroupV2.TryOpenParent(root, Path);
        if (parent is null) return false;
        var name = Path[(Path.LastIndexOf('/') + 1)..];
        // Mostly there is nothing below it.
        var errno = FileAt.TryRemoveDirectory(parent, name);
        if (errno is Errno.None or Errno.ENOENT) return errno == Errno.None;
        for (; ; )
        {
            try
            {
                CgroupDirectory.RemoveChildren(Directory);
                return FileAt.Remove(parent, name, isDirectory: true);
            }
            catch (CrunException error) when (error.Errno is Errno.EBUSY or Errno.ENOENT or Errno.ENODEV)
            {
                if (FileAt.TryStatus(parent, name) is null) return false;
                var left = s_patience - Stopwatch.GetElapsedTime(started);
                if (left <= TimeSpan.Zero || !WaitUntilEmpty(left))
                    throw CrunException.WrongState($"it has {Processes().Count} processes", $"remove cgroup {Path}");
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Directory.Dispose();

    internal void RequireUnused()
    {
        if (Event("populated") == 1) throw CgroupDirectory.Unfit(Path, $"it has {Processes().Count} processes");
        // Also when a cgroup above it is.
        if (Event("frozen") == 1 || KernelFile.TryRead(Directory, "cgroup.freeze")?.StartsWith('1') == true)
            throw CgroupDirectory.Unfit(Path, "it is frozen");
    }

    internal void Write(IReadOnlyList<CgroupSetting> settings)
    {
        using var changes = new SettingChanges(canUndo: false);
        changes.Write(Directory, Path, settings);
    }

    internal void EnableAbove(IReadOnlyList<CgroupSetting> settings, IReadOnlyList<string> alsoCounted)
    {
        using var root = FileAt.OpenDirectory(_mountPoint);
        for (var slash = Path.IndexOf('/', StringComparison.Ordinal); slash >= 0; slash = Path.IndexOf('/', slash + 1))
        {
            using var above = CgroupV2.OpenParent(root, Path[..slash] + "/x");
            CgroupV2.EnableControllers(above, settings, alsoCounted);
        }
    }

    private long? Event(string key)
    {
        using var events = OpenEvents("cgroup.events");
        return events.Read(key);
    }

    private CgroupEvents OpenEvents(string name) => new(FileAt.Open(Directory, name, OpenFlags.O_RDONLY));

    private long? Counter(string file) =>
        long.TryParse(KernelFile.TryRead(Directory, file), NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture, out var value) ? value : null;

    // Kernels without cgroup.kill: nothing can be started while all is frozen, so that one round gets all.
    internal void KillEach()
    {
        KernelFile.TryWrite(Directory, "cgroup.freeze", "1");
        try
        {
            for (var round = 0; round < 100; round++)
            {
                Send(Signal.SIGKILL);
                if (WaitUntilEmpty(TimeSpan.FromMilliseconds(10))) return;
            }
        }
        finally
        {
            KernelFile.TryWrite(Directory, "cgroup.freeze", "0");
        }
    }
}
