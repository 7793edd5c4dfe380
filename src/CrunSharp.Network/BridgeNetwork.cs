using System.Net;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Namespaces;
using CrunSharp.Kernel.Processes;
using CrunSharp.Kernel.Sockets;
using CrunSharp.Network.Addresses;
using CrunSharp.Network.Links;
using CrunSharp.Network.Names;
using CrunSharp.Network.Nftables;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Network;

/// <summary>
/// A network of containers on this host: a bridge, addresses, the way out, and published ports. All of it by netlink,
/// without another program.
/// </summary>
/// <remarks>
/// In this order: <see cref="Reserve"/>, <see cref="Lease"/>, the container's first process, <see cref="Connect"/>, and
/// at the end <see cref="Disconnect"/> in whatever process. The interfaces go away with the container's network
/// namespace. Whoever is killed in between leaves files that <see cref="Sweep"/> in any later process clears away.
/// </remarks>
public sealed class BridgeNetwork
{
    /// <summary>The name of the default network.</summary>
    public const string DefaultName = "bridge";

    private const string DefaultBridge = "crunsharp0";

    private readonly NetworkPaths _paths;
    private readonly NetworkRecord _record;
    private readonly AddressPlan _plan;
    private readonly Endpoints _endpoints;

    private BridgeNetwork(NetworkPaths paths, NetworkRecord record)
    {
        (_paths, _record, _plan) = (paths, record, AddressPlan.Of(record));
        _endpoints = new Endpoints(paths, record);
    }

    /// <summary>The network's name.</summary>
    public string Name => _record.Name;

    /// <summary>What was chosen for it.</summary>
    public NetworkRecord Record => _record;

    /// <summary>The name of the bridge on the host.</summary>
    public string Bridge => _record.Bridge;

    /// <summary>The network's addresses, <c>10.88.0.0/16</c>.</summary>
    public string SubnetText => _record.Subnet;

    /// <summary>The bridge's address: the host, as containers see it.</summary>
    public IPAddress Gateway => Subnet.ToAddress(_plan.Gateway);

    /// <summary>
    /// Opens the default network. The first time ever, its addresses are chosen so that they overlap none of the host's
    /// routes; nothing is made in the kernel yet. When its record is lost or damaged, its bridge tells its addresses.
    /// </summary>
    /// <param name="paths">Where networks keep their files.</param>
    /// <exception cref="CrunException">The files cannot be written, or all addresses overlap the host's routes.</exception>
    public static BridgeNetwork OpenDefault(NetworkPaths paths)
    {
        if (NetworkRecord.TryRead(paths, DefaultName) is { } there) return new BridgeNetwork(paths, there);
        FileAt.MakeDirectories(paths.LeasesOf(DefaultName));
        FileAt.MakeDirectories(paths.EndpointsOf(DefaultName));
        using var alone = FileLock.Exclusive(null, paths.Lock);
        if (NetworkRecord.TryRead(paths, DefaultName) is { } meanwhile) return new BridgeNetwork(paths, meanwhile);
        using var route = NetlinkSocket.Open(NetlinkProtocol.NETLINK_ROUTE);
        var bridge = LinkMessages.TryGet(route, DefaultBridge);
        var taken = SubnetChoice.RoutesOf(route, bridge?.Index ?? 0);
        foreach (var other in NetworkRecord.All(paths)) taken.Add(other.ParseSubnet());
        foreach (var other in new NetworkStore(paths).List()) if (!other.IsPredefined) taken.Add(other.ParseSubnet());
        // A bridge without a record: containers may be plugged into it, so its addresses stay.
        var subnet = bridge is null ? null : SubnetChoice.OfBridge(route, bridge);
        var record = new NetworkRecord { Name = DefaultName, Bridge = DefaultBridge, Subnet = (subnet ?? SubnetChoice.FirstFree(taken)).ToString() };
        AtomicFile.Write(null, paths.RecordOf(DefaultName), NetworkJson.Network.Format(record));
        return new BridgeNetwork(paths, record);
    }

    /// <summary>Opens a network that a user made.</summary>
    /// <exception cref="CrunException">The files cannot be written.</exception>
    internal static BridgeNetwork Open(NetworkPaths paths, NetworkRecord network)
    {
        // A copy of the definition tells whoever makes the table anew which bridges there are.
        if (FileAt.TryStatus(null, paths.RecordOf(network.Key)) is null)
        {
            FileAt.MakeDirectories(paths.LeasesOf(network.Key));
            FileAt.MakeDirectories(paths.EndpointsOf(network.Key));
            AtomicFile.Write(null, paths.RecordOf(network.Key), NetworkJson.Network.Format(network));
        }
        return new BridgeNetwork(paths, network);
    }

    /// <summary>Removes the network's definition unless a container is connected to it.</summary>
    /// <returns>Whether nobody can be connected to it any more.</returns>
    internal bool TryUndefine() => !_endpoints.IsInUse(() => FileAt.Remove(null, _record.Definition));

