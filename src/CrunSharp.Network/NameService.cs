using System.Net;
using CrunSharp.Network.Names;

namespace CrunSharp.Network;

/// <summary>
/// The name server of one container in a network that a user made, at 127.0.0.11 in the container's namespace. The process
/// that lives as long as the container holds it.
/// </summary>
public sealed class NameService : IDisposable
{
    private readonly NameTable _table;
    private readonly UpstreamServers _upstream;
    private NameServer? _server;

    internal NameService(NetworkPaths paths, NetworkRecord network, IReadOnlyList<IPAddress> servers) =>
        (_table, _upstream) = (new NameTable(paths, network), new UpstreamServers(servers));

    /// <summary>The address at which the container asks.</summary>
    public static IPAddress Address => NameSockets.Address;

    /// <summary>Begins to answer, on a thread that sleeps until it is asked.</summary>
    internal void Serve(NameSockets sockets) => _server = new NameServer(sockets, _table, _upstream);

    /// <summary>Ends.</summary>
    public void Dispose()
    {
        _server?.Dispose();
        _server = null;
    }
}
