using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Sockets;
using CrunSharp.Network.Addresses;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;
using static CrunSharp.Kernel.Libc.IFLA;
using static CrunSharp.Kernel.Libc.NLM;
using static CrunSharp.Kernel.Libc.RTM;

namespace CrunSharp.Network.Links;

/// <summary>The cable between a bridge and a container: one end is a port of the bridge, the other the container's eth0.</summary>
internal static class VethPair
{
    /// <summary>The name of the container's end.</summary>
    public const string ContainerInterface = "eth0";

    private const string Base32 = "abcdefghijklmnopqrstuvwxyz234567";
    private const ushort Hairpin = IFLA_BRPORT_MODE; // a frame may leave through the port it came from

    /// <summary>A name that no interface has: <c>cs</c> and 12 random characters.</summary>
    public static string RandomName() => string.Create(14, Guid.NewGuid(), static (name, guid) =>
    {
        // Random bytes of the kernel; .NET's own generator would load OpenSSL for them, which takes milliseconds.
        Span<byte> random = stackalloc byte[16];
        guid.TryWriteBytes(random);
        "cs".CopyTo(name);
        // Bytes 6 to 8 hold the GUID's version and variant.
        for (var i = 0; i < 12; i++) name[2 + i] = Base32[random[i < 6 ? i : i + 3] & 31];
    });

    /// <summary>Makes the pair with one end in the bridge and up, the other in the container's network namespace and down.</summary>
    /// <exception cref="CrunException">The kernel refuses; <see cref="Errno.EXFULL"/> when the bridge has 1023 ports.</exception>
    public static void Create(NetlinkSocket route, EndpointLease lease, Link bridge, SafeFileHandle containerNamespace)
    {
        var name = lease.HostInterface;
        var messages = new NetlinkWriter();
        messages.Link(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, $"connect container to network {lease.NetworkName}")
            .AttributeText(IFLA_IFNAME, name).AttributeUInt32(IFLA_MTU, bridge.Mtu)
            .AttributeUInt32(IFLA_MASTER, bridge.Index).AttributeUInt32(IFLA_GROUP, Bridge.Group);
        var info = messages.BeginNested(IFLA_LINKINFO);
        var data = messages.AttributeText(IFLA_INFO_KIND, "veth").BeginNested(IFLA_INFO_DATA);
        var peer = messages.BeginNested(VETH.VETH_INFO_PEER);
        messages.LinkHead().AttributeText(IFLA_IFNAME, ContainerInterface).AttributeUInt32(IFLA_MTU, bridge.Mtu)
            .Attribute(IFLA_ADDRESS, Subnet.ToMac(Subnet.ToNumber(lease.Address)))
            .AttributeUInt32(IFLA_NET_NS_FD, (uint)containerNamespace.DangerousGetHandle())
            .End(peer).End(data).End(info);

        messages.Link(RTM_NEWLINK, NLM_F_ACK, $"set hairpin mode of {name}").AttributeText(IFLA_IFNAME, name);
        info = messages.BeginNested(IFLA_LINKINFO);
        data = messages.AttributeText(IFLA_INFO_SLAVE_KIND, "bridge").BeginNested(IFLA_INFO_SLAVE_DATA);
        messages.AttributeByte(Hairpin, 1).End(data).End(info);

        messages.Link(RTM_NEWLINK, NLM_F_ACK, $"turn off IPv6 of {name}").AttributeText(IFLA_IFNAME, name).WithoutLinkLocal();
        var optional = messages.Count - 1; // refused where the kernel has no IPv6
        messages.Link(RTM_NEWLINK, NLM_F_ACK, $"bring up {name}", up: true).AttributeText(IFLA_IFNAME, name);

        foreach (var error in route.TryExecute(messages))
        {
            if (error.Message == optional) continue;
            throw error.Errno == Errno.EXFULL
                ? new CrunException(ErrorKind.Exists, $"network {lease.NetworkName} is full (1023 endpoints)", error.Operation)
                : error.ToException();
        }
    }

    /// <summary>Brings the container's end to life: lo and eth0 up, address, default route.</summary>
    /// <param name="inside">A connection to the kernel about the container's network namespace.</param>
    /// <param name="lease">The container's address.</param>
    /// <exception cref="CrunException">The kernel refuses.</exception>
    public static void SetUpInside(NetlinkSocket inside, EndpointLease lease)
    {
        var index = LinkMessages.TryGet(inside, ContainerInterface)?.Index
            ?? throw CrunException.NotFound($"{ContainerInterface} went away", "connect container");
        const uint loopback = 1;
        var messages = new NetlinkWriter();
        messages.Link(RTM_NEWLINK, NLM_F_ACK, "bring up lo", loopback, up: true);
        messages.Link(RTM_NEWLINK, NLM_F_ACK, $"bring up {ContainerInterface}", index, up: true);
        messages.AddAddress(index, lease.Address.GetAddressBytes(), lease.PrefixLength, $"add address {lease.Address}");
        if (!lease.IsInternal) messages.AddDefaultRoute(index, lease.Gateway.GetAddressBytes());
        inside.Execute(messages);
    }

    /// <summary>Waits until packets go through the pair and the bridge.</summary>
    /// <param name="route">The connection about the host's interfaces.</param>
    /// <param name="inside">The connection about the container's.</param>
    /// <param name="lease">The container.</param>
    /// <param name="bridge">The name of the bridge, if it had no other ports.</param>
    public static void WaitUntilOperational(NetlinkSocket route, NetlinkSocket inside, EndpointLease lease, string? bridge)
    {
        LinkMessages.WaitUntilOperational(inside, ContainerInterface);
        LinkMessages.WaitUntilOperational(route, lease.HostInterface);
        if (bridge is not null) LinkMessages.WaitUntilOperational(route, bridge);
    }

    /// <summary>Removes the pair, when connecting failed half way. Otherwise the kernel does it when the namespace ends.</summary>
    public static void Remove(NetlinkSocket route, string name) =>
        route.TryExecute(new NetlinkWriter().Link(RTM_DELLINK, NLM_F_ACK, $"remove {name}").AttributeText(IFLA_IFNAME, name));
}
