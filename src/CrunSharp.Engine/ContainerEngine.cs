using CrunSharp.Engine.Containers;
using CrunSharp.Engine.Steps;
using CrunSharp.Engine.Supervision;
using CrunSharp.Engine.Volumes;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Processes;
using CrunSharp.Kernel.Sockets;
using CrunSharp.Network;
using CrunSharp.Oci;

namespace CrunSharp.Engine;

/// <summary>What one does with containers: create, start, stop, kill, remove, attach.</summary>
/// <param name="paths">Where the engine keeps what it knows.</param>
/// <param name="time">The clock.</param>
public sealed class ContainerEngine(EnginePaths paths, TimeProvider time)
{
    /// <summary>The argument by which this program knows that it is to supervise a container.</summary>
    public const string SuperviseCommand = "supervise";

    private const int MostTries = 2000; // of 5 ms

    /// <summary>Where the engine keeps what it knows.</summary>
    public EnginePaths Paths => paths;

    /// <summary>The containers.</summary>
    public ContainerStore Containers { get; } = new(paths);

    /// <summary>The volumes.</summary>
    public VolumeStore Volumes { get; } = new(paths, time);

    /// <summary>The networks.</summary>
    public NetworkStore Networks { get; } = new(paths.Networks);

    /// <summary>Makes a container.</summary>
    /// <exception cref="CrunException">There is no such image, the name is taken, a source is missing, an option cannot be.</exception>
    /// <param name="request">What is asked for.</param>
    /// <param name="isStarting">Whether this process is about to start it: if it is killed before that, nobody wants the container.</param>
    public Container Create(ContainerRequest request, bool isStarting = false)
    {
        var creation = new ContainerCreation(paths, Volumes, Containers, time);
        try
        {
            return creation.Run(request, isStarting);
        }
        catch (CrunException error) when (error.Kind == ErrorKind.Exists)
        {
            // The name may be one that a killed command left taken.
            if (!Tidy()) throw;
            return creation.Run(request, isStarting);
        }
    }

    /// <summary>
    /// Does what killed processes could not do any more: records the end of containers, gives back what they had, and
    /// removes those that were to be removed.
    /// </summary>
    /// <returns>Whether there was anything to do.</returns>
    public bool Tidy()
    {
        bool had = StepFolder.Sweep(paths), hasTrash;
        foreach (var container in Containers.List(out hasTrash))
        {
            var isAbandoned = container.IsAbandoned;
            if (!isAbandoned)
            {
                if (!container.HoldsMore) continue;
                using var process = container.TryOpenProcess();
                if (process is not null || container.IsSupervised) continue;
            }
            Recover(container);
            if (isAbandoned) ContainerRemoval.Run(container, withVolumes: true);
            had = true;
        }
        if (had || hasTrash) Containers.Sweep();
        return had;
    }

    /// <summary>
    /// Starts a supervisor that does not know its container yet, so that it comes up while the container is being made.
    /// It ends when the connection is disposed before it was given to <see cref="Start(Container, AttachConnection)"/>.
    /// </summary>
    /// <exception cref="CrunException">It cannot be started.</exception>
    public AttachConnection PrepareStart()
    {
        var (ours, theirs) = UnixSocket.Pair();
        using (theirs)
        {
            try
            {
                BackgroundProcess.Start(paths.SupervisorProgram,
                    ["crun-sharp", SuperviseCommand, paths.Root, paths.RunRoot, theirs.DangerousGetHandle().ToString()], [theirs]);
                return new AttachConnection(ours);
            }
            catch
            {
                ours.Dispose();
                throw;
            }
        }
    }

