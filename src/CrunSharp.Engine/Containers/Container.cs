using CrunSharp.Engine.Supervision;
using CrunSharp.Kernel;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Processes;
using CrunSharp.Kernel.Sockets;
using CrunSharp.Oci;

namespace CrunSharp.Engine.Containers;

/// <summary>One container on disk. Whether it runs is asked of the kernel each time.</summary>
public sealed class Container
{
    internal const string ConfigFile = "container.json";
    internal const string StateFile = "state.json";
    internal const string StarterLock = "work"; // a directory that there is anyway; the supervisor locks the container's own
    internal const string AttachSocket = "attach.sock";

    private readonly EnginePaths _paths;

    internal Container(EnginePaths paths, ContainerConfig config) => (_paths, Config) = (paths, config);

    /// <summary>What was asked for.</summary>
    public ContainerConfig Config { get; }

    /// <summary>Why its record cannot be read; null when it can. Its configuration is an empty one then, with its id and name.</summary>
    public CrunException? Damage { get; init; }

    /// <summary>The id: 64 hexadecimal digits.</summary>
    public string Id => Config.Id;

    /// <summary>The first 12 digits of the id.</summary>
    public string ShortId => Config.Id[..12];

    /// <summary>Its directory.</summary>
    public string Path => System.IO.Path.Combine(_paths.Containers, Id);

    /// <summary>Its log.</summary>
    public string LogPath => $"{Path}/{Id}-json.log";

    internal EnginePaths Paths => _paths;

    /// <summary>Whether it is on disk still.</summary>
    internal bool Exists => FileAt.TryStatus(null, Path) is not null;

    /// <summary>Held by the process that made it to start it at once, as long as it lives.</summary>
    internal FileLock? Starter { get; init; }

    /// <summary>Whether the process that made it to start it at once was killed before it could.</summary>
    internal bool IsAbandoned
    {
        get
        {
            if (!Config.StartsAtOnce || WrittenState.Status != ContainerStatus.Created || IsSupervised) return false;
            using var held = FileLock.TryExisting(null, $"{Path}/{StarterLock}", shared: true, wait: false);
            return held is not null && WrittenState.Status == ContainerStatus.Created;
        }
    }

    internal string RunPath => System.IO.Path.Combine(_paths.RunContainers, Id);

    /// <summary>Its state, with the truth about whether it runs.</summary>
    public ContainerState State
    {
        get
        {
            var state = WrittenState;
            if (state.Status != ContainerStatus.Running) return Damage is null ? state : state with { Status = ContainerStatus.Dead };
            using var process = TryOpenProcess(state);
            if (process is not null) return state;
            // It ended while nobody watched (its supervisor was killed, or the host was): how, nobody knows. But its
            // supervisor may be about to say: then what it says counts.
            if (!IsSupervised) return state with { Status = ContainerStatus.Exited, ExitCode = 255, Pid = 0, FinishedAt = state.StartedAt };
            return state with { Status = ContainerStatus.Exited, Pid = 0 };
        }
    }

    /// <summary>Whether its first process is there.</summary>
    public bool IsRunning => State.Status == ContainerStatus.Running;

    /// <summary>Its state as it was written; that it has ended, and nobody knows how, when that is damaged.</summary>
    internal ContainerState WrittenState
    {
        get
        {
            try
            {
                if (AtomicFile.TryRead(null, $"{Path}/{StateFile}") is not { } json) return new ContainerState();
                return EngineJson.State.Parse(json, "record", $"read {Path}/{StateFile}");
            }
            catch (CrunException error) when (error.Kind is ErrorKind.Integrity or ErrorKind.InvalidInput)
            {
                return new ContainerState { Status = ContainerStatus.Exited, ExitCode = 255, Error = error.Message };
            }
        }
    }

    /// <summary>Refuses to go on with a container whose record is damaged.</summary>
    /// <exception cref="CrunException">It is.</exception>
    public void RequireWhole()
    {
        if (Damage is not null) throw Damage.Within($"container {ShortId} can only be removed");
    }

    /// <summary>Whether a supervisor watches it.</summary>
    internal bool IsSupervised
    {
        get
        {
            using var held = FileLock.TryExisting(null, Path, shared: true, wait: false);
            return held is null && Exists;
        }
    }

    /// <summary>Whether it may have what its supervisor, if that was killed, could not give back.</summary>
    internal bool HoldsMore => WrittenState.Status == ContainerStatus.Running || FileAt.TryStatus(null, RunPath) is not null;

    /// <summary>Its first process, also while it is being started; null when it does not run.</summary>
    internal PidHandle? TryOpenProcess() => TryOpenProcess(WrittenState);

    /// <summary>
    /// Its first process once its program runs, after waiting for a start or an end that is under way; null when it does
    /// not run. Before that the process has the root directory and the rights of the host: nobody may join it.
    /// </summary>
    /// <param name="orStuck">Whether also one counts whose supervisor was killed while it started it.</param>
    internal PidHandle? WaitForProcess(bool orStuck = false)
    {
        for (; ; )
        {
            var state = WrittenState;
            var process = TryOpenProcess(state);
            if (process is not null && state.StartedAt.Length > 0) return process;
            var isIdle = !IsSupervised && WrittenState is var now
                && (now.Status, now.Pid, now.StartedAt) == (state.Status, state.Pid, state.StartedAt);
            if (isIdle)
            {
                if (orStuck) return process;
                process?.Dispose();
                return null;
            }
            process?.Dispose();
            new Poll().Wait(TimeSpan.FromMilliseconds(2));
        }
    }

    /// <summary>Connects to its supervisor, after waiting for a start that is under way; null when it does not run, or its supervisor was killed.</summary>
    internal AttachConnection? TryConnect()
    {
        for (; ; )
        {
            using (var directory = FileAt.TryOpen(null, RunPath, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY, out _))
            {
                if (directory is not null && UnixSocket.TryConnect(directory, AttachSocket) is { } socket) return new AttachConnection(socket);
            }
            // A supervisor writes down that the program runs before it can be connected to.
            using var process = WaitForProcess();
            if (process is null || process.WaitForEnd(TimeSpan.Zero) || !IsSupervised) return null;
            new Poll().Wait(TimeSpan.FromMilliseconds(2));
        }
    }

    internal void Write(ContainerState state) =>
        AtomicFile.Write(null, $"{Path}/{StateFile}", EngineJson.State.Format(state));

    private static PidHandle? TryOpenProcess(ContainerState state) =>
        state.Status == ContainerStatus.Running && state.BootId == Boot.Id ? PidHandle.TryOpen(state.Pid, state.PidStartTime) : null;
}
