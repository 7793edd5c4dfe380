using System.Runtime.InteropServices;
using System.Text;
using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Sockets;
using CrunSharp.Oci;
using static CrunSharp.Kernel.Libc.IFLA;
using static CrunSharp.Kernel.Libc.NLM;
using static CrunSharp.Kernel.Libc.RTA;
using static CrunSharp.Kernel.Libc.RTM;

namespace CrunSharp.Network.Links;

/// <summary>What the kernel tells of an interface.</summary>
/// <param name="Index">Its number in its network namespace.</param>
/// <param name="IsUp">Whether it is up.</param>
/// <param name="Mtu">The largest packet in bytes.</param>
/// <param name="Mac">Its Ethernet address; empty when it has none.</param>
/// <param name="Kind">Its kind, such as <c>bridge</c>; empty for hardware.</param>
/// <param name="IsOperational">Whether it carries packets.</param>
internal sealed record Link(uint Index, bool IsUp, uint Mtu, byte[] Mac, string Kind, bool IsOperational);

/// <summary>The messages about interfaces, addresses and routes that a network needs.</summary>
internal static class LinkMessages
{
    private const byte InterNetwork = 2;   // AF_INET
    private const byte InterNetwork6 = 10; // AF_INET6
    private const int LinkHeader = 16;     // struct ifinfomsg

    /// <summary>Begins a message about an interface: <c>struct ifinfomsg</c>.</summary>
    public static NetlinkWriter Link(this NetlinkWriter writer, ushort type, int flags, string operation, uint index = 0, bool up = false) =>
        writer.Begin(type, (ushort)flags, operation).LinkHead(index, up);

    /// <summary>The fixed part of a message about an interface, also of a veth's peer.</summary>
    public static NetlinkWriter LinkHead(this NetlinkWriter writer, uint index = 0, bool up = false) =>
        writer.UInt32(0).UInt32(index).UInt32(up ? IFF.IFF_UP : 0).UInt32(up ? IFF.IFF_UP : 0);

    /// <summary>Turns off the link-local IPv6 address of an interface, which must be down.</summary>
    public static NetlinkWriter WithoutLinkLocal(this NetlinkWriter writer)
    {
        var families = writer.BeginNested(IFLA_AF_SPEC);
        var family = writer.BeginNested(InterNetwork6);
        return writer.AttributeByte(IFLA_INET6_ADDR_GEN_MODE, (byte)IN6_ADDR_GEN_MODE_NONE).End(family).End(families);
    }

    /// <summary>Sets values of <c>/proc/sys/net/ipv4/conf/IF</c>.</summary>
    public static NetlinkWriter WithIPv4Settings(this NetlinkWriter writer, params ReadOnlySpan<(ushort Setting, uint Value)> settings)
    {
        var families = writer.BeginNested(IFLA_AF_SPEC);
        var family = writer.BeginNested(InterNetwork);
        var values = writer.BeginNested(IFLA_INET_CONF);
        foreach (var (setting, value) in settings) writer.AttributeUInt32(setting, value);
        return writer.End(values).End(family).End(families);
    }

    /// <summary>Gives an interface an address, without asking whether others have it.</summary>
    public static NetlinkWriter AddAddress(this NetlinkWriter writer, uint index, ReadOnlySpan<byte> address, int prefixLength, string operation) =>
        // struct ifaddrmsg: family, prefixlen, flags, scope, index
        writer.Begin(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE | NLM_F_ACK, operation)
            .Byte(InterNetwork).Byte((byte)prefixLength).Byte(0).Byte((byte)RT_SCOPE_UNIVERSE).UInt32(index)
            .Attribute(IFA.IFA_LOCAL, address).Attribute(IFA.IFA_ADDRESS, address).AttributeUInt32(IFA.IFA_FLAGS, IFA.IFA_F_NODAD);

    /// <summary>Sends everything that has no other way through a gateway.</summary>
    public static NetlinkWriter AddDefaultRoute(this NetlinkWriter writer, uint index, ReadOnlySpan<byte> gateway) =>
        // struct rtmsg: family, dst_len, src_len, tos, table, protocol, scope, type, flags
        writer.Begin(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE | NLM_F_ACK, "add default route")
            .Byte(InterNetwork).Byte(0).Byte(0).Byte(0)
            .Byte((byte)RT_TABLE_MAIN).Byte((byte)RTPROT_STATIC).Byte((byte)RT_SCOPE_UNIVERSE).Byte((byte)RTN_UNICAST).UInt32(0)
            .Attribute(RTA_GATEWAY, gateway).AttributeUInt32(RTA_OIF, index);

    /// <summary>Looks at an interface; null when there is none of that name.</summary>
    /// <exception cref="CrunException">The kernel refuses to tell.</exception>
    public static Link? TryGet(NetlinkSocket route, string name) =>
        TryGet(route, new NetlinkWriter().Link(RTM_GETLINK, 0, $"look at interface {name}")
            .AttributeText(IFLA_IFNAME, name).AttributeUInt32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS));

    /// <summary>
    /// Waits until an interface that was brought up carries packets; the kernel lets a worker thread do that, and drops
    /// packets until then, so the first ARP request would be lost and cost a second.
    /// </summary>
    public static void WaitUntilOperational(NetlinkSocket route, string name)
    {
        // Linux 6.8 and later do the worker's work before they answer this question: one turn is enough.
        const int milliseconds = 100;
        SpinWait.SpinUntil(() => TryGet(route, name) is null or { IsOperational: true }, milliseconds);
    }

    /// <summary>The MTU of the interface that leads out of the host; 1500 when none does.</summary>
    public static uint MtuOfDefaultRoute(NetlinkSocket route)
    {
        var request = new NetlinkWriter().Begin(RTM_GETROUTE, NLM_F_DUMP, "list routes").Byte(InterNetwork).Byte(0).UInt16(0).UInt32(0).UInt32(0);
        uint? index = null;
        route.Dump<object>(request, body =>
        {
            var attributes = NetlinkAttributes.After(body, 12);
            if (body[0] == InterNetwork && body[1] == 0 && body[7] == RTN_UNICAST && attributes.FindUInt32(RTA_OIF) is { } through) index ??= through;
            return null;
        });
        return index is { } found && TryGet(route, new NetlinkWriter().Link(RTM_GETLINK, 0, "look at interface", found)) is { } link
            ? link.Mtu
            : 1500;
    }

    private static Link? TryGet(NetlinkSocket route, NetlinkWriter request)
    {
        var body = route.TryGet(request, out var errno);
        if (body is null) return errno is Errno.ENODEV or Errno.ENOENT ? null : throw new CrunException(ErrorKind.System, "", "look at interface", errno);
        var attributes = NetlinkAttributes.After(body, LinkHeader);
        return new Link(
            MemoryMarshal.Read<uint>(body.AsSpan(4)),
            (MemoryMarshal.Read<uint>(body.AsSpan(8)) & IFF.IFF_UP) != 0,
            attributes.FindUInt32(IFLA_MTU) ?? 1500,
            attributes.TryFind(IFLA_ADDRESS, out var mac) ? mac.ToArray() : [],
            attributes.FindNested(IFLA_LINKINFO).TryFind(IFLA_INFO_KIND, out var kind) ? Encoding.ASCII.GetString(kind.TrimEnd((byte)0)) : "",
            attributes.TryFind(IFLA_OPERSTATE, out var state) && state is [(byte)IFF.IF_OPER_UP, ..]);
    }
}
