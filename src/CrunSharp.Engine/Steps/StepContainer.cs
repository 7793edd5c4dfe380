using CrunSharp.Engine.Containers;
using CrunSharp.Engine.Specs;
using CrunSharp.Engine.Supervision;
using CrunSharp.Kernel;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Mounts;
using CrunSharp.Kernel.Processes;
using CrunSharp.Kernel.Terminals;
using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;
using CrunSharp.Runtime.Init;
using CrunSharp.Runtime.Lifecycle;
using CrunSharp.Storage;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Engine.Steps;

/// <summary>What a step of a build runs, on what.</summary>
public sealed record StepContainerSpec
{
    /// <summary>The layers beneath, the lowest first.</summary>
    public required IReadOnlyList<ViewLayer> Lowers { get; init; }

    /// <summary>The directory that gets the changes.</summary>
    public required SafeFileHandle Upper { get; init; }

    /// <summary>The directory that overlayfs works in.</summary>
    public required SafeFileHandle Work { get; init; }

    /// <summary>An empty directory for what the layers only imply; it is needed no more when the command has ended.</summary>
    public required SafeFileHandle Implied { get; init; }

    /// <summary>The program and its arguments.</summary>
    public required IReadOnlyList<string> Args { get; init; }

    /// <summary>The environment, <c>NAME=value</c>.</summary>
    public required IReadOnlyList<string> Env { get; init; }

    /// <summary>Where it starts.</summary>
    public required string WorkingDir { get; init; }

    /// <summary><c>user[:group]</c>; empty for root.</summary>
    public required string User { get; init; }

    /// <summary>The host name.</summary>
    public required string Hostname { get; init; }

    /// <summary>What it gets of the host: network, limits, rights.</summary>
    public required HostOptions Host { get; init; }

    /// <summary>What is mounted in it besides what every container has.</summary>
    public IReadOnlyList<MountSpec> Mounts { get; init; } = [];

    /// <summary>Limits of memory and processors; null for none.</summary>
    public ResourcesSpec? Limits { get; init; }

    /// <summary>The cgroup that its own is made in, from the root.</summary>
    public string CgroupParent { get; init; } = "/";

    /// <summary>The running container whose network it is in, by name or id; null for one of its own.</summary>
    public string? NetworkOf { get; init; }

    /// <summary>Files that are there while it runs.</summary>
    public IReadOnlyList<StepContainerFile> Files { get; init; } = [];
}

/// <summary>A file that is there while a step runs, read-only.</summary>
/// <param name="Target">Where, absolute.</param>
/// <param name="Content">Its bytes.</param>
/// <param name="Mode">Its permissions.</param>
/// <param name="Uid">Its owner.</param>
/// <param name="Gid">Its group.</param>
public sealed record StepContainerFile(string Target, ReadOnlyMemory<byte> Content, uint Mode, uint Uid, uint Gid);

/// <summary>
/// A container that is no container for anybody else: the command of a build step, run and waited for by this process.
/// It has no record, no name and no supervisor, and ends with the process that runs it.
/// </summary>
/// <param name="paths">Where the engine keeps what it knows.</param>
public sealed class StepContainer(EnginePaths paths)
{
    /// <summary>Runs a command until it ends; all that was made for it is gone then but the changes.</summary>
    /// <param name="step">What to run.</param>
    /// <param name="output">Gets its output, and whether that is of the standard error.</param>
    /// <param name="cancellationToken">Kills it.</param>
    /// <returns>The exit code, or 128 and the signal's number.</returns>
    /// <exception cref="CrunException">It cannot be started.</exception>
    public int Run(StepContainerSpec step, Action<ReadOnlyMemory<byte>, bool> output, CancellationToken cancellationToken) =>
        Run(step, ConfigOf(step), (spec, root, options, cgroup, network) => Run(step, spec, root, options, cgroup, network, output, cancellationToken));

    /// <summary>The same with a terminal of its own, which this process's standard input and output are copied to and from.</summary>
    /// <param name="step">What to run.</param>
    /// <param name="onStarted">Gets what sets the terminal's size.</param>
    /// <param name="cancellationToken">Kills it.</param>
    /// <returns>The exit code, or 128 and the signal's number.</returns>
    /// <exception cref="CrunException">It cannot be started.</exception>
    public int RunInTerminal(StepContainerSpec step, Action<Action<TerminalSize>> onStarted, CancellationToken cancellationToken) =>
        Run(step, ConfigOf(step) with { Tty = true }, (spec, root, options, cgroup, network) => RunInTerminal(step, spec, root, options, cgroup, network, onStarted, cancellationToken));

