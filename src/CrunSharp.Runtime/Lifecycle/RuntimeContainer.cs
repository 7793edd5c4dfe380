using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Mounts;
using CrunSharp.Kernel.Processes;
using CrunSharp.Kernel.Sockets;
using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;
using CrunSharp.Runtime.Cgroups;
using CrunSharp.Runtime.Init;
using CrunSharp.Runtime.Seccomp;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Runtime.Lifecycle;

/// <summary>
/// A container of an OCI runtime. What is on disk says who it is; how it is is always asked of the kernel, so that the
/// answer is right after any process was killed and after a reboot.
/// </summary>
public sealed class RuntimeContainer : IDisposable
{
    internal const string RecordName = "state.json";
    internal const string StartSocketName = "start.sock";
    private const string LockName = "lock";

    // What a program gets before poststart hooks look at it, in milliseconds.
    private const int HeadStart = 20;

    private static string? s_bootId;

    private readonly RuntimeStore _store;
    private readonly SafeFileHandle _directory;
    private ContainerRecord? _record;
    private RuntimeSpec? _spec;
    private RuntimeSpec? _later;

    internal RuntimeContainer(RuntimeStore store, string id, SafeFileHandle directory) => (_store, Id, _directory) = (store, id, directory);

    /// <summary>The id.</summary>
    public string Id { get; }

    /// <summary>Where what is known of it is kept.</summary>
    public string Path => _store.PathOf(Id);

    /// <summary>The bundle's absolute path; empty while it is being made.</summary>
    public string Bundle => TryRecord()?.Bundle ?? "";

    /// <summary>Its configuration, as it was when the container was made.</summary>
    /// <exception cref="CrunException">It is being made, or was killed while it was.</exception>
    public RuntimeSpec Spec => _spec ??= CrunAnnotations.Apply(RuntimeSpec.Parse(ReadConfig(), $"{Path}/{Lifecycle.Bundle.ConfigName}"));

    /// <summary>The configuration's process.</summary>
    /// <exception cref="CrunException">As with <see cref="Spec"/>.</exception>
    public ProcessSpec? FirstProcess => Later.Process;

    /// <summary>The namespaces that were made for it.</summary>
    internal CloneFlags MadeNamespaces => ContainerNamespaces.MadeOf(Later.Linux ?? new LinuxSpec());

    internal SafeFileHandle Directory => _directory;

    internal HookFiles HookFiles => CrunAnnotations.HookFiles(TryRecord()?.Annotations, Bundle);

    /// <summary>Who makes the container has read its configuration already.</summary>
    internal void Keep(RuntimeSpec spec) => _spec = spec;

    internal ContainerRecord Record => TryRecord() ?? throw Unfinished();

    // What is needed once it is made, without reading all the rest.
    private RuntimeSpec Later => _spec ?? (_later ??= RuntimeSpec.ParseLater(ReadConfig(), $"{Path}/{Lifecycle.Bundle.ConfigName}"));

    // A configuration that a power cut tore must not keep a container from being deleted.
    private RuntimeSpec? TryLater()
    {
        try
        {
            return Later;
        }
        catch (CrunException error)
        {
            Warnings.Add($"poststop hooks are not run: {error.Message}");
            return null;
        }
    }

    /// <summary>Where it is in its life.</summary>
    public RuntimeStatus Status
    {
        get
        {
            using var process = TryOpenProcess();
            return StatusOf(process);
        }
    }

    /// <summary>Its state as the specification has it, with what runc adds.</summary>
    public ContainerState State
    {
        get
        {
            using var process = TryOpenProcess();
            var status = StatusOf(process);
            return StateAs(status, status == RuntimeStatus.Stopped ? 0 : process?.Pid ?? 0);
        }
    }

    /// <summary>Opens its first process; null when that has ended.</summary>
    public PidHandle? TryOpenProcess() =>
        TryRecord() is { Pid: > 0 } record && record.BootId == ReadBootId() ? PidHandle.TryOpen(record.Pid, record.StartTime) : null;