    /// <summary>Reserves host ports for this process and chooses those that are 0.</summary>
    /// <param name="ports">The ports to publish; an internal network publishes none.</param>
    /// <exception cref="CrunException">
    /// <see cref="ErrorKind.Exists"/> <c>Bind for 0.0.0.0:8080 failed: port is already allocated</c>;
    /// <see cref="ErrorKind.InvalidInput"/> for an address that the host does not have.
    /// </exception>
    public PortReservation Reserve(IReadOnlyList<PortForward> ports) => PortReservation.Take(_record.IsInternal ? [] : ports);

    /// <summary>What answers a container's questions for names; null in the default network, where there are none.</summary>
    /// <param name="servers">Name servers of the user, in place of the host's.</param>
    public NameService? PrepareNames(IReadOnlyList<IPAddress> servers) => _record.IsPredefined ? null : new NameService(_paths, _record, servers);

    /// <summary>Gives a container an address that nobody else gets until <see cref="Disconnect"/> or <see cref="Release"/>.</summary>
    /// <param name="containerId">The container's id: letters, digits, <c>-_.</c></param>
    /// <param name="requested">The address it must be; null for the next free one.</param>
    /// <exception cref="CrunException">
    /// <see cref="ErrorKind.Exists"/> when the address or all addresses are taken; <see cref="ErrorKind.InvalidInput"/>
    /// when the address is outside of the network.
    /// </exception>
    public EndpointLease Lease(string containerId, IPAddress? requested = null)
    {
        var (address, hostInterface) = _endpoints.Lease(containerId, requested);
        return new EndpointLease
        {
            NetworkName = Name,
            ContainerId = containerId,
            Address = Subnet.ToAddress(address),
            PrefixLength = _plan.Subnet.PrefixLength,
            Gateway = Gateway,
            MacAddress = Subnet.FormatMac(Subnet.ToMac(address)),
            HostInterface = hostInterface,
            IsInternal = _record.IsInternal,
        };
    }

    /// <summary>Gives a lease back that was not used for <see cref="Connect"/>. May be done twice.</summary>
    /// <exception cref="CrunException">The files cannot be changed.</exception>
    public void Release(EndpointLease lease) => _endpoints.Release(lease);

    /// <summary>
    /// Plugs a container into the network and publishes its ports. The bridge and the rules are made if they are
    /// missing. About half a millisecond.
    /// </summary>
    /// <param name="request">The container.</param>
    /// <param name="lease">Its address.</param>
    /// <param name="ports">Its reserved ports; this process keeps them and relays what the kernel cannot (see <see cref="PortReservation"/>).</param>
    /// <param name="names">What answers its questions for names; null for nothing.</param>
    /// <returns>What <see cref="Disconnect"/> needs.</returns>
    /// <exception cref="CrunException">The kernel refuses; then nothing is left but the lease.</exception>
    public EndpointRecord Connect(EndpointRequest request, EndpointLease lease, PortReservation ports, NameService? names = null)
    {
        var record = new EndpointRecord
        {
            NetworkName = Name,
            ContainerId = request.ContainerId,
            Address = lease.Address,
            PrefixLength = lease.PrefixLength,
            Gateway = lease.Gateway,
            MacAddress = lease.MacAddress,
            HostInterface = lease.HostInterface,
            Ports = ports.Ports,
            BootId = Boot.Id,
            Pid = request.Pid,
            PidStartTime = PidHandle.StartTimeOf(request.Pid),
            Hostname = request.Hostname,
            NetworkId = _record.Id,
            Names = request.Names,
            IsInternal = lease.IsInternal,
        };
        using var container = NetworkNamespace.Open(request.Pid);
        using (var mine = NetworkNamespace.OpenCurrent())
            if (NetworkNamespace.AreSame(mine, container))
                throw CrunException.WrongState($"process {request.Pid} is in the host's network namespace", "connect container");
        try
        {
            PlugIn(record, lease, container, names);
        }
        catch
        {
            _endpoints.Store.Remove(record);
            throw;
        }
        ports.Serve(lease.Address);
        return record;
    }

    /// <summary>The record of a container, written by whichever process connected it; null when it is not connected.</summary>
    /// <exception cref="CrunException">The file cannot be read.</exception>
    public EndpointRecord? TryGetEndpoint(string containerId) => _endpoints.Store.TryRead(containerId);

    /// <summary>
    /// Takes a container's ports, connections, address and record away. May be done twice, and by any process; does not
    /// wait for the interface, which the kernel removes together with the container's network namespace.
    /// </summary>
    /// <exception cref="CrunException">The kernel or the files refuse; then it can be tried again.</exception>
    public void Disconnect(EndpointRecord record) => _endpoints.Disconnect(record);

    /// <summary>Takes all away that a container has, also an address that it was never connected with.</summary>
    /// <param name="containerId">A container of which it is known that it does not run, and that nobody starts it.</param>
    /// <exception cref="CrunException">The kernel or the files refuse; then it can be tried again.</exception>
    public void Forget(string containerId) => _endpoints.Forget(containerId);

