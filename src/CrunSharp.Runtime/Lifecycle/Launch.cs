using CrunSharp.Kernel.Processes;
using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;
using CrunSharp.Runtime.Init;
using CrunSharp.Runtime.Rootfs;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Runtime.Lifecycle;

/// <summary>A container between its creation and the start of its program.</summary>
/// <remarks>
/// <see cref="Begin"/> makes the process in its namespaces; while it makes its mounts the caller can set up its network;
/// <see cref="Start"/> lets it execute its program. A launch that is disposed before that ends the process.
/// </remarks>
public sealed class Launch : IDisposable
{
    private readonly Stage _stage;
    private readonly ContainerRootfs? _rootfs;
    private readonly LaunchOptions _options;
    private IReadOnlyDictionary<string, NetDeviceSpec>? _devices;
    private bool _isReady;
    private bool _isStarted;
    private bool _hasEnded;

    private Launch(Stage stage, PidHandle process, ContainerRootfs? rootfs, LaunchOptions options) =>
        (_stage, Process, _rootfs, _options) = (stage, process, rootfs, options);

    /// <summary>The container's first process; a child of this one. Belongs to the caller.</summary>
    public PidHandle Process { get; }

    /// <summary>The paths in the root that were made as mount points, the outer ones first.</summary>
    public IReadOnlyList<string> MadeMountPoints => _rootfs?.MadeMountPoints ?? [];

    /// <summary>What was asked for and left out, since the specification wants it so: capabilities that cannot be granted.</summary>
    public IReadOnlyList<string> Warnings => _options.Warnings;

    /// <summary>Hands over the master side of the process's terminal; null when it has none.</summary>
    public SafeFileHandle? TakeTerminal() => _rootfs?.TakeTerminalMaster();

    /// <summary>Makes the process of a container in its namespaces.</summary>
    /// <param name="spec">The container.</param>
    /// <param name="root">Its root file system, a detached mount; may be disposed after the start.</param>
    /// <param name="options">What the specification does not say.</param>
    /// <param name="standardInput">The process's descriptor 0, unless it has a terminal; null leaves ours.</param>
    /// <param name="standardOutput">The process's descriptor 1, likewise.</param>
    /// <param name="standardError">The process's descriptor 2, likewise.</param>
    /// <exception cref="CrunException">A part of it cannot be done; nothing is left behind.</exception>
    public static Launch Begin(RuntimeSpec spec, SafeFileHandle root, LaunchOptions options,
        SafeFileHandle? standardInput = null, SafeFileHandle? standardOutput = null, SafeFileHandle? standardError = null)
    {
        ContainerRootfs? rootfs = null;
        try
        {
            if (spec.Linux?.IntelRdt is not null) IntelRdt.RequireRoot();
            var namespaces = ContainerNamespaces.Open(spec.Linux ?? new LinuxSpec(), options.Owned);
            options.HasUserNamespace = namespaces.Map is not null;
            rootfs = ContainerRootfs.Prepare(spec, root, options, namespaces);
            if (spec.Process is { } process) spec = spec with { Process = ProcessEnvironment.Complete(process, rootfs.HomeOf) };
            var (input, output, error) = (rootfs.Terminal ?? standardInput, rootfs.Terminal ?? standardOutput, rootfs.Terminal ?? standardError);
            StandardFiles.GiveTo(spec.Process?.User, namespaces.Map, input, output, error);
            var plan = InitPlan.Write(spec, rootfs, namespaces, options);
            var launch = BeginPlan(plan, rootfs, options, input, output, error, namespaces.NeedsSetUp ? namespaces.SetUp : null);
            launch._devices = spec.Linux?.NetDevices;
            return launch;
        }
        catch
        {
            rootfs?.Dispose();
            foreach (var file in options.Owned) file.Dispose();
            throw;
        }
    }

    /// <summary>Waits until the process is at a point of <see cref="LaunchOptions.Points"/>.</summary>
    /// <exception cref="CrunException">A step before it failed.</exception>
    public void WaitFor(LaunchPoints point) => _stage.WaitForEvent((int)point);

    /// <summary>Lets the process go on from there.</summary>
    public void GoOn() => _stage.Continue();