    /// <summary>Starts its program, and waits until it runs.</summary>
    /// <exception cref="CrunException">It is not in the state <c>created</c>, a hook fails, or the program cannot be executed.</exception>
    public void Start()
    {
        using var alone = FileLock.Exclusive(_directory, LockName);
        using var process = TryOpenProcess();
        var status = StatusOf(process);
        if (status != RuntimeStatus.Created || process is null) throw CannotStart(status);
        Start(process, () =>
        {
            using (var connection = UnixSocket.TryConnectPackets(_directory, StartSocketName) ?? throw CannotStart(Status))
                StageStarter.Start(connection, Record.FirstStartStep, WriteProcessSteps, (number, value) =>
                    Launch.TakeListener(process, number, value, listener => SendListener(listener, process)));
            FileAt.Remove(_directory, StartSocketName);
        });
    }

    /// <summary>Runs the hooks before and after the start, and ends the process when one of them or the start fails.</summary>
    /// <param name="process">The first process, which waits.</param>
    /// <param name="execute">Lets it execute its program.</param>
    internal void Start(PidHandle process, Action execute)
    {
        if (Later.Process is null) throw CrunException.Invalid("the container has no process", "start", "runtime.md#start");
        var hooks = Later.Hooks;
        try
        {
            if (hooks?.StartContainer is { Count: > 0 } inside)
            {
                using var cgroups = OpenCgroups();
                using var entry = cgroups.EnterFurther(process.Pid);
                Hooks.RunIn(inside, "startContainer", StateAs(RuntimeStatus.Created, NamespacePid(process)).ToJson(), process, entry, HookFiles);
            }
            execute();
            RunPoststart(process);
        }
        catch (CrunException error)
        {
            process.Send(Signal.SIGKILL.Number);
            process.WaitForEnd(TimeSpan.FromSeconds(10));
            throw error.Operation?.StartsWith("exec: ", StringComparison.Ordinal) == true ? Launch.ExecFailure(error) : error;
        }
    }

    /// <summary>Sends its first process a signal.</summary>
    /// <exception cref="CrunException">It has none any more.</exception>
    public void Kill(Signal signal)
    {
        using var process = TryOpenProcess();
        if (process?.Send(signal.Number) != true) throw CrunException.WrongState("container not running");
        if (signal != Signal.SIGKILL) return;
        // A frozen process dies only when it goes on.
        using var cgroups = OpenCgroups();
        if (cgroups.IsFrozen) cgroups.Thaw();
    }

    /// <summary>Sends all its processes a signal.</summary>
    public void KillAll(Signal signal)
    {
        using var cgroups = OpenCgroups();
        if (!cgroups.Exist) Kill(signal);
        else if (signal == Signal.SIGKILL) cgroups.Kill();
        else cgroups.Send(signal);
    }

    /// <summary>The processes in it, as the host numbers them.</summary>
    public IReadOnlyList<int> Processes()
    {
        using var cgroups = OpenCgroups();
        if (cgroups.Exist) return cgroups.Processes();
        using var process = TryOpenProcess();
        return process is null ? [] : [process.Pid];
    }

    /// <summary>Freezes its processes.</summary>
    /// <exception cref="CrunException">It does not run, or has no cgroup.</exception>
    public void Pause()
    {
        if (Status is not (RuntimeStatus.Running or RuntimeStatus.Created)) throw CrunException.WrongState("container not running or created");
        using var cgroups = OpenCgroups();
        cgroups.Freeze();
    }

    /// <summary>Lets its processes go on.</summary>
    /// <exception cref="CrunException">It is not paused.</exception>
    public void Resume()
    {
        if (Status != RuntimeStatus.Paused) throw CrunException.WrongState("container not paused");
        using var cgroups = OpenCgroups();
        cgroups.Thaw();
    }

    /// <summary>Changes its limits; what is null stays.</summary>
    /// <exception cref="CrunException">It has ended, or this host cannot enforce a limit; nothing is changed.</exception>
    public void Update(ResourcesSpec resources)
    {
        if (Status == RuntimeStatus.Stopped) throw CrunException.WrongState("container not running");
        using var cgroups = OpenCgroups();
        cgroups.Update(resources);
    }

