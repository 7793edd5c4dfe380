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
    private readonly SafeFileHandle? _terminal;
    private readonly (SafeFileHandle? Input, SafeFileHandle? Output, SafeFileHandle? Error) _pipes;

    private ExecSession(PidHandle process, SafeFileHandle? terminal, (SafeFileHandle?, SafeFileHandle?, SafeFileHandle?) pipes, CleanupStack cleanup) =>
        (_process, _terminal, _pipes, _cleanup) = (process, terminal, pipes, cleanup);

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
            using var theirEnds = new CleanupStack();
            using (ours)
            using (theirs)
            {
                var nothing = theirEnds.Owns(FileAt.Open(null, "/dev/null", OpenFlags.O_RDWR));
                var (input, inputEnd) = options is { Interactive: true, Tty: false, Detach: false } ? FileDescriptor.Pipe() : (nothing, null);
                var (outputEnd, output) = options.Tty || options.Detach ? (null, nothing) : FileDescriptor.Pipe();
                var (errorEnd, error) = options.Tty || options.Detach ? (null, nothing) : FileDescriptor.Pipe();
                foreach (var end in (ReadOnlySpan<SafeFileHandle>)[input, output, error]) theirEnds.Owns(end);
                foreach (var end in (ReadOnlySpan<SafeFileHandle?>)[inputEnd, outputEnd, errorEnd])
                {
                    if (end is not null) cleanup.Owns(end);
                }
                using var launch = Join.Begin(init, process, launchOptions, theirs, input, output, error);
                launch.WaitUntilReady();
                var terminal = ours is null ? null : UnixSocket.TryReceiveDescriptor(ours)
                    ?? throw new CrunException(ErrorKind.System, "the terminal did not arrive", "exec");
                if (terminal is not null) cleanup.Owns(terminal);
                if (terminal is not null && Terminal.SizeOf(FileDescriptor.Standard(0)) is { } size) Terminal.SetSize(terminal, size);
                launch.Start();
                return new ExecSession(cleanup.Owns(launch.Process), terminal, (inputEnd, outputEnd, errorEnd), cleanup);
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
    public int Wait(SafeFileHandle? input, SafeFileHandle output, SafeFileHandle error)
    {
        if (_terminal is not null) CopyTerminal(_terminal, input, output);
        else CopyPipes(input, output, error);
        return _process.Reap().Code;
    }

    private void CopyPipes(SafeFileHandle? input, SafeFileHandle output, SafeFileHandle error)
    {
        var buffer = new byte[64 * 1024];
        var (toProcess, fromOutput, fromError) = _pipes;
        var poll = new Poll();
        while (fromOutput is not null || fromError is not null)
        {
            poll.Clear();
            var ended = poll.Add(_process.File, PollEvents.POLLIN);
            var outputIndex = fromOutput is null ? -1 : poll.Add(fromOutput, PollEvents.POLLIN);
            var errorIndex = fromError is null ? -1 : poll.Add(fromError, PollEvents.POLLIN);
            // Only what can be handed on at once is read: a command that does not read must not keep its output here.
            var writable = input is null || toProcess is null ? -1 : poll.Add(toProcess, PollEvents.POLLOUT);
            var inputIndex = input is null || toProcess is null ? -1 : poll.Add(input, PollEvents.POLLIN);
            poll.Wait(null);
            var hadOutput = false;
            if (outputIndex >= 0 && poll.EventsOf(outputIndex) != 0) hadOutput |= Copy(ref fromOutput, output, buffer);
            if (errorIndex >= 0 && poll.EventsOf(errorIndex) != 0) hadOutput |= Copy(ref fromError, error, buffer);
            if (inputIndex >= 0 && poll.EventsOf(inputIndex) != 0 && poll.EventsOf(writable) != 0)
            {
                // A pipe that is writable takes at least 4096 bytes at once.
                if (!Copy(ref input, toProcess!, buffer.AsSpan(0, 4096)))
                {
                    toProcess!.Dispose();
                    toProcess = null;
                }
            }
            else if (inputIndex >= 0 && poll.EventsOf(inputIndex) != 0)
            {
                // There is input that the command does not take yet: wait for anything but the input.
                WaitForRoom(poll, toProcess!, fromOutput, fromError);
            }
            if (!hadOutput && poll.EventsOf(ended) != 0) return;
        }
    }

    private void WaitForRoom(Poll poll, SafeFileHandle toProcess, SafeFileHandle? output, SafeFileHandle? error)
    {
        poll.Clear();
        poll.Add(_process.File, PollEvents.POLLIN);
        poll.Add(toProcess, PollEvents.POLLOUT);
        if (output is not null) poll.Add(output, PollEvents.POLLIN);
        if (error is not null) poll.Add(error, PollEvents.POLLIN);
        poll.Wait(null);
        poll.Clear();
        poll.Add(_process.File, PollEvents.POLLIN);
        poll.Wait(TimeSpan.Zero);
    }

    private static bool Copy(ref SafeFileHandle? from, SafeFileHandle to, Span<byte> buffer)
    {
        var count = FileDescriptor.Read(from!, buffer, out _);
        var copied = count > 0 && FileDescriptor.WriteAll(to, buffer[..count]);
        if (!copied) from = null;
        return copied;
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
