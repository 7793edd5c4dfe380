using System.Net;
using System.Net.Sockets;
using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Sockets;
using CrunSharp.Network.Links;
using CrunSharp.Network.Nftables;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;
using static CrunSharp.Kernel.Libc.NF;
using static CrunSharp.Kernel.Libc.NFT;
using static CrunSharp.Kernel.Libc.NLM;
using static CrunSharp.Kernel.Libc.RTM;

namespace CrunSharp.Network.Names;

/// <summary>
/// The sockets of 127.0.0.11 in a container. They have ports of their own, to which a rule in the container's namespace
/// leads what is sent to port 53: so the container can serve names itself.
/// </summary>
internal sealed class NameSockets : IDisposable
{
    private const string Table = "crunsharp_names";
    private const ushort Port = 53;
    private const int Backlog = 16;
    private const int DestinationNat = -100; // priority
    private const byte TcpNumber = 6, UdpNumber = 17;

    private NameSockets(SafeFileHandle udp, SafeFileHandle tcp) => (Udp, Tcp) = (udp, tcp);

    /// <summary>The address at which containers ask.</summary>
    public static IPAddress Address { get; } = new([127, 0, 0, 11]);

    /// <summary>Gets single questions.</summary>
    public SafeFileHandle Udp { get; }

    /// <summary>Gets connections.</summary>
    public SafeFileHandle Tcp { get; }

    /// <summary>Makes them in the calling thread's network namespace.</summary>
    /// <param name="route">A connection to the kernel about that.</param>
    /// <exception cref="CrunException">The kernel refuses.</exception>
    public static NameSockets Open(NetlinkSocket route)
    {
        const uint loopback = 1;
        route.Execute(new NetlinkWriter().Link(RTM_NEWLINK, NLM_F_ACK, "bring up lo", loopback, up: true));
        var sockets = new NameSockets(Bind(Transport.Udp), Bind(Transport.Tcp));
        try
        {
            var errno = InetSocket.Listen(sockets.Tcp, Backlog);
            if (errno != Errno.None) throw new CrunException(ErrorKind.System, "", $"listen at {Address}", errno);
            using var netfilter = NetlinkSocket.Open(NetlinkProtocol.NETLINK_NETFILTER);
            var batch = new NftBatch(NFPROTO_IPV4, Table);
            batch.AddTable("crun-sharp: names of containers");
            batch.AddChain("out", "nat", NF_INET_LOCAL_OUT, DestinationNat);
            AddRule(batch, UdpNumber, InetSocket.PortOf(sockets.Udp));
            AddRule(batch, TcpNumber, InetSocket.PortOf(sockets.Tcp));
            batch.Execute(netfilter);
            return sockets;
        }
        catch
        {
            sockets.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        Udp.Dispose();
        Tcp.Dispose();
    }

    // ip daddr 127.0.0.11 meta l4proto PROTOCOL th dport 53 dnat to 127.0.0.11:PORT
    private static void AddRule(NftBatch batch, byte protocol, ushort port) =>
        batch.AddRule("out").Payload(NFT_PAYLOAD_NETWORK_HEADER, 16, 4, NFT_REG_1).Equal(NFT_REG_1, Address.GetAddressBytes())
            .Meta(NFT_META_L4PROTO, NFT_REG_1).Equal(NFT_REG_1, [protocol])
            .Payload(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, NFT_REG_1).Equal(NFT_REG_1, [0, (byte)Port])
            .Load(NFT_REG_1, Address.GetAddressBytes()).Load(NFT_REG_2, [(byte)(port >> 8), (byte)port])
            .DestinationNat(NFPROTO_IPV4, NFT_REG_1, NFT_REG_2).End();

    private static SafeFileHandle Bind(Transport transport)
    {
        var socket = InetSocket.TryOpen(AddressFamily.InterNetwork, transport, out var errno);
        if (socket is not null) errno = InetSocket.Bind(socket, new IPEndPoint(Address, 0));
        if (socket is not null && errno == Errno.None) return socket;
        socket?.Dispose();
        throw new CrunException(ErrorKind.System, "", $"bind to {Address}", errno);
    }
}