    /// <summary>Leaves the process, which is ready, to whoever connects to <see cref="LaunchOptions.StartSocket"/>.</summary>
    public void Leave()
    {
        WaitUntilReady();
        _stage.Continue();
        _isStarted = true;
    }

    /// <summary>Waits until the process has everything but its program.</summary>
    /// <exception cref="CrunException">
    /// A step failed; of kind <see cref="ErrorKind.CommandNotFound"/> or <see cref="ErrorKind.CommandNotExecutable"/> when there is no such program.
    /// </exception>
    public void WaitUntilReady()
    {
        if (_isReady) return;
        EndAtFailure(() => _stage.WaitForEvent(InitPlan.Ready));
        if (_devices is { Count: > 0 } devices) EndAtFailure(() => NetworkDevices.Move(devices, Process.Pid));
        _isReady = true;
    }

    /// <summary>Lets the process execute its program, and waits until it does.</summary>
    /// <exception cref="CrunException">
    /// A step failed; of kind <see cref="ErrorKind.CommandNotFound"/> or <see cref="ErrorKind.CommandNotExecutable"/> when it is the last.
    /// </exception>
    public void Start()
    {
        if (_options.IsHeld)
        {
            WaitUntilReady();
            _stage.Continue();
        }
        EndAtFailure(() => _stage.WaitForExec(OnEvent));
        _isStarted = true;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _stage.Dispose();
        _rootfs?.Dispose();
        foreach (var file in _options.Owned) file.Dispose();
        if (!_isStarted) End();
    }

    // At once, and not when this is disposed: by then the caller may have disposed the process.
    private void EndAtFailure(Action step)
    {
        try
        {
            step();
        }
        catch (CrunException error) when (error.Operation?.StartsWith("exec: ", StringComparison.Ordinal) == true)
        {
            End();
            throw ExecFailure(error);
        }
        catch
        {
            End();
            throw;
        }
    }

    private void End()
    {
        if (_hasEnded || Process.File.IsClosed) return;
        _hasEnded = true;
        Process.Send(Signal.SIGKILL.Number);
        Process.Reap();
    }

    internal static Launch BeginPlan(StagePlan plan, ContainerRootfs? rootfs, LaunchOptions options,
        SafeFileHandle? standardInput, SafeFileHandle? standardOutput, SafeFileHandle? standardError, Action<PidHandle>? setUp = null)
    {
        var stage = Stage.Start(plan, standardInput, standardOutput, standardError);
        PidHandle? process = null;
        try
        {
            process = stage.WaitForProcess();
            if (setUp is not null)
            {
                stage.WaitForEvent(ContainerNamespaces.Made);
                setUp(process);
                stage.Continue();
            }
            return new Launch(stage, process, rootfs, options);
        }
        catch
        {
            stage.Dispose();
            process?.Send(Signal.SIGKILL.Number);
            process?.Reap();
            process?.Dispose();
            throw;
        }
    }

    private void OnEvent(int number, int value) => TakeListener(Process, number, value, _options.OnListener);

    /// <summary>Takes a filter's listener from a process that waits at <see cref="ProcessSteps.Listener"/>, the only event on the way to its start.</summary>
    internal static void TakeListener(PidHandle process, int number, int descriptor, Action<SafeFileHandle>? onListener)
    {
        if (number != ProcessSteps.Listener) throw new CrunException(ErrorKind.System, $"the stage reports event {number} instead of the program's start");
        var take = onListener ?? throw CrunException.Invalid("the system call filter notifies, and nobody listens", spec: "config-linux.md#seccomp");
        using var listener = process.CopyDescriptor(descriptor);
        take(listener);
    }

    internal static CrunException ExecFailure(CrunException error)
    {
        var program = error.Operation!["exec: ".Length..].Trim('"');
        var isPath = program.Contains('/', StringComparison.Ordinal);
        return error.Errno switch
        {
            Errno.ENOENT or Errno.ENOTDIR => new CrunException(ErrorKind.CommandNotFound,
                isPath ? "no such file or directory" : "executable file not found in $PATH", error.Operation, inner: error),
            Errno.EACCES or Errno.EISDIR => new CrunException(ErrorKind.CommandNotExecutable, "permission denied", error.Operation, inner: error),
            Errno.ENOEXEC => new CrunException(ErrorKind.CommandNotExecutable, "exec format error", error.Operation, inner: error),
            _ => error,
        };
    }
}
