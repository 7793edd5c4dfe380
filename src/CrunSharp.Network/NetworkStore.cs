using System.Runtime.InteropServices;
using CrunSharp.Kernel;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Sockets;
using CrunSharp.Network.Addresses;
using CrunSharp.Network.Links;
using CrunSharp.Oci;

namespace CrunSharp.Network;

/// <summary>
/// The networks: those that are always there, and those that users made, a file for each. In the kernel there is
/// nothing of one until a container is connected to it.
/// </summary>
/// <param name="paths">Where networks keep their files.</param>
public sealed class NetworkStore(NetworkPaths paths)
{
    private const int MostNameLength = 128;
    private const int IdBytes = 32;

    // No name of a network, but Docker means the network "bridge" with it.
    private const string UsualName = "default";

    /// <summary>All networks: the predefined ones, and then the others by name.</summary>
    /// <exception cref="CrunException">The directory cannot be read.</exception>
    public IReadOnlyList<NetworkRecord> List() => [.. Predefined(), .. Defined()];

    /// <summary>A network by its id, its name, or the beginning of its id; null when there is none.</summary>
    /// <exception cref="CrunException">Several ids begin so.</exception>
    public NetworkRecord? TryFind(string nameOrId)
    {
        if (IsName(nameOrId) && TryRead(nameOrId) is { } named) return named;
        if (nameOrId.Length == 0) return null;
        NetworkRecord? found = null;
        var count = 0;
        foreach (var network in List())
        {
            if (network.Id == nameOrId || network.Name == nameOrId) return network;
            if (!network.Id.StartsWith(nameOrId, StringComparison.Ordinal)) continue;
            found = network;
            count++;
        }
        return count < 2 ? found : throw CrunException.Invalid($"network {nameOrId} is ambiguous ({count} matches found based on ID prefix)");
    }

    /// <summary>A network by its id, its name, or the beginning of its id.</summary>
    /// <exception cref="CrunException"><see cref="ErrorKind.NotFound"/> <c>network x not found</c>; or several ids begin so.</exception>
    public NetworkRecord Find(string nameOrId) => TryFind(nameOrId) ?? throw CrunException.NotFound($"network {nameOrId} not found");

    /// <summary>Makes a network.</summary>
    /// <param name="request">What is asked for.</param>
    /// <param name="time">The clock.</param>
    /// <exception cref="CrunException">
    /// <see cref="ErrorKind.Exists"/> when the name, the addresses or the bridge are taken; <see cref="ErrorKind.InvalidInput"/>
    /// when something is malformed.
    /// </exception>
    public NetworkRecord Create(NetworkRequest request, TimeProvider time)
    {
        if (request.Name is "bridge" or "host" or "none" or UsualName)
            throw new CrunException(ErrorKind.Denied, $"operation is not permitted on predefined {request.Name} network");
        if (!IsName(request.Name)) throw CrunException.Invalid($"invalid network name \"{request.Name}\": only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed");
        if (request.Driver != "bridge") throw CrunException.NotFound($"plugin \"{request.Driver}\" not found");
        NetworkOptions.Check(request.Options);
        var chosen = NetworkCheck.AddressesOf(request);
        FileAt.MakeDirectories(paths.Definitions);
        using var alone = FileLock.Exclusive(null, paths.DefinitionsLock);
        Sweep();
        if (TryRead(request.Name) is not null)
            throw CrunException.Exists($"network with name {request.Name} already exists");
        var id = KernelRandom.Hex(IdBytes);
        var bridge = request.Options.GetValueOrDefault(NetworkOptions.BridgeName) is { Length: > 0 } wished ? wished : $"br-{id[..12]}";
        var network = new NetworkRecord
        {
            Name = request.Name,
            Id = id,
            Created = time.GetUtcNow().ToString("yyyy-MM-ddTHH:mm:ss.fffffff'00Z'", System.Globalization.CultureInfo.InvariantCulture),
            Bridge = bridge,
            Subnet = (chosen ?? FreeSubnet()).ToString(),
            Gateway = request.Gateway ?? "",
            IpRange = request.IpRange ?? "",
            AuxAddresses = request.AuxAddresses,
            HasChosenSubnet = chosen is not null,
            IsInternal = request.IsInternal,
            IsAttachable = request.IsAttachable,
            Labels = request.Labels,
            Options = request.Options,
            Definition = paths.DefinitionOf(request.Name),
        };
        if (network.Gateway.Length == 0) network = network with { Gateway = Subnet.ToAddress(network.ParseSubnet().Gateway).ToString() };
        RefuseConflicts(network);
        AtomicFile.Write(null, network.Definition, NetworkJson.Network.Format(network), sent: true);
        return network;
    }

    /// <summary>Removes a network, and what there is of it in the kernel.</summary>
    /// <exception cref="CrunException">It is predefined, or a container that runs is connected to it.</exception>
    public void Remove(NetworkRecord network)
    {
        if (network.IsPredefined) throw new CrunException(ErrorKind.Denied, $"{network.Name} is a pre-defined network and cannot be removed");
        var bridge = BridgeNetwork.Open(paths, network);
        if (!bridge.TryUndefine())
            throw CrunException.WrongState($"error while removing network: network {network.Name} has active endpoints ({string.Join(", ", EndpointsOf(network).Select(Describe))})");
        HostNetwork.Remove(paths, network);
    }