    /// <summary>Opens its cgroups; those that are not there are left out.</summary>
    public ContainerCgroups OpenCgroups() => ContainerCgroups.Open(TryRecord()?.Cgroups ?? new CgroupPlace());

    /// <summary>Removes all that was made for it.</summary>
    /// <param name="force">Whether to kill it first if it has not stopped.</param>
    /// <exception cref="CrunException">It has not stopped.</exception>
    public void Delete(bool force)
    {
        using var alone = FileLock.Exclusive(_directory, LockName);
        using var cgroups = OpenCgroups();
        using (var process = TryOpenProcess())
        {
            var status = StatusOf(process, cgroups);
            if (!force && status != RuntimeStatus.Stopped)
                throw CrunException.WrongState($"cannot delete container {Id} that is not stopped: {NameOf(status)}");
            if (process is not null) End(process);
        }
        Remove(cgroups, runHooks: true);
    }

    /// <summary>Kills what runs in it and removes all that was made for it.</summary>
    internal void Remove(bool runHooks)
    {
        using var cgroups = OpenCgroups();
        Remove(cgroups, runHooks);
    }

    private void Remove(ContainerCgroups cgroups, bool runHooks)
    {
        if (cgroups.Exist) cgroups.Kill();
        cgroups.Remove();
        if (TryRecord() is { HostMount: not 0 } mounted && mounted.BootId == ReadBootId()) AttachedMount.Detach(mounted.Rootfs, mounted.HostMount);
        var state = TryRecord() is null ? null : StateAs(RuntimeStatus.Stopped, 0);
        var spec = state is null ? null : TryLater();
        if (spec?.Linux?.IntelRdt is { } rdt) IntelRdt.RemoveOf(rdt, Id);
        var after = runHooks ? spec?.Hooks?.Poststop : null;
        FileAt.RemoveTree(null, Path);
        if (after is not null) RunToTheLast(after, "poststop", state!);
    }

    // A failure ends the container since 1.3; up to 1.2 it was a warning, and those after it were run.
    private void RunPoststart(PidHandle process)
    {
        if (Later.Hooks?.Poststart is not { Count: > 0 } hooks) return;
        var state = StateAs(RuntimeStatus.Running, process.Pid);
        // exec has succeeded; what the program does first is to be there when they look.
        process.WaitForEnd(TimeSpan.FromMilliseconds(HeadStart));
        if (Spec.OciVersion is { } version && (version.StartsWith("1.0.", StringComparison.Ordinal)
            || version.StartsWith("1.1.", StringComparison.Ordinal) || version.StartsWith("1.2.", StringComparison.Ordinal)))
            RunToTheLast(hooks, "poststart", state);
        else
            Hooks.Run(hooks, "poststart", state.ToJson(), Bundle, HookFiles);
    }

    private void RunToTheLast(IReadOnlyList<HookSpec> hooks, string kind, ContainerState state)
    {
        foreach (var hook in hooks)
        {
            try
            {
                Hooks.Run([hook], kind, state.ToJson(), state.Bundle, HookFiles);
            }
            catch (CrunException error)
            {
                Warnings.Add(error.Message);
            }
        }
    }

    /// <summary>What could not be done, and is no failure.</summary>
    public IList<string> Warnings { get; } = [];

    /// <summary>Closes its directory.</summary>
    public void Dispose() => _directory.Dispose();

    /// <summary>A status as the specification writes it.</summary>
    public static string NameOf(RuntimeStatus status) => status switch
    {
        RuntimeStatus.Creating => "creating",
        RuntimeStatus.Created => "created",
        RuntimeStatus.Running => "running",
        RuntimeStatus.Paused => "paused",
        _ => "stopped",
    };

    internal FileLock Lock() => FileLock.Exclusive(_directory, LockName);

    internal void Write(ContainerRecord record)
    {
        AtomicFile.Write(_directory, RecordName, RuntimeJson.Record.Format(record));
        _record = record;
    }

