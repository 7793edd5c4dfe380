using System.Net;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Sockets;
using CrunSharp.Network.Addresses;
using CrunSharp.Network.Links;
using CrunSharp.Network.Nftables;
using CrunSharp.Oci;

namespace CrunSharp.Network;

/// <summary>Who has which address and port of a network, and how that ends when somebody dies.</summary>
/// <param name="paths">Where networks keep their files.</param>
/// <param name="network">The network.</param>
/// <remarks>
/// All changes are made under the network's lock. An address is given back as the last but one step, after everything
/// that leads to it is gone, so the next owner never gets somebody else's packets.
/// </remarks>
internal sealed class Endpoints(NetworkPaths paths, NetworkRecord network)
{
    private readonly AddressPool _pool = new(paths, network, AddressPlan.Of(network));

    /// <summary>The files of connected containers.</summary>
    public EndpointStore Store { get; } = new(paths, network.Key);

    /// <summary>Takes an address.</summary>
    /// <returns>The address, and the name that the interface on the host's side will have.</returns>
    public (uint Address, string HostInterface) Lease(string containerId, IPAddress? requested)
    {
        paths.EndpointOf(network.Key, containerId); // refuses an id that is no file name
        var owner = LeaseRecord.Mine(containerId, VethPair.RandomName());
        using var alone = Lock();
        // Who removes the network holds the lock until its definition is gone.
        if (!network.IsDefined) throw CrunException.NotFound($"network {network.Name} not found");
        return (requested is null ? _pool.Take(owner, () => SweepLocked(_ => false) > 0) : TakeRequested(requested, owner), owner.HostInterface);
    }

    /// <summary>Gives an address back that was not used.</summary>
    public void Release(EndpointLease lease)
    {
        using var alone = Lock();
        var address = Subnet.ToNumber(lease.Address);
        if (_pool.OwnerOf(address)?.HostInterface == lease.HostInterface) _pool.Free(address);
    }

    /// <summary>Takes ports, connections, address and record away.</summary>
    public void Disconnect(EndpointRecord record)
    {
        using var netfilter = NetlinkSocket.Open(NetlinkProtocol.NETLINK_NETFILTER);
        using var alone = Lock();
        DisconnectLocked(netfilter, record);
    }

    /// <summary>Takes away all that a container has, whoever is still there.</summary>
    public void Forget(string containerId)
    {
        using var alone = Lock();
        foreach (var address in _pool.Taken())
        {
            if (_pool.OwnerOf(address) is { } owner && owner.ContainerId == containerId) Reclaim(address, owner);
        }
        if (Store.TryRead(containerId) is { } record) Store.Remove(record);
        Store.RemoveDrafts(containerId);
    }

    /// <summary>Takes away what belongs to the dead.</summary>
    public int Sweep(Func<string, bool> isAlive)
    {
        using var alone = Lock();
        return SweepLocked(isAlive);
    }

    /// <summary>Takes away the element of a port that leads to a dead container of this network.</summary>
    /// <param name="netfilter">The connection to the kernel.</param>
    /// <param name="port">The port.</param>
    /// <param name="address">Where it leads.</param>
    /// <exception cref="CrunException">It leads to one that lives.</exception>
    public void ClearPort(NetlinkSocket netfilter, PortForward port, IPAddress address)
    {
        using var alone = Lock();
        if (_pool.OwnerOf(Subnet.ToNumber(address)) is { } owner)
        {
            if (IsAlive(owner))
                throw CrunException.Exists($"Bind for {new IPEndPoint(port.BindAddress, port.HostPort)} failed: port is already allocated");
            Reclaim(Subnet.ToNumber(address), owner);
        }
        if (PortMap.OwnerOf(netfilter, port) is { } still && still.Equals(address)) PortMap.Remove(netfilter, port);
    }

    /// <summary>Whether a container has an address here; those of the dead are taken away first.</summary>
    /// <param name="remove">Called under the network's lock when there is none: nobody gets an address meanwhile.</param>
    public bool IsInUse(Action remove)
    {
        using var alone = Lock();
        SweepLocked(static _ => false);
        if (_pool.Taken().Count > 0) return true;
        remove();
        return false;
    }

    private FileLock Lock() => FileLock.Exclusive(null, paths.LockOf(network.Key));

    private uint TakeRequested(IPAddress requested, LeaseRecord owner)
    {
        if (requested.AddressFamily != System.Net.Sockets.AddressFamily.InterNetwork)
            throw CrunException.Invalid($"{requested} is no IPv4 address", $"connect to network {network.Name}");
        var address = Subnet.ToNumber(requested);
        if (_pool.TryTake(address, owner)) return address;
        if (_pool.OwnerOf(address) is { } other && (IsAlive(other) || !Reclaim(address, other)))
            throw CrunException.Exists("Address already in use", $"connect to network {network.Name}");
        return _pool.TryTake(address, owner) ? address : throw CrunException.Exists("Address already in use", $"connect to network {network.Name}");
    }

    private bool IsAlive(LeaseRecord lease) =>
        Store.TryRead(lease.ContainerId) is { } record && record.HostInterface == lease.HostInterface
            ? record.IsAlive
            : Boot.IsAlive(lease.BootId, lease.Holder, lease.HolderStartTime);

    private bool Reclaim(uint address, LeaseRecord dead)
    {
        if (Store.TryRead(dead.ContainerId) is { } record && record.HostInterface == dead.HostInterface)
        {
            using var netfilter = NetlinkSocket.Open(NetlinkProtocol.NETLINK_NETFILTER);
            DisconnectLocked(netfilter, record);
        }
        _pool.Free(address);
        return true;
    }

    private void DisconnectLocked(NetlinkSocket netfilter, EndpointRecord record)
    {
        var address = Subnet.ToNumber(record.Address);
        // While the lease is this connection's, whatever leads to the address belongs to it.
        if (_pool.OwnerOf(address) is { } owner && owner.HostInterface == record.HostInterface)
        {
            if (record.Ports.Count > 0 && record.BootId == Boot.Id)
            {
                using (FileLock.Shared(null, paths.Lock)) PortMap.Remove(netfilter, record.Ports, record.Address);
                netfilter.TryExecute(new NetlinkWriter().ForgetAnswersOf(record.Address)); // ENOENT when there are none
            }
            _pool.Free(address);
        }
        Store.Remove(record);
    }

    private int SweepLocked(Func<string, bool> isAlive)
    {
        AtomicFile.SweepAll(paths.EndpointsOf(network.Key), paths.LeasesOf(network.Key));
        var freed = 0;
        foreach (var address in _pool.Taken())
        {
            if (_pool.OwnerOf(address) is not { } owner || IsAlive(owner) || (owner.BootId == Boot.Id && isAlive(owner.ContainerId))) continue;
            Reclaim(address, owner);
            freed++;
        }
        foreach (var record in Store.All())
            if (_pool.OwnerOf(Subnet.ToNumber(record.Address))?.HostInterface != record.HostInterface) Store.Remove(record);
        return freed;
    }
}
