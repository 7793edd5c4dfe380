using System.Globalization;
using System.Text;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Processes;
using CrunSharp.Kernel.Sockets;
using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;
using CrunSharp.Runtime.Cgroups;
using CrunSharp.Runtime.Criu;
using CrunSharp.Runtime.Init;
using CrunSharp.Runtime.Rootfs;
using CrunSharp.Runtime.Seccomp;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Runtime.Lifecycle;

/// <summary>What the creation of a container needs beside its bundle.</summary>
public sealed record CreateOptions
{
    /// <summary>The container's id.</summary>
    public required string Id { get; init; }

    /// <summary>A socket that gets the terminal; null when the container has none, or this process wants it.</summary>
    public string? ConsoleSocket { get; init; }

    /// <summary>A file that gets the number of the first process; null for none.</summary>
    public string? PidFile { get; init; }

    /// <summary>A socket that gets the pidfd of the first process; null for none.</summary>
    public string? PidfdSocket { get; init; }

    /// <summary>Descriptors from 3 on that the process gets.</summary>
    public int PreservedDescriptors { get; init; }

    /// <summary>
    /// How many descriptors from 3 on, in front of the preserved ones, are sockets that a manager of services listens at:
    /// the process gets them, and is told by LISTEN_FDS.
    /// </summary>
    public int ListeningDescriptors { get; init; }

    /// <summary>Whether a manager of services wants to know when the program is ready: see <see cref="Readiness"/>.</summary>
    public bool TellsReadiness { get; init; }

    /// <summary>Whether the process gets a session keyring of its own.</summary>
    public bool NewKeyring { get; init; } = true;

    /// <summary>Whether the root directory is changed by chroot, for hosts whose root is a ramfs.</summary>
    public bool NoPivot { get; init; }

    /// <summary>What the process has open; null for what this one has.</summary>
    public ProcessStreams? Streams { get; init; }

    /// <summary>Whether <see cref="Creation.Start"/> starts the process; else <see cref="RuntimeContainer.Start()"/> does, of whatever process.</summary>
    public bool IsStartedByCreator { get; init; }

    /// <summary>Who makes its cgroups.</summary>
    public CgroupDriver CgroupDriver { get; init; }
}

/// <summary>Makes a container, up to the point at which its process waits to be started.</summary>
public sealed class Creation : IDisposable
{
    private readonly Launch _launch;
    private readonly SafeFileHandle _root;
    private readonly FileLock _lock;

    private Creation(RuntimeContainer container, Launch launch, SafeFileHandle root, FileLock held) => (Container, _launch, _root, _lock) = (container, launch, root, held);

    /// <summary>The container.</summary>
    public RuntimeContainer Container { get; }

    /// <summary>Its first process, a child of this one.</summary>
    public PidHandle Process => _launch.Process;

    /// <summary>Its terminal, when no console socket got it.</summary>
    /// <value>Null when it has none.</value>
    public SafeFileHandle? Terminal { get; private init; }