    /// <summary>Starts a container that does not run.</summary>
    /// <returns>A connection to its supervisor, which has not answered yet.</returns>
    /// <exception cref="CrunException">It runs already, or its supervisor cannot be started.</exception>
    public AttachConnection Start(Container container)
    {
        var connection = PrepareStart();
        try
        {
            Start(container, connection);
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>Starts a container that does not run.</summary>
    /// <param name="container">The container.</param>
    /// <param name="supervisor">The supervisor that it gets; it has not answered yet.</param>
    /// <exception cref="CrunException">It runs already.</exception>
    public void Start(Container container, AttachConnection supervisor)
    {
        container.RequireWhole();
        using (var process = container.WaitForProcess(orStuck: true))
        {
            if (process is not null) throw CrunException.WrongState($"container {container.ShortId} is already running");
        }
        Recover(container);
        supervisor.Start(container.Id);
    }

    /// <summary>Connects to a running container.</summary>
    /// <exception cref="CrunException">It does not run, or its supervisor was killed.</exception>
    public AttachConnection Attach(Container container)
    {
        if (!container.IsRunning) throw CrunException.WrongState("You cannot attach to a stopped container, start it first");
        var connection = container.TryConnect()
            ?? throw CrunException.WrongState($"the supervisor of container {container.ShortId} was killed: its output cannot be reached");
        connection.Watch();
        return connection;
    }

    /// <summary>Asks a container to end, and ends it when it does not.</summary>
    /// <param name="container">The container; nothing happens when it does not run.</param>
    /// <param name="timeout">How long it may take; null for the container's own, negative for ever.</param>
    /// <param name="signal">The signal; null for the container's own.</param>
    public void Stop(Container container, TimeSpan? timeout = null, Signal? signal = null)
    {
        using var process = container.WaitForProcess(orStuck: true);
        if (process is not null)
        {
            var ask = signal ?? (container.Config.StopSignal.Length > 0 ? Signal.Parse(container.Config.StopSignal) : Signal.SIGTERM);
            var limit = timeout ?? TimeSpan.FromSeconds(container.Config.StopTimeout ?? 10);
            process.Send(ask.Number);
            if (!process.WaitForEnd(limit < TimeSpan.Zero ? null : limit)) process.Send(Signal.SIGKILL.Number);
            process.WaitForEnd(null);
        }
        Settle(container);
    }

    /// <summary>Sends a container's first process a signal.</summary>
    /// <exception cref="CrunException">The container does not run.</exception>
    public void Kill(Container container, Signal signal)
    {
        using var process = container.WaitForProcess(orStuck: true);
        if (process is null || !process.Send(signal.Number))
            throw CrunException.WrongState($"container {container.Id} is not running", $"cannot kill container: {container.Config.Name}");
        if (signal != Signal.SIGKILL) return;
        process.WaitForEnd(null);
        Settle(container);
    }

    /// <summary>Removes a container.</summary>
    /// <param name="container">The container.</param>
    /// <param name="force">Whether it is killed first when it runs.</param>
    /// <param name="withVolumes">Whether its volumes without a name go as well.</param>
    /// <exception cref="CrunException">It runs.</exception>
    public void Remove(Container container, bool force = false, bool withVolumes = false)
    {
        using (var process = container.WaitForProcess(orStuck: true))
        {
            if (process is not null && !force)
            {
                throw CrunException.WrongState($"cannot remove container \"/{container.Config.Name}\": container is running: "
                    + "stop the container before removing or force remove");
            }
            process?.Send(Signal.SIGKILL.Number);
            process?.WaitForEnd(null);
        }
        Settle(container);
        if (Containers.TryFind(container.Id) is null) return; // it was to be removed at its end
        ContainerRemoval.Run(container, withVolumes);
        Containers.Sweep();
    }

    /// <summary>Waits until a container does not run; its exit code.</summary>
    /// <exception cref="CrunException">It was removed before anybody could ask how it ended.</exception>
    public int Wait(Container container)
    {
        // Nothing on disk tells how one ended that is removed at its end: its supervisor does.
        if (container.Config.Host.AutoRemove && container.TryConnect() is { } supervisor)
        {
            using (supervisor)
            {
                var code = supervisor.WaitForEnd();
                Settle(container);
                return code ?? 255;
            }
        }
        using (var process = container.WaitForProcess(orStuck: true)) process?.WaitForEnd(null);
        Settle(container);
        return container.Exists ? container.State.ExitCode : throw CrunException.NotFound($"No such container: {container.Id}");
    }

    /// <summary>Once a container's process has ended: waits for its supervisor, or does its work when it was killed.</summary>
    private void Settle(Container container)
    {
        using var alone = FileLock.TryExisting(null, container.Path, shared: false, wait: true);
        if (alone is not null) RecoverAlone(container);
    }

    private void Recover(Container container)
    {
        for (var tries = 0; tries < MostTries && container.Exists && container.HoldsMore; tries++)
        {
            using (var alone = FileLock.TryExisting(null, container.Path, shared: false, wait: false))
            {
                if (alone is not null) RecoverAlone(container);
                if (alone is not null || container.IsRunning) return;
            }
            new Poll().Wait(TimeSpan.FromMilliseconds(5)); // another command does the same, or only looks
        }
    }

    // What a supervisor that was killed could not do: give the address back, remove the cgroup, write the end down. One
    // that was killed while it started the container has nothing to write. Who does it holds the supervisor's lock.
    private void RecoverAlone(Container container)
    {
        if (!container.HoldsMore) return;
        var state = container.WrittenState;
        ContainerNetwork.Release(container, state);
        ContainerCgroup.RemoveOf(container);
        FileAt.RemoveTree(null, container.RunPath);
        if (state.Status == ContainerStatus.Running)
        {
            container.Write(state with
            {
                Status = ContainerStatus.Exited,
                Pid = 0,
                ExitCode = 255,
                FinishedAt = Supervisor.Now(time),
                Endpoint = null,
                Error = "the container's supervisor was killed",
            });
        }
        if (container.Config.Host.AutoRemove) ContainerRemoval.Begin(container, withVolumes: true).Dispose();
    }
}