    /// <summary>The containers that are connected to a network and live.</summary>
    /// <exception cref="CrunException">The files cannot be read.</exception>
    public IReadOnlyList<EndpointRecord> EndpointsOf(NetworkRecord network) =>
        [.. new EndpointStore(paths, network.Key).All().Where(static endpoint => endpoint.IsAlive).OrderBy(static endpoint => endpoint.ContainerId, StringComparer.Ordinal)];

    /// <summary>The default network, whose addresses are chosen if they are not yet.</summary>
    /// <exception cref="CrunException">The files cannot be written, or all addresses overlap the host's routes.</exception>
    public NetworkRecord Default() => WithId(BridgeNetwork.OpenDefault(paths).Record);

    /// <summary>Opens a network with a bridge, for a container.</summary>
    /// <exception cref="CrunException">There is none of that name, or the files cannot be written.</exception>
    public BridgeNetwork Open(string name) => name == BridgeNetwork.DefaultName ? BridgeNetwork.OpenDefault(paths) : BridgeNetwork.Open(paths, Find(name));

    /// <summary>Takes away what a container had in any network whose process was killed.</summary>
    /// <exception cref="CrunException">The kernel or the files refuse; then it can be tried again.</exception>
    public void Forget(string containerId)
    {
        foreach (var network in NetworkRecord.All(paths)) BridgeNetwork.Open(paths, network).Forget(containerId);
    }

    /// <summary>Takes away what is left in the kernel of networks whose removal was cut short.</summary>
    /// <exception cref="CrunException">The kernel or the files refuse; then it can be tried again.</exception>
    public void Sweep()
    {
        using (var definitions = FileAt.TryOpen(null, paths.Definitions, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY, out _))
            if (definitions is not null) AtomicFile.Sweep(definitions);
        foreach (var network in NetworkRecord.All(paths))
        {
            if (network.IsDefined || EndpointsOf(network).Count > 0) continue;
            HostNetwork.Remove(paths, network);
        }
    }

    /// <summary>The id of a predefined network, the same on every host and after every boot.</summary>
    public static string IdOfPredefined(string name) => Digest.Of(System.Text.Encoding.ASCII.GetBytes($"crun-sharp network {name}")).Hex;

    /// <summary>Whether a name may be a network's.</summary>
    public static bool IsName(string name) =>
        name.Length is > 0 and <= MostNameLength && char.IsAsciiLetterOrDigit(name[0])
        && !name.AsSpan().ContainsAnyExcept("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-");

    private NetworkRecord[] Predefined() =>
    [
        WithId(NetworkRecord.TryRead(paths, BridgeNetwork.DefaultName) ?? new NetworkRecord { Name = BridgeNetwork.DefaultName, Bridge = "", Subnet = "" }),
        WithId(new NetworkRecord { Name = "host", Driver = "host", Bridge = "", Subnet = "" }),
        WithId(new NetworkRecord { Name = "none", Driver = "null", Bridge = "", Subnet = "" }),
    ];

    private static NetworkRecord WithId(NetworkRecord network) => network with { Id = IdOfPredefined(network.Name) };

    private NetworkRecord? TryRead(string name) =>
        NetworkRecord.TryReadFile(paths.DefinitionOf(name)) is { } network && network.Name == name
            ? network with { Definition = paths.DefinitionOf(name) }
            : null;

    private List<NetworkRecord> Defined()
    {
        var networks = new List<NetworkRecord>();
        using var directory = FileAt.TryOpen(null, paths.Definitions, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY, out _);
        if (directory is null) return networks;
        foreach (var file in FileAt.List(directory))
            if (file[0] != '.' && file.EndsWith(".json", StringComparison.Ordinal) && TryRead(file[..^5]) is { } network) networks.Add(network);
        CollectionsMarshal.AsSpan(networks).Sort(static (a, b) => string.CompareOrdinal(a.Name, b.Name));
        return networks;
    }

    private Subnet FreeSubnet()
    {
        using var route = NetlinkSocket.Open(NetlinkProtocol.NETLINK_ROUTE);
        var taken = SubnetChoice.RoutesOf(route, 0);
        foreach (var other in NetworkRecord.All(paths)) taken.Add(other.ParseSubnet());
        foreach (var other in Defined()) taken.Add(other.ParseSubnet());
        return SubnetChoice.FirstFree(taken, isForUser: true);
    }

    private void RefuseConflicts(NetworkRecord network)
    {
        using var route = NetlinkSocket.Open(NetlinkProtocol.NETLINK_ROUTE);
        if (LinkMessages.TryGet(route, network.Bridge) is not null) throw CrunException.Exists($"the interface {network.Bridge} exists already", "create network");
        foreach (var other in (IEnumerable<NetworkRecord>)[.. NetworkRecord.All(paths), .. Defined()])
        {
            if (other.Bridge == network.Bridge)
                throw CrunException.Exists($"cannot create network {network.Id} ({network.Bridge}): conflicts with network {other.Id} ({other.Bridge}): networks have same bridge name");
            if (other.ParseSubnet().Overlaps(network.ParseSubnet()))
                throw CrunException.Exists("invalid pool request: Pool overlaps with other one on this address space");
        }
    }

    private static string Describe(EndpointRecord endpoint) =>
        $"name:\"{(endpoint.Names.Count > 0 ? endpoint.Names[0] : endpoint.Hostname)}\" id:\"{endpoint.ContainerId[..Math.Min(12, endpoint.ContainerId.Length)]}\"";
}
