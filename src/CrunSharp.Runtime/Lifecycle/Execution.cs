using System.Globalization;
using System.Text;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Processes;
using CrunSharp.Kernel.Sockets;
using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Runtime.Lifecycle;

/// <summary>What a further process needs that its specification does not say.</summary>
public sealed record ExecuteOptions
{
    /// <summary>A socket that gets the terminal; null when the process has none, or the caller wants it.</summary>
    public string? ConsoleSocket { get; init; }

    /// <summary>A file that gets the process's number; null for none.</summary>
    public string? PidFile { get; init; }

    /// <summary>A socket that gets the process's pidfd; null for none.</summary>
    public string? PidfdSocket { get; init; }

    /// <summary>Descriptors from 3 on that the process gets.</summary>
    public int PreservedDescriptors { get; init; }

    /// <summary>Whether a paused container is no error.</summary>
    public bool IgnorePaused { get; init; }

    /// <summary>Cgroups below the container's, <c>PATH</c> or <c>CONTROLLER[,CONTROLLER...]:PATH</c>; none for the container's own.</summary>
    public IReadOnlyList<string> Cgroups { get; init; } = [];

    /// <summary>What the process has open; null for what this one has.</summary>
    public ProcessStreams? Streams { get; init; }
}

/// <summary>A further process in a container, started.</summary>
public sealed class Execution : IDisposable
{
    private SafeFileHandle? _terminal;

    private Execution(PidHandle process, SafeFileHandle? terminal) => (Process, _terminal) = (process, terminal);

    /// <summary>The process, a child of this one.</summary>
    public PidHandle Process { get; }

    /// <summary>Starts a process in a container that was made or runs.</summary>
    /// <exception cref="CrunException">The container has ended or is paused, or the process cannot be started.</exception>
    public static Execution Start(RuntimeContainer container, ProcessSpec process, ExecuteOptions options)
    {
        using var cgroups = container.OpenCgroups();
        using var init = container.TryOpenProcess();
        var status = container.StatusOf(init, cgroups);
        if (status == RuntimeStatus.Paused && !options.IgnorePaused)
            throw CrunException.WrongState("cannot exec in a paused container (use --ignore-paused to override)");
        if (init is null || status is RuntimeStatus.Creating or RuntimeStatus.Stopped) throw CrunException.WrongState($"cannot exec in a {RuntimeContainer.NameOf(status)} container");
        var (ours, theirs) = process.Terminal ? UnixSocket.Pair() : (null, null);
        using (ours)
        using (theirs)
        using (var entry = cgroups.EnterFurther(init.Pid, options.Cgroups))
        {
            var launchOptions = Creation.OptionsOf(container.Record, container.Filter()) with
            {
                Cgroup = entry.Directory,
                PreservedDescriptors = options.PreservedDescriptors,
                MadeNamespaces = container.MadeNamespaces,
                // Nothing is done between: two switches between processes less.
                IsHeld = process.Terminal || options.PidfdSocket is not null || entry.HasOthers
            };
            Launch? started = null;
            launchOptions = launchOptions with { OnListener = listener => container.SendListener(listener, started!.Process.Pid, container.State) };
            var launch = started = Join.Begin(init, process, launchOptions, theirs, options.Streams?.Input, options.Streams?.Output, options.Streams?.Error);
            SafeFileHandle? terminal = null;
            try
            {
                if (launchOptions.IsHeld) launch.WaitUntilReady();
                entry.Add(launch.Process.Pid);
                terminal = ours is null ? null : UnixSocket.TryReceiveDescriptor(ours)
                    ?? throw new CrunException(ErrorKind.System, "the terminal did not arrive", "exec");
                if (terminal is not null && options.ConsoleSocket is { } socket)
                {
                    using (terminal) Creation.Send(socket, "/dev/pts/ptmx"u8, terminal, "hand the terminal over");
                    terminal = null;
                }
                if (options.PidfdSocket is { } pidfdSocket) Creation.Send(pidfdSocket, "pidfd"u8, launch.Process.File, "hand the pidfd over");
                launch.Start();
                if (options.PidFile is { } pidFile)
                    AtomicFile.Write(null, pidFile, Encoding.ASCII.GetBytes(launch.Process.Pid.ToString(CultureInfo.InvariantCulture)), mode: 0x1a4);
                launch.Dispose();
                return new Execution(launch.Process, terminal);
            }
            catch
            {
                terminal?.Dispose();
                launch.Dispose();
                launch.Process.Dispose();
                throw;
            }
        }
    }

    /// <summary>Hands over its terminal; null when it has none, or a console socket got it.</summary>
    public SafeFileHandle? TakeTerminal()
    {
        var terminal = _terminal;
        _terminal = null;
        return terminal;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _terminal?.Dispose();
        Process.Dispose();
    }
}
