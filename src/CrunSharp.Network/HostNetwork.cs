using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Sockets;
using CrunSharp.Network.Links;
using CrunSharp.Network.Nftables;
using CrunSharp.Oci;

namespace CrunSharp.Network;

/// <summary>
/// The host's part of a network: its bridge, our table in nftables, and forwarding. While it is held, nobody makes the
/// table anew, so an element that is added or removed stays added or removed.
/// </summary>
internal sealed class HostNetwork : IDisposable
{
    private const int MostTries = 5;

    private readonly NetworkPaths _paths;
    private readonly NetworkRecord _network;
    private FileLock? _lock;

    private HostNetwork(NetworkPaths paths, NetworkRecord network)
    {
        (_paths, _network) = (paths, network);
        Route = NetlinkSocket.Open(NetlinkProtocol.NETLINK_ROUTE);
        Netfilter = NetlinkSocket.Open(NetlinkProtocol.NETLINK_NETFILTER);
    }

    /// <summary>The connection about interfaces, addresses and routes.</summary>
    public NetlinkSocket Route { get; }

    /// <summary>The connection about nftables.</summary>
    public NetlinkSocket Netfilter { get; }

    /// <summary>The bridge.</summary>
    public Link Bridge { get; private set; } = null!;

    /// <summary>Looks whether all is there (three questions to the kernel, 40 µs), and makes what is missing.</summary>
    /// <exception cref="CrunException">The kernel refuses.</exception>
    public static HostNetwork Prepare(NetworkPaths paths, NetworkRecord network)
    {
        var host = new HostNetwork(paths, network);
        try
        {
            host.Complete();
            return host;
        }
        catch
        {
            host.Dispose();
            throw;
        }
    }

    /// <summary>Looks again, after something turned out to be missing: an administrator flushes nftables at any moment.</summary>
    /// <exception cref="CrunException">The kernel refuses.</exception>
    public void Complete()
    {
        for (var i = 0; i < MostTries; i++)
        {
            _lock?.Dispose();
            _lock = FileLock.Shared(null, _paths.Lock);
            if (TryLook(Route, Netfilter, _network) is { } bridge)
            {
                Bridge = bridge;
                return;
            }
            _lock.Dispose();
            using var alone = FileLock.Exclusive(null, _paths.Lock);
            try
            {
                MakeMissing(_paths, Route, Netfilter, _network);
            }
            catch (CrunException error) when (error.Errno == Errno.ENOENT && i < MostTries - 1)
            {
                // It was flushed between a look and a change.
            }
        }
        throw CrunException.WrongState("somebody removes it again and again", $"set up network {_network.Name}");
    }

    /// <summary>Makes the table, with all networks and all containers that live.</summary>
    /// <param name="paths">Where networks keep their files; the caller holds the lock.</param>
    /// <param name="netfilter">The connection to the kernel.</param>
    /// <param name="replace">Whether a table is there that must go.</param>
    /// <exception cref="CrunException">The kernel refuses.</exception>
    public static void MakeTable(NetworkPaths paths, NetlinkSocket netfilter, bool replace)
    {
        var batch = Ruleset.Batch();
        if (replace) batch.DeleteTable();
        Ruleset.AddAll(batch);
        foreach (var network in NetworkRecord.All(paths))
        {
            Ruleset.AddNetwork(batch, network);
            foreach (var endpoint in new EndpointStore(paths, network.Key).All())
                if (endpoint.IsAlive) PortMap.Add(batch, endpoint.Ports, endpoint.Address);
        }
        batch.Execute(netfilter);
    }

    /// <summary>Closes the connections; this takes some milliseconds after deletions in nftables.</summary>
    public void Dispose()
    {
        _lock?.Dispose();
        Route.Dispose();
        Netfilter.Dispose();
    }

    /// <summary>Takes away what there is of a network in the kernel, and its files. It is defined no more, and nobody is connected to it.</summary>
    /// <exception cref="CrunException">The kernel or the files refuse; then it can be tried again.</exception>
    public static void Remove(NetworkPaths paths, NetworkRecord network)
    {
        FileAt.MakeDirectories(paths.Run);
        using var alone = FileLock.Exclusive(null, paths.Lock);
        // The bridge goes before the rules, so that nothing ever passes it without them.
        using (var route = NetlinkSocket.Open(NetlinkProtocol.NETLINK_ROUTE)) Links.Bridge.Remove(route, network.Bridge);
        using (var netfilter = NetlinkSocket.Open(NetlinkProtocol.NETLINK_NETFILTER))
        {
            Ruleset.RemoveNetwork(netfilter, network);
            ForwardPolicy.Remove(netfilter, network.Bridge);
        }
        FileAt.RemoveTree(null, paths.NetworkOf(network.Key));
    }

    private static Link? TryLook(NetlinkSocket route, NetlinkSocket netfilter, NetworkRecord network) =>
        Links.Bridge.TryGet(route, network) is { } bridge
        && Ruleset.Look(netfilter) == Ruleset.State.Present
        && !ForwardPolicy.Drops(netfilter, network.Bridge) ? bridge : null;

    private static void MakeMissing(NetworkPaths paths, NetlinkSocket route, NetlinkSocket netfilter, NetworkRecord network)
    {
        // The rules come first, so that no container is ever reachable without them.
        var state = Ruleset.Look(netfilter);
        if (state != Ruleset.State.Present) MakeTable(paths, netfilter, state == Ruleset.State.Other);
        if (Links.Bridge.TryGet(route, network) is null)
        {
            var batch = Ruleset.Batch();
            Ruleset.AddNetwork(batch, network);
            batch.Execute(netfilter);
            Links.Bridge.Create(route, network);
            Links.Bridge.AllowForwarding();
        }
        if (ForwardPolicy.Drops(netfilter, network.Bridge)) ForwardPolicy.Accept(netfilter, network.Bridge);
    }
}
