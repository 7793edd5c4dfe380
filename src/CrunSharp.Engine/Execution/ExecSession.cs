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
/// A command in a running container. Without a terminal it has this process's own input and output: nothing stands
/// between.
/// </summary>
public sealed class ExecSession : IDisposable
{
    private readonly CleanupStack _cleanup = new();
    private readonly PidHandle _process;
    private readonly SafeFileHandle? _terminal;

    private ExecSession(PidHandle process, SafeFileHandle? terminal, CleanupStack cleanup) =>
        (_process, _terminal, _cleanup) = (process, terminal, cleanup);

    /// <summary>Starts a command.</summary>
    /// <exception cref="CrunException">The container does not run, or the command cannot be started.</exception>
    public static ExecSession Start(Container container, ExecOptions options)
    {
        var cleanup = new CleanupStack();
        try
        {
            var init = cleanup.Owns(container.TryOpenProcess() ?? throw CrunException.WrongState($"container {container.Id} is not running"));
            var process = SpecOf(container, options, init);
            var (filter, flags) = options.Privileged ? (default, 0u) : ContainerSeccomp.FilterOf(container.Config.Host);
            using var cgroup = ContainerCgroup.TryOpenDirectory(container);
            var launchOptions = new LaunchOptions { Cgroup = cgroup, Filter = filter, FilterFlags = flags };
            var (ours, theirs) = options.Tty ? UnixSocket.Pair() : (null, null);
            using (ours)
            using (theirs)
            using (var nothing = FileAt.Open(null, "/dev/null", OpenFlags.O_RDWR))
            {
                var silent = options.Detach ? nothing : null;
                using var launch = Join.Begin(init, process, launchOptions, theirs, options.Interactive && !options.Detach ? null : nothing, silent, silent);
                launch.WaitUntilReady();
                var terminal = ours is null ? null : UnixSocket.TryReceiveDescriptor(ours)
                    ?? throw new CrunException(ErrorKind.System, "the terminal did not arrive", "exec");
                if (terminal is not null) cleanup.Owns(terminal);
                if (terminal is not null && Terminal.SizeOf(FileDescriptor.Standard(0)) is { } size) Terminal.SetSize(terminal, size);
                launch.Start();
                return new ExecSession(cleanup.Owns(launch.Process), terminal, cleanup);
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
    public void Resize(TerminalSize size)
    {
        if (_terminal is not null) Terminal.SetSize(_terminal, size);
    }

    /// <summary>Waits until the command has ended, copying between its terminal and descriptors; its exit code.</summary>
    public int Wait(SafeFileHandle? input, SafeFileHandle output)
    {
        if (_terminal is not null) CopyTerminal(_terminal, input, output);
        return _process.Reap().Code;
    }

    /// <inheritdoc/>
    public void Dispose() => _cleanup.Dispose();

    private static void CopyTerminal(SafeFileHandle terminal, SafeFileHandle? input, SafeFileHandle output)
    {
        var buffer = new byte[32 * 1024];
        var poll = new Poll();
        for (; ; )
        {
            poll.Clear();
            var shown = poll.Add(terminal, PollEvents.POLLIN);
            var typed = input is null ? -1 : poll.Add(input, PollEvents.POLLIN);
            poll.Wait(null);
            if (typed >= 0 && poll.EventsOf(typed) != 0)
            {
                var count = FileDescriptor.Read(input!, buffer, out _);
                if (count <= 0) input = null;
                else FileDescriptor.WriteAll(terminal, buffer.AsSpan(0, count));
            }
            if (poll.EventsOf(shown) == 0) continue;
            var length = FileDescriptor.Read(terminal, buffer, out _);
            if (length <= 0) return; // EIO: nobody has the terminal open any more
            FileDescriptor.WriteAll(output, buffer.AsSpan(0, length));
        }
    }

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