    internal ContainerState StateAs(RuntimeStatus status, int pid) => new()
    {
        OciVersion = RuntimeVersion.Newest,
        Id = Id,
        Pid = pid,
        Status = NameOf(status),
        Bundle = Bundle,
        Rootfs = _record?.Rootfs,
        Created = _record?.Created,
        Annotations = _record?.Annotations,
        Owner = "root",
    };

    /// <summary>The number that a process has in its own pid namespace.</summary>
    internal static int NamespacePid(PidHandle process)
    {
        foreach (var line in KernelFile.TryRead(null, process.PathOf("status"))?.Split('\n') ?? [])
        {
            if (line.StartsWith("NSpid:", StringComparison.Ordinal) && int.TryParse(line[(line.LastIndexOf('\t') + 1)..], out var pid)) return pid;
        }
        return process.Pid;
    }

    internal static string ReadBootId() => s_bootId ??= KernelFile.Read(null, "/proc/sys/kernel/random/boot_id").Trim();

    internal static void End(PidHandle process)
    {
        process.Send(Signal.SIGKILL.Number);
        if (!process.WaitForEnd(TimeSpan.FromSeconds(10)))
            throw CrunException.WrongState("the container's process does not end after SIGKILL", $"kill process {process.Pid}");
    }

    /// <summary>Where it is in its life.</summary>
    /// <param name="process">Its first process; null when that has ended.</param>
    /// <param name="opened">Its cgroups, when they are open.</param>
    internal RuntimeStatus StatusOf(PidHandle? process, ContainerCgroups? opened = null)
    {
        if (process is not null)
        {
            if (Stage.IsStage(process)) return RuntimeStatus.Created;
            using var own = opened is null ? OpenCgroups() : null;
            return (opened ?? own!).IsFrozen ? RuntimeStatus.Paused : RuntimeStatus.Running;
        }
        if (TryRecord() is { Pid: > 0 }) return RuntimeStatus.Stopped;
        // Who makes it holds the lock.
        using var alone = FileLock.TryExclusive(_directory, LockName);
        return alone is null ? RuntimeStatus.Creating : RuntimeStatus.Stopped;
    }

    internal ContainerRecord? TryRecord()
    {
        if (_record is not null) return _record;
        if (AtomicFile.TryRead(_directory, RecordName) is not { } json) return null;
        try
        {
            return _record = RuntimeJson.Record.Parse(json, "record");
        }
        catch (CrunException)
        {
            return null; // a power cut tore it
        }
    }

    /// <summary>Hands the listener of a process's system call filter to the program that the configuration names.</summary>
    internal void SendListener(SafeFileHandle listener, PidHandle first) => SendListener(listener, first.Pid, StateAs(RuntimeStatus.Created, first.Pid));

    internal void SendListener(SafeFileHandle listener, int pid, ContainerState state) =>
        SeccompListener.Send(Spec.Linux!.Seccomp!, pid, state.ToJson(), listener);

    /// <summary>Its system call filter; null when it has none.</summary>
    internal SeccompFilter? Filter()
    {
        if (Record.Filter is { Length: 0 }) return null;
        if (Record.Filter is { } key && _store.Filters.TryGet(key) is { } filter) return filter;
        return CrunAnnotations.Filter(Spec) ?? (Spec.Linux?.Seccomp is { } seccomp ? _store.Filters.Get(seccomp, out _) : null);
    }

    private byte[] ReadConfig() => AtomicFile.TryRead(_directory, Lifecycle.Bundle.ConfigName) ?? throw Unfinished();

    private StagePlan WriteProcessSteps()
    {
        var plan = new StagePlan();
        ProcessSteps.Write(plan, Spec.Process!, Creation.OptionsOf(Record, Filter()));
        return plan;
    }

    private CrunException Unfinished() => CrunException.WrongState("the container was not made to the end; delete it", $"container {Id}");

    private CrunException CannotStart(RuntimeStatus status) => CrunException.WrongState(status switch
    {
        RuntimeStatus.Running => "cannot start an already running container",
        RuntimeStatus.Stopped => "cannot start a container that has stopped",
        _ => $"cannot start a container in the {NameOf(status)} state",
    });
}
