using System.Runtime.InteropServices;
using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Namespaces;
using CrunSharp.Kernel.Sockets;
using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Runtime.Init;

/// <summary>Moves network devices of the host into a container, with their permanent addresses, and brings them up there.</summary>
/// <seealso href="https://github.com/opencontainers/runtime-spec/blob/main/config-linux.md#network-devices"/>
internal sealed class NetworkDevices : IDisposable
{
    private const string Spec = "config-linux.md#network-devices";
    private const int LinkHeader = 16;    // struct ifinfomsg
    private const int AddressHeader = 8;  // struct ifaddrmsg
    private const uint Permanent = 0x80;  // IFA_F_PERMANENT

    private readonly SafeFileHandle _hostSpace, _theirSpace;
    private readonly NetlinkSocket _host, _theirs;

    private NetworkDevices(SafeFileHandle hostSpace, SafeFileHandle theirSpace)
    {
        (_hostSpace, _theirSpace) = (hostSpace, theirSpace);
        _host = NetlinkSocket.Open(NetlinkProtocol.NETLINK_ROUTE);
        _theirs = NetworkNamespace.OpenNetlink(theirSpace, NetlinkProtocol.NETLINK_ROUTE);
    }

    /// <summary>Moves devices.</summary>
    /// <param name="devices">Their names on the host, and what they are to be called.</param>
    /// <param name="pid">A process of the container.</param>
    /// <exception cref="CrunException">One does not exist, or its name is taken; those moved before are back.</exception>
    public static void Move(IReadOnlyDictionary<string, NetDeviceSpec> devices, int pid)
    {
        using var hostSpace = NetworkNamespace.OpenCurrent();
        using var theirSpace = NetworkNamespace.Open(pid);
        if (NetworkNamespace.AreSame(hostSpace, theirSpace))
            throw CrunException.Invalid("the container has the host's network namespace", "move network devices", Spec);
        using var moving = new NetworkDevices(hostSpace, theirSpace);
        var moved = new List<Device>();
        try
        {
            foreach (var (host, device) in devices)
                moved.Add(moving.Move(host, device.Name is { Length: > 0 } name ? name : host));
        }
        catch
        {
            foreach (var device in moved) moving.Return(device);
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _host.Dispose();
        _theirs.Dispose();
    }

    private Device Move(string host, string name)
    {
        var operation = $"move network device {host}";
        var (index, isUp) = Find(_host, host) ?? throw CrunException.NotFound($"the host has no network device {host}", operation);
        if (Find(_theirs, name) is not null) throw CrunException.Exists($"the container has a network device {name} already", operation);
        var addresses = AddressesOf(index);
        // By a name that nobody has it is found there: its number may become another.
        var onTheWay = $"crun{Random.Shared.Next():x8}";
        _host.Execute(Link(index, operation).AttributeUInt32(IFLA.IFLA_NET_NS_FD, (uint)_theirSpace.DangerousGetHandle()).AttributeText(IFLA.IFLA_IFNAME, onTheWay));
        var there = Find(_theirs, onTheWay)?.Index ?? throw new CrunException(ErrorKind.System, "it is lost", operation);
        var device = new Device(host, there, isUp, addresses);
        try
        {
            _theirs.Execute(Link(there, operation).AttributeText(IFLA.IFLA_IFNAME, name));
            foreach (var address in addresses) AddAddress(_theirs, there, address, operation);
            _theirs.Execute(Link(there, operation, up: true));
            return device;
        }
        catch
        {
            Return(device);
            throw;
        }
    }

    // As it was, as far as that can be: the failure that led here is the one to report.
    private void Return(Device device)
    {
        var operation = $"give network device {device.Name} back";
        _theirs.TryExecute(Link(device.Index, operation).AttributeUInt32(IFLA.IFLA_NET_NS_FD, (uint)_hostSpace.DangerousGetHandle()).AttributeText(IFLA.IFLA_IFNAME, device.Name));
        if (Find(_host, device.Name) is not { } back) return;
        _host.TryExecute(Link(back.Index, operation).AttributeText(IFLA.IFLA_IFNAME, device.Name));
        foreach (var address in device.Addresses)
        {
            try
            {
                AddAddress(_host, back.Index, address, operation);
            }
            catch (CrunException)
            {
                // the next one
            }
        }
        if (device.IsUp) _host.TryExecute(Link(back.Index, operation, up: true));
    }

    private static NetlinkWriter Link(uint index, string operation, bool up = false) =>
        new NetlinkWriter().Begin(RTM.RTM_SETLINK, NLM.NLM_F_ACK, operation).UInt32(0).UInt32(index).UInt32(up ? IFF.IFF_UP : 0).UInt32(up ? IFF.IFF_UP : 0);

    private static (uint Index, bool IsUp)? Find(NetlinkSocket route, string name)
    {
        // A pattern is no name.
        if (name.Contains('%', StringComparison.Ordinal)) return null;
        var request = new NetlinkWriter().Begin(RTM.RTM_GETLINK, 0, $"look at network device {name}").UInt32(0).UInt32(0).UInt32(0).UInt32(0)
            .AttributeText(IFLA.IFLA_IFNAME, name);
        var body = route.TryGet(request, out var errno);
        if (body is { Length: >= LinkHeader }) return (MemoryMarshal.Read<uint>(body.AsSpan(4)), (MemoryMarshal.Read<uint>(body.AsSpan(8)) & IFF.IFF_UP) != 0);
        return errno is Errno.ENODEV or Errno.None ? null : throw new CrunException(ErrorKind.System, "", $"look at network device {name}", errno);
    }

    private List<byte[]> AddressesOf(uint index)
    {
        var request = new NetlinkWriter().Begin(RTM.RTM_GETADDR, NLM.NLM_F_DUMP, "list addresses").UInt32(0).UInt32(index);
        return _host.Dump<byte[]>(request, body =>
        {
            if (body.Length < AddressHeader || MemoryMarshal.Read<uint>(body[4..]) != index || body[3] != RTA.RT_SCOPE_UNIVERSE) return null;
            var flags = NetlinkAttributes.After(body, AddressHeader).FindUInt32(IFA.IFA_FLAGS) ?? body[2];
            return (flags & Permanent) != 0 ? body.ToArray() : null;
        });
    }

    private static void AddAddress(NetlinkSocket route, uint index, byte[] address, string operation)
    {
        var message = new NetlinkWriter().Begin(RTM.RTM_NEWADDR, NLM.NLM_F_CREATE | NLM.NLM_F_REPLACE | NLM.NLM_F_ACK, operation)
            .Byte(address[0]).Byte(address[1]).Byte(0).Byte(address[3]).UInt32(index);
        foreach (var attribute in NetlinkAttributes.After(address, AddressHeader))
        {
            if (attribute.Type is IFA.IFA_ADDRESS or IFA.IFA_LOCAL or IFA.IFA_BROADCAST) message.Attribute(attribute.Type, attribute.Value);
        }
        route.Execute(message);
    }

    private sealed record Device(string Name, uint Index, bool IsUp, List<byte[]> Addresses);
}