    /// <summary>Makes a container of a bundle.</summary>
    /// <exception cref="CrunException">It cannot be; nothing is left of it.</exception>
    public static Creation Run(RuntimeStore store, Bundle bundle, CreateOptions options, TimeProvider time)
    {
        var isInside = UserNamespaceProcess.IsThis;
        var spec = WithListening(isInside ? UserNamespaceProcess.Inside(bundle.Spec) : bundle.Spec, options.ListeningDescriptors);
        var container = store.Add(options.Id);
        FileLock? held = null;
        Launch? launch = null;
        SafeFileHandle? root = null;
        try
        {
            held = container.Lock();
            spec = CrunAnnotations.Apply(spec);
            var filter = CrunAnnotations.Filter(spec);
            // One that comes as it is, is not in the cache.
            var key = filter is null ? "" : null;
            if (filter is null && spec.Linux?.Seccomp is { } seccomp) filter = store.Filters.Get(seccomp, out key);
            var record = new ContainerRecord
            {
                Id = options.Id,
                Bundle = bundle.Path,
                Rootfs = bundle.Rootfs,
                Created = time.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss.fffffff00'Z'", CultureInfo.InvariantCulture),
                BootId = RuntimeContainer.ReadBootId(),
                NewKeyring = options.NewKeyring,
                PreservedDescriptors = options.ListeningDescriptors + options.PreservedDescriptors,
                Filter = key,
                Descriptors = spec.Process?.Terminal == true ? null : StreamNames.Of(options.Streams?.Input, options.Streams?.Output, options.Streams?.Error),
                Cgroups = CgroupPlace.Of(options.CgroupDriver, spec.Linux?.CgroupsPath, options.Id),
                Annotations = spec.Annotations,
            };
            AtomicFile.Write(container.Directory, Bundle.ConfigName, bundle.Json);
            if (options.TellsReadiness) spec = Readiness.Prepare(spec, container);
            container.Keep(spec);
            root = RootDirectory.Open(spec, record.Rootfs);
            if (RootDirectory.IsMountedOnHost(spec)) record = record with { HostMount = FileAt.Status(root).MountId };
            container.Write(record);
            using var socket = options.IsStartedByCreator ? null : UnixSocket.ListenForPackets(container.Directory, RuntimeContainer.StartSocketName);
            using var cgroups = MakeCgroups(record.Cgroups, spec, isOptional: isInside);
            using var entry = cgroups.Enter();
            // What was made is known from here on, whatever happens next.
            container.Write(record = record with { Cgroups = cgroups.Place });
            var rdt = spec.Linux?.IntelRdt is { } asked ? IntelRdt.Open(asked, options.Id) : null;
            var points = PointsOf(spec.Hooks) | (entry.HasOthers || rdt is not null ? LaunchPoints.NamespacesMade : 0);
            var launchOptions = OptionsOf(record, filter) with
            {
                Cgroup = entry.Directory,
                CgroupDirectories = cgroups.Directories,
                Bundle = bundle.Path,
                NoPivot = options.NoPivot,
                StartSocket = socket,
                Points = points,
                RootPath = points.HasFlag(LaunchPoints.MountsMade) || record.HostMount != 0 ? record.Rootfs : "/",
            };
            launchOptions = launchOptions with { OnListener = listener => container.SendListener(listener, launch!.Process) };
            launch = Launch.Begin(spec, root, launchOptions, options.Streams?.Input, options.Streams?.Output, options.Streams?.Error);
            record = record with
            {
                Pid = launch.Process.Pid,
                StartTime = PidHandle.StartTimeOf(launch.Process.Pid),
                FirstStartStep = launchOptions.FirstStartStep,
            };
            container.Write(record);
            // While the process makes its mounts.
            cgroups.RestrictDevices(spec.Linux?.Resources?.Devices);
            MeetAt(points, container, launch, entry, rdt, spec.Hooks);
            launch.WaitUntilReady();
            if (CrunAnnotations.DelegatedCgroup(spec.Annotations) is { } delegated) cgroups.Delegate(delegated, record.Pid, RootOf(spec.Linux));
            var terminal = HandTerminalOver(launch, spec, options);
            if ((options.PidfdSocket ?? CrunAnnotations.PidfdReceiver(spec.Annotations)) is { } pidfdSocket) Send(pidfdSocket, "pidfd"u8, launch.Process.File, "hand the pidfd over");
            if (options.PidFile is { } pidFile)
                AtomicFile.Write(null, pidFile, Encoding.ASCII.GetBytes(record.Pid.ToString(CultureInfo.InvariantCulture)), mode: 0x1a4);
            if (!options.IsStartedByCreator) launch.Leave();
            foreach (var warning in launch.Warnings) container.Warnings.Add(warning);
            return new Creation(container, launch, root, held) { Terminal = terminal };
        }
        catch
        {
            if (launch is not null)
            {
                launch.Dispose();
                launch.Process.Dispose();
            }
            root?.Dispose();
            container.Remove(runHooks: launch is not null);
            held?.Dispose();
            container.Dispose();
            throw;
        }
    }

    /// <summary>Lets the process execute its program (<see cref="CreateOptions.IsStartedByCreator"/>).</summary>
    /// <exception cref="CrunException">A hook failed, or the program cannot be executed; the process has ended.</exception>
    public void Start() => Container.Start(Process, _launch.Start);