    private int Run(StepContainerSpec step, ContainerConfig config,
        Func<RuntimeSpec, SafeFileHandle, LaunchOptions, ContainerCgroup?, ContainerNetwork, (int Code, StepMountPoints MountPoints)> run)
    {
        using var cleanup = new CleanupStack();
        if (step.Limits is { } limits) ContainerCgroup.Check(limits);
        var container = new Container(paths, config);
        StepFolder.Sweep(paths);
        var folder = cleanup.Owns(StepFolder.Begin(paths, config.Id));
        var network = ContainerNetwork.Prepare(container, cleanup, folder.Path);
        StepMountPoints mountPoints;
        int code;
        List<SafeFileHandle> lowers = [.. step.Lowers.Select(static layer => layer.Directory)];
        if (ImpliedDirectories.AreIn(step.Lowers))
        {
            ImpliedDirectories.Write(step.Lowers, step.Implied);
            lowers.Add(step.Implied);
        }
        using (var root = DetachedMount.Overlay(lowers, step.Upper, step.Work, isVolatile: true))
        {
            var spec = SpecGenerator.Generate(config, root, network.WriteFiles(), static _ => throw new InvalidOperationException("a step has no volumes"));
            spec = spec with
            {
                Process = spec.Process! with { Cwd = step.WorkingDir },
                Mounts = [.. (spec.Mounts ?? []).Where(static mount => mount.Destination != "/etc/hostname").Select(ReadOnlyEtc), .. step.Mounts.Concat(WriteFiles(folder.Path, step.Files)).OrderBy(static mount => mount.Destination.AsSpan().Count('/'))],
            };
            spec = WithLimits(spec, step);
            using var joined = step.NetworkOf is { } other ? SharedNetwork.Open(paths, other) : null;
            spec = joined?.Into(spec) ?? spec;
            folder.Note(step.CgroupParent);
            var cgroup = ContainerCgroup.Create(container, spec, cleanup, step.CgroupParent);
            var (filter, flags) = ContainerSeccomp.FilterOf(config.Host);
            var options = new LaunchOptions { Cgroup = cgroup?.Directory, Filter = filter, FilterFlags = flags, DiesWithStarter = true };
            (code, mountPoints) = run(spec, root, options, cgroup, network);
        }
        mountPoints.Remove();
        return code;
    }

    // As BuildKit: what a command wrote to hosts and resolv.conf would be gone with it, and lies in the memory of the host
    // meanwhile. /etc/hostname is the image's own file.
    private static MountSpec ReadOnlyEtc(MountSpec mount) =>
        mount.Destination.StartsWith("/etc/", StringComparison.Ordinal) ? mount with { Options = [.. mount.Options ?? [], "ro"] } : mount;

    private static RuntimeSpec WithLimits(RuntimeSpec spec, StepContainerSpec step) => step.Limits is not { } limits ? spec : spec with
    {
        Linux = spec.Linux! with { Resources = (spec.Linux.Resources ?? new ResourcesSpec()) with { Memory = limits.Memory, Cpu = limits.Cpu } },
    };

    private static (int Code, StepMountPoints MountPoints) Run(StepContainerSpec step, RuntimeSpec spec, SafeFileHandle root, LaunchOptions options,
        ContainerCgroup? cgroup, ContainerNetwork network, Action<ReadOnlyMemory<byte>, bool> output, CancellationToken cancellationToken)
    {
        var (outputEnd, outputStart) = FileDescriptor.Pipe();
        var (errorEnd, errorStart) = FileDescriptor.Pipe();
        using (outputEnd)
        using (errorEnd)
        {
            Launch launch;
            using (outputStart)
            using (errorStart)
            using (var nothing = FileAt.Open(null, "/dev/null", OpenFlags.O_RDONLY))
                launch = Launch.Begin(spec, root, options, nothing, outputStart, errorStart);
            using var process = launch.Process;
            StepMountPoints mountPoints;
            using (launch)
            {
                mountPoints = new StepMountPoints(step, launch.MadeMountPoints);
                cgroup?.RestrictDevices();
                network.Connect(launch);
                launch.Start();
            }
            using var cancelled = cancellationToken.Register(() => process.Send(Signal.SIGKILL.Number));
            CopyOutput(process, outputEnd, errorEnd, output);
            return (process.Reap().Code, mountPoints);
        }
    }

