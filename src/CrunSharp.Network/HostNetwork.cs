using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Sockets;
using CrunSharp.Network.Addresses;
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

    private readonly FileLock _lock;

    private HostNetwork(FileLock held, NetlinkSocket route, NetlinkSocket netfilter, Link bridge) =>
        (_lock, Route, Netfilter, Bridge) = (held, route, netfilter, bridge);

    /// <summary>The connection about interfaces, addresses and routes.</summary>
    public NetlinkSocket Route { get; }

    /// <summary>The connection about nftables.</summary>
    public NetlinkSocket Netfilter { get; }

    /// <summary>The bridge.</summary>
    public Link Bridge { get; }

    /// <summary>Looks whether all is there (three questions to the kernel, 40 µs), and makes what is missing.</summary>
    /// <exception cref="CrunException">The kernel refuses.</exception>
    public static HostNetwork Prepare(NetworkPaths paths, NetworkRecord network)
    {
        var subnet = network.ParseSubnet();
        var route = NetlinkSocket.Open(NetlinkProtocol.NETLINK_ROUTE);
        NetlinkSocket? netfilter = null;
        try
        {
            netfilter = NetlinkSocket.Open(NetlinkProtocol.NETLINK_NETFILTER);
            for (var i = 0; i < MostTries; i++)
            {
                var shared = FileLock.Shared(null, paths.Lock);
                var isReady = false;
                try
                {
                    isReady = TryLook(route, netfilter, network.Bridge, subnet, out var bridge);
                    if (isReady) return new HostNetwork(shared, route, netfilter, bridge!);
                }
                finally
                {
                    if (!isReady) shared.Dispose();
                }
                using var alone = FileLock.Exclusive(null, paths.Lock);
                Complete(paths, route, netfilter, network.Bridge, subnet);
            }
            throw CrunException.WrongState("somebody removes it again and again", $"set up network {network.Name}");
        }
        catch
        {
            netfilter?.Dispose();
            route.Dispose();
            throw;
        }
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
            Ruleset.AddNetwork(batch, network.Bridge, network.ParseSubnet());
            foreach (var endpoint in new EndpointStore(paths, network.Name).All())
                if (endpoint.IsAlive) PortMap.Add(batch, endpoint.Ports, endpoint.Address);
        }
        batch.Execute(netfilter);
    }

    /// <summary>Closes the connections; this takes some milliseconds after deletions in nftables.</summary>
    public void Dispose()
    {
        _lock.Dispose();
        Route.Dispose();
        Netfilter.Dispose();
    }

    private static bool TryLook(NetlinkSocket route, NetlinkSocket netfilter, string name, Subnet subnet, out Link? bridge)
    {
        bridge = Links.Bridge.TryGet(route, name, subnet);
        return bridge is not null && Ruleset.Look(netfilter) == Ruleset.State.Present && !ForwardPolicy.Drops(netfilter, name);
    }

    private static void Complete(NetworkPaths paths, NetlinkSocket route, NetlinkSocket netfilter, string bridge, Subnet subnet)
    {
        // The rules come first, so that no container is ever reachable without them.
        var state = Ruleset.Look(netfilter);
        if (state != Ruleset.State.Present) MakeTable(paths, netfilter, state == Ruleset.State.Other);
        if (Links.Bridge.TryGet(route, bridge, subnet) is null)
        {
            var batch = Ruleset.Batch();
            Ruleset.AddNetwork(batch, bridge, subnet);
            batch.Execute(netfilter);
            Links.Bridge.Create(route, bridge, subnet);
            Links.Bridge.AllowForwarding();
        }
        if (ForwardPolicy.Drops(netfilter, bridge)) ForwardPolicy.Accept(netfilter, bridge);
    }
}