    /// <summary>Takes away what belongs to containers that do not live any more.</summary>
    /// <param name="isAlive">
    /// Whether the container of an id lives. One whose process lives, or that a living process is about to connect, is
    /// kept without asking.
    /// </param>
    /// <returns>How many addresses were freed.</returns>
    /// <exception cref="CrunException">The kernel or the files refuse.</exception>
    public int Sweep(Func<string, bool> isAlive) => _endpoints.Sweep(isAlive);

    /// <summary>
    /// Removes everything: the interfaces of all containers, all bridges, the table, all files. Containers that run are
    /// without a network from then on.
    /// </summary>
    /// <param name="paths">Where networks keep their files.</param>
    /// <exception cref="CrunException">The kernel or the files refuse.</exception>
    public static void Reset(NetworkPaths paths)
    {
        FileAt.MakeDirectories(paths.Run);
        using var alone = FileLock.Exclusive(null, paths.Lock);
        var bridges = new HashSet<string>(StringComparer.Ordinal) { DefaultBridge };
        var networks = NetworkRecord.All(paths);
        foreach (var network in networks) bridges.Add(network.Bridge);
        using (var route = NetlinkSocket.Open(NetlinkProtocol.NETLINK_ROUTE)) Links.Bridge.RemoveAll(route, bridges);
        using (var netfilter = NetlinkSocket.Open(NetlinkProtocol.NETLINK_NETFILTER))
        {
            var batch = Ruleset.Batch();
            batch.DeleteTable();
            foreach (var error in batch.TryExecute(netfilter)) if (error.Errno != Errno.ENOENT) throw error.ToException();
            foreach (var bridge in bridges) ForwardPolicy.Remove(netfilter, bridge);
        }
        foreach (var network in networks) FileAt.RemoveTree(null, paths.NetworkOf(network.Key));
    }

    // The thread that enters the namespace also turns IPv6 off there: /proc/sys/net is that of whoever looks.
    private static NetlinkSocket OpenInside()
    {
        KernelFile.TryWrite(null, "/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
        return NetlinkSocket.Open(NetlinkProtocol.NETLINK_ROUTE);
    }

    private static (NetlinkSocket Route, NameSockets? Names) OpenInside(bool withNames)
    {
        var route = OpenInside();
        try
        {
            return (route, withNames ? NameSockets.Open(route) : null);
        }
        catch
        {
            route.Dispose();
            throw;
        }
    }

    private void PlugIn(EndpointRecord record, EndpointLease lease, SafeFileHandle container, NameService? names)
    {
        // That thread and this one work side by side until the interfaces are made.
        var opening = NetworkNamespace.Begin(container, () => OpenInside(names is not null));
        _endpoints.Store.Write(record);
        using var host = HostNetwork.Prepare(_paths, _record);
        try
        {
            var (inside, sockets) = opening();
            if (sockets is not null) names!.Serve(sockets);
            using (inside)
            {
                VethPair.Create(host.Route, lease, host.Bridge, container);
                VethPair.SetUpInside(inside, lease);
                if (record.Ports.Count > 0) Publish(host, record);
                VethPair.WaitUntilOperational(host.Route, inside, lease, host.Bridge.IsOperational ? null : Bridge);
            }
        }
        catch
        {
            VethPair.Remove(host.Route, lease.HostInterface);
            throw;
        }
    }

    private void Publish(HostNetwork host, EndpointRecord record)
    {
        const int mostTries = 5;
        for (var i = 0; ; i++)
        {
            var batch = Ruleset.Batch();
            PortMap.Add(batch, record.Ports, record.Address);
            if (batch.TryExecute(host.Netfilter) is not [var error, ..]) break;
            if (i == mostTries) throw error.ToException();
            switch (error.Errno)
            {
                case Errno.ENOENT: // the table is gone
                    host.Complete();
                    break;
                case Errno.EBUSY or Errno.EEXIST: // an element of a container that died without a farewell, or of one that lives
                    foreach (var port in record.Ports) ClearPort(host.Netfilter, port, record.Address);
                    break;
                default:
                    throw error.ToException();
            }
        }
        var forget = new NetlinkWriter();
        foreach (var port in record.Ports) if (port is { Protocol: PortProtocol.Udp, HasIPv4: true }) forget.ForgetPort(port);
        host.Netfilter.TryExecute(forget); // ENOENT when there was none
    }

    // The port may lead to a container of another network.
    private void ClearPort(NetlinkSocket netfilter, PortForward port, IPAddress mine)
    {
        if (PortMap.OwnerOf(netfilter, port) is not { } address || address.Equals(mine)) return;
        var other = NetworkRecord.All(_paths).Find(network => network.ParseSubnet().Contains(Subnet.ToNumber(address))) ?? _record;
        new Endpoints(_paths, other).ClearPort(netfilter, port, address);
    }
}
