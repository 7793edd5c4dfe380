using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Processes;
using CrunSharp.Kernel.Sockets;
using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;
using CrunSharp.Runtime.Rootfs;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Runtime.Lifecycle;

/// <summary>
/// Tells a manager of services that the program of a container is ready. The container does not get the manager's socket,
/// at which it could say anything, but one of its own, of which only <c>READY=1</c> is passed on.
/// </summary>
/// <seealso href="https://man7.org/linux/man-pages/man3/sd_notify.3.html"/>
public sealed class Readiness : IDisposable
{
    /// <summary>The variable that names the manager's socket.</summary>
    public const string Variable = "NOTIFY_SOCKET";

    private const string FolderName = "notify";
    private const string SocketName = "notify.sock";
    private const string Destination = "/run/notify";
    private const uint ForAll = 0x1ff; // 0777

    private static ReadOnlySpan<byte> Ready => "READY=1"u8;

    private readonly SafeFileHandle _socket;
    private readonly string _manager;

    private Readiness(SafeFileHandle socket, string manager) => (_socket, _manager) = (socket, manager);

    /// <summary>Prepares a container that is being made: a directory for its socket, shown to the program and named in NOTIFY_SOCKET.</summary>
    internal static RuntimeSpec Prepare(RuntimeSpec spec, RuntimeContainer container)
    {
        // Without a mount namespace the socket would be shown on the host.
        if (spec.Process is not { } process || !RootDirectory.HasMountNamespace(spec)) return spec;
        FileAt.MakeDirectory(container.Directory, FolderName, 0x1ed);
        var shown = new MountSpec { Destination = Destination, Type = "bind", Source = $"{container.Path}/{FolderName}", Options = ["bind", "nosuid", "noexec", "nodev", "ro"] };
        return spec with
        {
            Mounts = [.. spec.Mounts ?? [], shown],
            Process = process with { Env = [.. process.Env ?? [], $"{Variable}={Destination}/{SocketName}"] },
        };
    }

    /// <summary>Makes the socket, before the program is started.</summary>
    /// <param name="container">The container.</param>
    /// <param name="manager">The manager's socket, as NOTIFY_SOCKET names it; null or empty for none.</param>
    /// <returns>Null when nobody wants to know, or did not when the container was made.</returns>
    /// <exception cref="CrunException">It cannot be made.</exception>
    public static Readiness? Listen(RuntimeContainer container, string? manager)
    {
        if (string.IsNullOrEmpty(manager)) return null;
        using var folder = FileAt.TryOpen(container.Directory, FolderName, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY, out _);
        if (folder is null) return null;
        var socket = UnixSocket.ListenForDatagrams(folder, SocketName);
        FileAt.SetMode(folder, SocketName, ForAll);
        return new Readiness(socket, manager);
    }

    /// <summary>Waits until the program is ready or has ended, and tells the former.</summary>
    /// <param name="process">The container's first process.</param>
    public void Wait(PidHandle process)
    {
        // The container writes them: what is longer is cut off, and does no harm.
        var message = new byte[4096];
        for (var poll = new Poll(); ; poll.Clear())
        {
            var said = poll.Add(_socket, PollEvents.POLLIN);
            var ended = poll.Add(process.File, PollEvents.POLLIN);
            poll.Wait(timeout: null);
            if (poll.EventsOf(said) != 0 && IsReady(message.AsSpan(0, UnixSocket.Receive(_socket, message))))
            {
                UnixSocket.TrySendDatagram(_manager, Ready);
                return;
            }
            if (poll.EventsOf(ended) != 0) return;
        }
    }

    private static bool IsReady(ReadOnlySpan<byte> message)
    {
        foreach (var line in message.Split((byte)'\n'))
        {
            if (message[line].SequenceEqual(Ready)) return true;
        }
        return false;
    }

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();
}
