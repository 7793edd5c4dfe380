using System.Net;
using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Processes;
using CrunSharp.Kernel.Sockets;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Network;

/// <summary>A listening socket of the host.</summary>
/// <param name="Socket">The socket.</param>
/// <param name="ContainerPort">The container's port to which it leads.</param>
internal readonly record struct PortListener(SafeFileHandle Socket, ushort ContainerPort);

/// <summary>Relays connections from the host's listening sockets to the container: one thread, which mostly sleeps.</summary>
internal sealed class PortRelay : IDisposable
{
    private const int MostConnections = 256;
    private const int StackSize = 128 * 1024;

    private readonly PortListener[] _listeners;
    private readonly IPAddress _container;
    private readonly WakeEvent _end = new();
    private readonly Thread _thread;

    public PortRelay(IReadOnlyList<PortListener> listeners, IPAddress container)
    {
        _listeners = [.. listeners];
        _container = container;
        _thread = new Thread(Run, StackSize) { IsBackground = true, Name = "ports" };
        _thread.Start();
    }

    /// <summary>Ends all connections and waits for the thread.</summary>
    public void Dispose()
    {
        _end.Set();
        _thread.Join();
        _end.Dispose();
    }

    private void Run()
    {
        var poll = new Poll();
        var connections = new List<RelayedConnection>();
        try
        {
            for (; ; )
            {
                poll.Clear();
                poll.Add(_end.File, PollEvents.POLLIN);
                foreach (var connection in connections) connection.AddTo(poll);
                // While there is no room, new connections wait in the kernel.
                var firstListener = -1;
                if (connections.Count < MostConnections)
                    foreach (var listener in _listeners)
                    {
                        var place = poll.Add(listener.Socket, PollEvents.POLLIN);
                        if (firstListener < 0) firstListener = place;
                    }
                poll.Wait(null);
                if (poll.EventsOf(0) != PollEvents.None) return;
                Serve(poll, connections, firstListener);
            }
        }
        finally
        {
            foreach (var connection in connections) connection.Dispose();
        }
    }

    private void Serve(Poll poll, List<RelayedConnection> connections, int firstListener)
    {
        connections.RemoveAll(connection =>
        {
            if (connection.Advance(poll)) return false;
            connection.Dispose();
            return true;
        });
        if (firstListener < 0) return;
        for (var i = 0; i < _listeners.Length && connections.Count < MostConnections; i++)
        {
            if (poll.EventsOf(firstListener + i) == PollEvents.None || InetSocket.TryAccept(_listeners[i].Socket) is not { } client) continue;
            var server = InetSocket.TryOpen(_container.AddressFamily, Transport.Tcp, out _);
            if (server is null || InetSocket.Connect(server, new IPEndPoint(_container, _listeners[i].ContainerPort)) != Errno.None)
            {
                server?.Dispose();
                client.Dispose();
                continue;
            }
            connections.Add(new RelayedConnection(client, server));
        }
    }
}
