using System.Buffers.Binary;
using CrunSharp.Kernel.Sockets;
using CrunSharp.Network.Links;
using CrunSharp.Oci;
using static CrunSharp.Kernel.Libc.NLM;
using static CrunSharp.Kernel.Libc.RTA;
using static CrunSharp.Kernel.Libc.RTM;

namespace CrunSharp.Network.Addresses;

/// <summary>Finds addresses for a new network that nothing on the host uses.</summary>
internal static class SubnetChoice
{
    private const byte InterNetwork = 2; // AF_INET

    /// <summary>The first range of 10.88.0.0/16, 10.89.0.0/24, 10.89.1.0/24 … that overlaps none of <paramref name="taken"/>.</summary>
    /// <param name="taken">What is in use.</param>
    /// <param name="isForUser">Whether the first of them is left to the default network.</param>
    /// <exception cref="CrunException">All are taken.</exception>
    public static Subnet FirstFree(IReadOnlyList<Subnet> taken, bool isForUser = false)
    {
        foreach (var candidate in Candidates())
        {
            if (isForUser && candidate.PrefixLength == 16) continue;
            var isFree = true;
            foreach (var other in taken) isFree &= !candidate.Overlaps(other);
            if (isFree) return candidate;
        }
        throw CrunException.Exists("the host's routes overlap every range from 10.88.0.0/16 to 10.255.255.0/24", "choose subnet");
    }

    /// <summary>The destinations of the host's IPv4 routes, but for default routes and those through <paramref name="ignoredBridge"/>.</summary>
    /// <param name="route">The connection to the kernel.</param>
    /// <param name="ignoredBridge">The index of an interface; 0 for none.</param>
    public static List<Subnet> RoutesOf(NetlinkSocket route, uint ignoredBridge) =>
        List(route, through => ignoredBridge == 0 || through != ignoredBridge);

    /// <summary>The addresses of a network whose bridge is complete: a route leads to them, and its MAC address tells the gateway's.</summary>
    /// <returns>Null when the bridge is not complete.</returns>
    public static Subnet? OfBridge(NetlinkSocket route, Link bridge)
    {
        foreach (var subnet in List(route, through => through == bridge.Index))
            if (subnet.PrefixLength is >= 8 and <= 30 && bridge.Mac.AsSpan().SequenceEqual(Subnet.ToMac(subnet.Gateway))) return subnet;
        return null;
    }

    private static List<Subnet> List(NetlinkSocket route, Func<uint?, bool> isWanted)
    {
        var subnets = new List<Subnet>();
        // struct rtmsg: family, dst_len, src_len, tos, table, protocol, scope, type, flags
        var request = new NetlinkWriter().Begin(RTM_GETROUTE, NLM_F_DUMP, "list routes").Byte(InterNetwork).Byte(0).UInt16(0).UInt32(0).UInt32(0);
        route.Dump<object>(request, body =>
        {
            var attributes = NetlinkAttributes.After(body, 12);
            var length = body[1];
            if (body[0] != InterNetwork || length is 0 or > 32 || !attributes.TryFind(RTA_DST, out var to) || to.Length != 4) return null;
            if (isWanted(attributes.FindUInt32(RTA_OIF)))
                subnets.Add(new Subnet(BinaryPrimitives.ReadUInt32BigEndian(to), length));
            return null;
        });
        return subnets;
    }

    private static IEnumerable<Subnet> Candidates()
    {
        yield return new Subnet(0x0a580000, 16);
        for (var first = 0x0a590000u; first <= 0x0affff00; first += 256) yield return new Subnet(first, 24);
    }
}
