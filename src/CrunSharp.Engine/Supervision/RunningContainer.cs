using CrunSharp.Engine.Containers;
using CrunSharp.Engine.Specs;
using CrunSharp.Engine.Volumes;
using CrunSharp.Kernel;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Mounts;
using CrunSharp.Kernel.Processes;
using CrunSharp.Oci;
using CrunSharp.Runtime.Init;
using CrunSharp.Runtime.Lifecycle;
using CrunSharp.Storage;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Engine.Supervision;

/// <summary>A container that was just started, as its supervisor holds it.</summary>
internal sealed class RunningContainer
{
    private readonly Container _container;
    private readonly CleanupStack _cleanup;

    private RunningContainer(Container container, CleanupStack cleanup) => (_container, _cleanup) = (container, cleanup);

    /// <summary>The first process.</summary>
    public PidHandle Process { get; private set; } = null!;

    /// <summary>Where the program's output comes from; null once it has ended. The terminal's when there is one.</summary>
    public SafeFileHandle? Output { get; private set; }

    /// <summary>Where its errors come from; null once they have ended, or with a terminal.</summary>
    public SafeFileHandle? Error { get; private set; }

    /// <summary>Where its input goes; null when it has none.</summary>
    public SafeFileHandle? Input { get; private set; }

    /// <summary>The master side of its terminal.</summary>
    public SafeFileHandle? Terminal { get; private set; }

    /// <summary>Starts a container; what must be undone when it ends goes onto the stack.</summary>
    /// <exception cref="CrunException">A part of it cannot be done.</exception>
    public static RunningContainer Start(Container container, CleanupStack cleanup, TimeProvider time)
    {
        var running = new RunningContainer(container, cleanup);
        running.Start(time);
        return running;
    }

    /// <summary>No more output is to come.</summary>
    public void CloseOutput(bool isError)
    {
        if (isError) Error = null;
        else Output = null;
    }

    /// <summary>No more input is to go.</summary>
    public void CloseInput()
    {
        if (Terminal is null) Input?.Dispose();
        Input = null;
    }

    /// <summary>Whether the kernel ended a process of it for want of memory.</summary>
    public bool WasKilledForMemory() => _cgroup?.WasKilledForMemory() == true;

    private ContainerCgroup? _cgroup;

    private void Start(TimeProvider time)
    {
        var config = _container.Config;
        var network = ContainerNetwork.Prepare(_container, _cleanup);
        using var rootMounts = new CleanupStack();
        var root = rootMounts.Owns(MountRoot());
        var volumes = new VolumeStore(_container.Paths, time);
        FillVolumes(root, volumes);
        var spec = network.Into(SpecGenerator.Generate(config, root, network.WriteFiles(), volumes.DataOf));
        _cgroup = ContainerCgroup.Create(_container, spec, _cleanup);
        var (filter, flags) = ContainerSeccomp.FilterOf(config.Host);
        var options = new LaunchOptions { Cgroup = _cgroup?.Directory, Init = config.Host.Init, Filter = filter, FilterFlags = flags };
        var (input, output, error) = config.Tty ? (null, null, null) : MakePipes(rootMounts);
        using var launch = Launch.Begin(spec, root, options, input, output, error);
        Process = _cleanup.Owns(launch.Process);
        var pid = Process.Pid;
        var started = new ContainerState
        {
            Status = ContainerStatus.Running,
            Pid = pid,
            PidStartTime = PidHandle.StartTimeOf(pid),
            BootId = Boot.Id,
        };
        // Whatever is killed from here on, the next command finds the process and what belongs to it.
        _container.Write(started);
        _cgroup?.RestrictDevices();
        var endpoint = network.Connect(launch);
        if (launch.TakeTerminal() is { } terminal)
        {
            FileDescriptor.SetNonBlocking(terminal);
            Terminal = Output = Input = _cleanup.Owns(terminal);
        }
        launch.Start();
        _container.Write(started with { StartedAt = Supervisor.Now(time), Endpoint = endpoint });
    }

    private SafeFileHandle MountRoot()
    {
        using var handles = new CleanupStack();
        using var store = Store.Open(_container.Paths.Root);
        var layers = ContainerFiles.LayersOf(_container, store, handles);
        var lowers = layers.ConvertAll(static layer => layer.Directory);
        if (ImpliedDirectories.AreIn(layers))
        {
            FileAt.MakeDirectories($"{_container.Path}/implied", 0x1ed);
            lowers.Add(handles.Owns(FileAt.OpenDirectory($"{_container.Path}/implied")));
            ImpliedDirectories.Write(layers, lowers[^1]);
        }
        if (lowers.Count == 0)
        {
            FileAt.MakeDirectories($"{_container.Path}/empty");
            lowers.Add(handles.Owns(FileAt.OpenDirectory($"{_container.Path}/empty")));
        }
        var upper = handles.Owns(FileAt.OpenDirectory($"{_container.Path}/upper"));
        var work = handles.Owns(FileAt.OpenDirectory($"{_container.Path}/work"));
        // What is removed when it ends needs no protection against a power cut, and no sync when it is unmounted.
        return DetachedMount.Overlay(lowers, upper, work, isVolatile: _container.Config.Host.AutoRemove);
    }

    // Docker: a volume that is mounted for the first time gets what the image has at that place.
    private void FillVolumes(SafeFileHandle root, VolumeStore volumes)
    {
        foreach (var mount in _container.Config.Host.Mounts)
        {
            if (mount is not { Type: "volume", NoCopy: false, Name: { } name }) continue;
            volumes.Make(name, mount.IsAnonymous);
            using var source = FileAt.TryOpenInRoot(root, mount.Destination, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY, out _);
            using var target = FileAt.OpenDirectory(volumes.DataOf(name));
            if (source is null || FileAt.List(target).Count > 0) continue;
            using var filling = FileLock.Exclusive(null, Path.Combine(volumes.DataOf(name), "../fill.lock"));
            if (FileAt.List(target).Count == 0) TreeCopy.Contents(source, target);
        }
    }

    private (SafeFileHandle Input, SafeFileHandle Output, SafeFileHandle Error) MakePipes(CleanupStack theirs)
    {
        SafeFileHandle input;
        if (_container.Config.OpenStdin)
        {
            var (read, write) = FileDescriptor.Pipe();
            input = theirs.Owns(read);
            Input = _cleanup.Owns(write);
            FileDescriptor.SetNonBlocking(Input);
        }
        else
        {
            input = theirs.Owns(FileAt.Open(null, "/dev/null", OpenFlags.O_RDONLY));
        }
        return (input, theirs.Owns(OutputPipe(isError: false)), theirs.Owns(OutputPipe(isError: true)));
    }

    private SafeFileHandle OutputPipe(bool isError)
    {
        var (read, write) = FileDescriptor.Pipe();
        FileDescriptor.SetNonBlocking(_cleanup.Owns(read));
        if (isError) Error = read;
        else Output = read;
        return write;
    }
}
