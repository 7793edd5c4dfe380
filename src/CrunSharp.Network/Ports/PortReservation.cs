using System.Net;
using System.Net.Sockets;
using CrunSharp.Kernel.Sockets;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Network;

/// <summary>
/// Host ports that belong to this process: a socket bound to each, so that nothing else can take them, and a port in
/// use is noticed before anything is made. TCP sockets also listen: what comes there (over IPv6, or when somebody
/// flushed nftables) is relayed to the container by <see cref="Serve"/>.
/// </summary>
/// <remarks>The process that lives as long as the container holds it.</remarks>
public sealed class PortReservation : IDisposable
{
    // More than this many ports are only bound: each listener costs the kernel memory and the relay time.
    private const int MostListeners = 64;
    private const int MostTries = 32;
    private const int Backlog = 128;

    private readonly List<SafeFileHandle> _sockets = [];
    private readonly List<PortListener> _listeners = [];
    private readonly List<PortForward> _ports = [];
    private PortRelay? _relay;

    private PortReservation()
    {
    }

    /// <summary>The ports, with those that were chosen.</summary>
    public IReadOnlyList<PortForward> Ports => _ports;

    internal static PortReservation Take(IReadOnlyList<PortForward> ports)
    {
        var reservation = new PortReservation();
        try
        {
            foreach (var port in ports) reservation.Take(port, ports.Count <= MostListeners);
            return reservation;
        }
        catch
        {
            reservation.Dispose();
            throw;
        }
    }

    /// <summary>Begins to relay what arrives at the sockets themselves, on a thread that sleeps until then.</summary>
    /// <param name="container">The container's address.</param>
    public void Serve(IPAddress container)
    {
        if (_listeners.Count > 0) _relay ??= new PortRelay(_listeners, container);
    }

    /// <summary>Gives the ports back and ends all relayed connections.</summary>
    public void Dispose()
    {
        _relay?.Dispose();
        _relay = null;
        foreach (var socket in _sockets) socket.Dispose();
        _sockets.Clear();
        _listeners.Clear();
    }

    private void Take(PortForward port, bool listen)
    {
        if (port.ContainerPort == 0) throw CrunException.Invalid("the container port 0 cannot be published", "publish port");
        if (port.LastHostPort < port.HostPort) throw CrunException.Invalid($"the host ports {port.HostPort}-{port.LastHostPort} are no range", "publish port");
        var tries = port.HostPort == 0 ? MostTries : (port.LastHostPort ?? port.HostPort) - port.HostPort + 1;
        for (var i = 0; i < tries; i++)
        {
            var wanted = port with { HostPort = (ushort)(port.HostPort == 0 ? 0 : port.HostPort + i), LastHostPort = null };
            var errno = TryTake(wanted, listen);
            if (errno == Errno.None) return;
            if (errno != Errno.EADDRINUSE) throw Failure(wanted, errno);
        }
        throw Failure(port, Errno.EADDRINUSE);
    }

    // At all addresses of the port, or at none.
    private Errno TryTake(PortForward port, bool listen)
    {
        var taken = new List<SafeFileHandle>(2);
        foreach (var address in AddressesOf(port))
        {
            var errno = TryTake(port, address, listen, taken);
            if (errno is Errno.EAFNOSUPPORT or Errno.EADDRNOTAVAIL && port.HostIp is null && address.AddressFamily == AddressFamily.InterNetworkV6)
                errno = Errno.None; // the host has no IPv6
            if (errno != Errno.None)
            {
                foreach (var socket in taken) socket.Dispose();
                return errno;
            }
            if (port.HostPort == 0 && taken.Count > 0) port = port with { HostPort = InetSocket.PortOf(taken[0]) };
        }
        if (port.HostPort == 0) throw CrunException.Unsupported($"a random {port.Protocol} port cannot be chosen on this host", "publish port");
        _ports.Add(port);
        _sockets.AddRange(taken);
        if (listen && port.Protocol == PortProtocol.Tcp)
            foreach (var socket in taken) _listeners.Add(new PortListener(socket, port.ContainerPort));
        return Errno.None;
    }

    private static Errno TryTake(PortForward port, IPAddress address, bool listen, List<SafeFileHandle> taken)
    {
        var transport = port.Protocol switch
        {
            PortProtocol.Tcp => Transport.Tcp,
            PortProtocol.Udp => Transport.Udp,
            _ => Transport.Sctp,
        };
        var socket = InetSocket.TryOpen(address.AddressFamily, transport, out var errno);
        if (socket is null)
        {
            // Without SCTP in the kernel no process of the host can have the port: nothing to reserve.
            return port.Protocol == PortProtocol.Sctp && errno is Errno.EPROTONOSUPPORT or Errno.ESOCKTNOSUPPORT ? Errno.None : errno;
        }
        taken.Add(socket);
        // Old connections may linger on the port; that nobody has it now is known by listening there.
        var isTcp = port.Protocol == PortProtocol.Tcp;
        if (isTcp) InetSocket.ReuseAddress(socket);
        errno = InetSocket.Bind(socket, new IPEndPoint(address, port.HostPort));
        if (errno == Errno.None && isTcp) errno = InetSocket.Listen(socket, Backlog);
        if (errno == Errno.None && isTcp && !listen) InetSocket.EndListening(socket);
        if (errno != Errno.None)
        {
            taken.Remove(socket);
            socket.Dispose();
        }
        return errno;
    }

    private static IEnumerable<IPAddress> AddressesOf(PortForward port)
    {
        if (port.HostIp is not null) return [port.HostIp];
        return [IPAddress.Any, IPAddress.IPv6Any];
    }

    // The words are Docker's: scripts look for them.
    private static CrunException Failure(PortForward port, Errno errno) => errno == Errno.EADDRINUSE
        ? CrunException.Exists(port.LastHostPort is { } last && last > port.HostPort
            ? $"Bind for {new IPEndPoint(port.BindAddress, port.HostPort)}-{last} failed: all ports are allocated"
            : $"Bind for {new IPEndPoint(port.BindAddress, port.HostPort)} failed: port is already allocated")
        : new CrunException(errno == Errno.EACCES ? ErrorKind.Denied : ErrorKind.InvalidInput,
            $"Bind for {new IPEndPoint(port.BindAddress, port.HostPort)} failed: {errno.Describe()}", errno: Errno.None);
}
