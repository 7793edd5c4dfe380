using CrunSharp.Engine.Containers;
using CrunSharp.Engine.Specs;
using CrunSharp.Engine.Supervision;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Processes;
using CrunSharp.Kernel.Sockets;
using CrunSharp.Kernel.Terminals;
using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;
using CrunSharp.Runtime.Defaults;
using CrunSharp.Runtime.Init;
using CrunSharp.Runtime.Lifecycle;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Engine.Execution;

/// <summary>
/// A command in a running container. It gets pipes or a terminal of the container's, never a file of the host: what it
/// has open it could open again, with other rights and at another place.
/// </summary>
public sealed class ExecSession : IDisposable
{
    private readonly CleanupStack _cleanup = new();
    private readonly PidHandle _process;
    private readonly ProcessStreams _streams;

    private ExecSession(PidHandle process, ProcessStreams streams, CleanupStack cleanup) =>
        (_process, _streams, _cleanup) = (process, streams, cleanup);

    /// <summary>Starts a command.</summary>
    /// <exception cref="CrunException">The container does not run, or the command cannot be started.</exception>
    public static ExecSession Start(Container container, ExecOptions options)
    {
        var cleanup = new CleanupStack();
        try
        {
            var init = cleanup.Owns(container.WaitForProcess() ?? throw CrunException.WrongState($"container {container.Id} is not running"));
            var process = SpecOf(container, options, init);
            var (filter, flags) = options.Privileged ? (default, 0u) : ContainerSeccomp.FilterOf(container.Config.Host);
            using var cgroup = ContainerCgroup.TryOpenDirectory(container);
            var launchOptions = new LaunchOptions { Cgroup = cgroup, Filter = filter, FilterFlags = flags };
            var (ours, theirs) = options.Tty ? UnixSocket.Pair() : (null, null);
            var streams = ProcessStreams.OfPipes(
                hasInput: options is { Interactive: true, Tty: false, Detach: false }, hasOutput: options is { Tty: false, Detach: false });
            cleanup.Push(streams.Dispose);
            using (ours)
            using (theirs)
            {
                using var launch = Join.Begin(init, process, launchOptions, theirs, streams.Input, streams.Output, streams.Error);
                launch.WaitUntilReady();
                streams.CloseTheirs();
                var terminal = ours is null ? null : UnixSocket.TryReceiveDescriptor(ours)
                    ?? throw new CrunException(ErrorKind.System, "the terminal did not arrive", "exec");
                if (terminal is not null)
                {
                    streams = ProcessStreams.OfTerminal(terminal);
                    cleanup.Push(streams.Dispose);
                    if (Terminal.SizeOf(FileDescriptor.Standard(0)) is { } size) streams.Resize(size);
                }
                launch.Start();
                return new ExecSession(cleanup.Owns(launch.Process), streams, cleanup);
            }
        }
        catch
        {
            cleanup.Dispose();
            throw;
        }
    }

    /// <summary>Sends the command a signal.</summary>
    public void Signal(int number) => _process.Send(number);

    /// <summary>Tells the command its terminal's size.</summary>
    public void Resize(TerminalSize size) => _streams.Resize(size);

    /// <summary>Waits until the command has ended, copying between its terminal and descriptors; its exit code.</summary>
    public int Wait(SafeFileHandle? input, SafeFileHandle output, SafeFileHandle error)
    {
        _streams.Copy(_process, input, output, error);
        return _process.Reap().Code;
    }

    /// <inheritdoc/>
    public void Dispose() => _cleanup.Dispose();

    private static ProcessSpec SpecOf(Container container, ExecOptions options, PidHandle init)
    {
        var config = container.Config;
        // The root as the container sees it now; names are looked up inside it, and nothing of it is executed.
        using var root = FileAt.Open(null, $"/proc/{init.Pid}/root", OpenFlags.O_PATH | OpenFlags.O_DIRECTORY);
        if (init.HasEnded) throw CrunException.WrongState($"container {container.Id} is not running");
        var (user, home) = UserLookup.Find(root, options.User ?? config.User, config.Host.GroupAdd);
        var environment = new List<string>(SpecGenerator.EnvironmentOf(config with { Tty = options.Tty }, home));
        foreach (var variable in options.Env) SpecGenerator.Set(environment, variable);
        var granted = options.Privileged ? CapabilitySet.OfThisProcess().Permitted : SpecGenerator.Grant(config.Host);
        return new ProcessSpec
        {
            Terminal = options.Tty,
            User = user,
            Args = options.Args,
            Env = environment,
            Cwd = options.WorkingDir ?? (config.WorkingDir.Length == 0 ? "/" : config.WorkingDir),
            Capabilities = DefaultCapabilities.For(granted, user.Uid),
            NoNewPrivileges = config.Host.NoNewPrivileges,
        };
    }
}