    /// <summary>Lets others use the container; the process stays the caller's.</summary>
    public void Dispose()
    {
        _launch.Dispose();
        _root.Dispose();
        _lock.Dispose();
    }

    /// <summary>What of a container's process the configuration does not say.</summary>
    internal static LaunchOptions OptionsOf(ContainerRecord record, SeccompFilter? filter) => new()
    {
        PreservedDescriptors = record.PreservedDescriptors,
        NewKeyring = record.NewKeyring,
        KeepGroups = CrunAnnotations.KeepsGroups(record.Annotations),
        Filter = filter?.Program ?? default,
        FilterFlags = (uint)(filter?.Flags ?? 0),
    };

    private static ContainerCgroups MakeCgroups(CgroupPlace place, RuntimeSpec spec, bool isOptional)
    {
        try
        {
            return ContainerCgroups.Create(place, spec.Linux?.Resources, spec.Annotations);
        }
        catch (CrunException error) when (isOptional && spec.Linux?.CgroupsPath is null or "" && error.Errno is Errno.EACCES or Errno.EPERM or Errno.EROFS)
        {
            // Users have cgroups only where they are given some.
            if (spec.Linux?.Resources is { } resources && CgroupSettings.From(resources).Count > 0) throw;
            return ContainerCgroups.Create(new CgroupPlace { Driver = CgroupDriver.Disabled }, null, spec.Annotations);
        }
    }

    // sd_listen_fds(3): the first process is number 1 in a pid namespace of its own.
    private static RuntimeSpec WithListening(RuntimeSpec spec, int count) => count == 0 || spec.Process is not { } process
        ? spec
        : spec with { Process = process with { Env = [.. process.Env ?? [], $"LISTEN_FDS={count}", "LISTEN_PID=1"] } };

    // Who is root in the container, as the host has it.
    private static (uint Uid, uint Gid) RootOf(LinuxSpec? linux) =>
        linux is { UidMappings: { Count: > 0 } users, GidMappings: { Count: > 0 } groups } ? new IdentityMap(users, groups).Root : default;

    private static LaunchPoints PointsOf(HooksSpec? hooks) =>
        (hooks?.Prestart is { Count: > 0 } || hooks?.CreateRuntime is { Count: > 0 } ? LaunchPoints.NamespacesMade : 0)
        | (hooks?.CreateContainer is { Count: > 0 } ? LaunchPoints.MountsMade : 0);

    private static void MeetAt(LaunchPoints points, RuntimeContainer container, Launch launch, CgroupEntry entry, IntelRdt? rdt, HooksSpec? hooks)
    {
        if (points.HasFlag(LaunchPoints.NamespacesMade))
        {
            launch.WaitFor(LaunchPoints.NamespacesMade);
            entry.Add(launch.Process.Pid);
            rdt?.Add(launch.Process.Pid);
            var state = container.StateAs(RuntimeStatus.Created, launch.Process.Pid).ToJson();
            Hooks.Run(hooks?.Prestart, "prestart", state, container.Bundle, container.HookFiles);
            Hooks.Run(hooks?.CreateRuntime, "createRuntime", state, container.Bundle, container.HookFiles);
            launch.GoOn();
        }
        if (points.HasFlag(LaunchPoints.MountsMade))
        {
            launch.WaitFor(LaunchPoints.MountsMade);
            var state = container.StateAs(RuntimeStatus.Created, RuntimeContainer.NamespacePid(launch.Process)).ToJson();
            Hooks.RunIn(hooks!.CreateContainer, "createContainer", state, launch.Process, entry, container.HookFiles);
            launch.GoOn();
        }
    }

    private static SafeFileHandle? HandTerminalOver(Launch launch, RuntimeSpec spec, CreateOptions options)
    {
        if (spec.Process?.Terminal != true) return null;
        var master = launch.TakeTerminal()!;
        if (options.ConsoleSocket is not { } socket) return master;
        using (master) Send(socket, "/dev/pts/ptmx"u8, master, "hand the terminal over");
        return null;
    }

    internal static void Send(string socket, ReadOnlySpan<byte> payload, SafeFileHandle file, string operation)
    {
        using var connection = UnixSocket.Connect(socket, operation);
        UnixSocket.SendDescriptor(connection, payload, file);
    }
}