    private static (int Code, StepMountPoints MountPoints) RunInTerminal(StepContainerSpec step, RuntimeSpec spec, SafeFileHandle root, LaunchOptions options,
        ContainerCgroup? cgroup, ContainerNetwork network, Action<Action<TerminalSize>> onStarted, CancellationToken cancellationToken)
    {
        var launch = Launch.Begin(spec, root, options, null, null, null);
        using var process = launch.Process;
        StepMountPoints mountPoints;
        SafeFileHandle? terminal;
        // It holds the terminal's other side, too: as long as that is open the terminal has no end.
        using (launch)
        {
            mountPoints = new StepMountPoints(step, launch.MadeMountPoints);
            cgroup?.RestrictDevices();
            network.Connect(launch);
            terminal = launch.TakeTerminal();
            launch.Start();
        }
        using var streams = ProcessStreams.OfTerminal(terminal ?? throw new CrunException(ErrorKind.System, "the step has got no terminal"));
        if (Terminal.SizeOf(FileDescriptor.Standard(0)) is { } size) streams.Resize(size);
        onStarted(streams.Resize);
        using var cancelled = cancellationToken.Register(() => process.Send(Signal.SIGKILL.Number));
        streams.Copy(process, FileDescriptor.Standard(0), FileDescriptor.Standard(1), FileDescriptor.Standard(2));
        return (process.Reap().Code, mountPoints);
    }

    private static void CopyOutput(PidHandle process, SafeFileHandle? output, SafeFileHandle? error, Action<ReadOnlyMemory<byte>, bool> write)
    {
        var buffer = new byte[64 * 1024];
        var poll = new Poll();
        while (output is not null || error is not null)
        {
            poll.Clear();
            var ended = poll.Add(process.File, PollEvents.POLLIN);
            var outputIndex = output is null ? -1 : poll.Add(output, PollEvents.POLLIN);
            var errorIndex = error is null ? -1 : poll.Add(error, PollEvents.POLLIN);
            poll.Wait(null);
            var hadOutput = false;
            if (outputIndex >= 0 && poll.EventsOf(outputIndex) != 0) hadOutput |= Copy(ref output, isError: false);
            if (errorIndex >= 0 && poll.EventsOf(errorIndex) != 0) hadOutput |= Copy(ref error, isError: true);
            if (!hadOutput && poll.EventsOf(ended) != 0) return;
        }

        bool Copy(ref SafeFileHandle? from, bool isError)
        {
            var count = FileDescriptor.Read(from!, buffer, out _);
            if (count > 0) write(buffer.AsMemory(0, count), isError);
            else from = null;
            return count > 0;
        }
    }

    // The step's own folder is in memory, as all of /run, and root's alone.
    private static List<MountSpec> WriteFiles(string folder, IReadOnlyList<StepContainerFile> files)
    {
        var mounts = new List<MountSpec>(files.Count);
        foreach (var file in files)
        {
            var path = $"{folder}/file{mounts.Count}";
            using (var written = FileAt.Open(null, path, OpenFlags.O_WRONLY | OpenFlags.O_CREAT | OpenFlags.O_EXCL, 0x180)) RandomAccess.Write(written, file.Content.Span, 0);
            FileAt.SetOwner(null, path, file.Uid, file.Gid);
            FileAt.SetMode(null, path, file.Mode);
            mounts.Add(new MountSpec { Destination = file.Target, Type = "bind", Source = path, Options = ["bind", "private", "ro", "nosuid", "nodev"] });
        }
        return mounts;
    }

    private static ContainerConfig ConfigOf(StepContainerSpec step) => new()
    {
        Id = KernelRandom.Hex(32),
        Name = "",
        Created = "",
        Image = "",
        ImageId = "",
        Layers = [],
        Cmd = step.Args,
        Env = step.Env,
        WorkingDir = step.WorkingDir,
        User = step.User,
        Hostname = step.Hostname,
        Host = step.Host,
    };
}
