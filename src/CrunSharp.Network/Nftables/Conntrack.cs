using System.Buffers.Binary;
using System.Net;
using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Sockets;
using static CrunSharp.Kernel.Libc.CTA;

namespace CrunSharp.Network.Nftables;

/// <summary>
/// Forgets tracked connections. UDP has no end, so a client that goes on sending would otherwise stay with the
/// container that was there before, or with the host when there was none.
/// </summary>
internal static class Conntrack
{
    // CTA_FILTER_F_CTA_IP_SRC, _PROTO_NUM, _PROTO_DST_PORT: Linux 5.8, net/netfilter/nf_internals.h
    private const uint ByIpSource = 1, ByProtocol = 1 << 3, ByDestinationPort = 1 << 5;

    /// <summary>Forgets the connections to a published port, wherever they lead.</summary>
    public static NetlinkWriter ForgetPort(this NetlinkWriter writer, PortForward port)
    {
        Span<byte> number = stackalloc byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(number, port.HostPort);
        Begin(writer, $"forget connections to port {port.HostPort}", CTA_FILTER_ORIG_FLAGS, ByProtocol | ByDestinationPort);
        var tuple = writer.BeginNested(CTA_TUPLE_ORIG);
        var protocol = writer.BeginNested(CTA_TUPLE_PROTO);
        return writer.AttributeByte(CTA_PROTO_NUM, port.ProtocolNumber).Attribute(CTA_PROTO_DST_PORT, number).End(protocol).End(tuple);
    }

    /// <summary>Forgets the connections that a container answers.</summary>
    public static NetlinkWriter ForgetAnswersOf(this NetlinkWriter writer, IPAddress container)
    {
        Begin(writer, $"forget connections to {container}", CTA_FILTER_REPLY_FLAGS, ByIpSource);
        var tuple = writer.BeginNested(CTA_TUPLE_REPLY);
        var addresses = writer.BeginNested(CTA_TUPLE_IP);
        return writer.Attribute(CTA_IP_V4_SRC, container.GetAddressBytes()).End(addresses).End(tuple);
    }

    // struct nfgenmsg, then the filter; an old kernel refuses the message, and then the connections time out.
    private static void Begin(NetlinkWriter writer, string operation, ushort which, uint flags)
    {
        const ushort type = (NFNL.NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_DELETE;
        writer.Begin(type, NLM.NLM_F_ACK, operation).Byte(NF.NFPROTO_IPV4).Byte((byte)NFNL.NFNETLINK_V0).UInt16(0);
        var filter = writer.BeginNested(CTA_FILTER);
        writer.AttributeUInt32(which, flags).End(filter);
    }
}
