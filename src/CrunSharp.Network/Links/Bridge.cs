using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Sockets;
using CrunSharp.Network.Addresses;
using CrunSharp.Oci;
using static CrunSharp.Kernel.Libc.IFLA;
using static CrunSharp.Kernel.Libc.NLM;
using static CrunSharp.Kernel.Libc.RTM;

namespace CrunSharp.Network.Links;

/// <summary>The switch on the host that a network's containers are plugged into.</summary>
internal static class Bridge
{
    /// <summary>The group of all interfaces that belong to containers, so that one message can remove them.</summary>
    public const uint Group = 0xC5;

    private const string Forwarding = "/proc/sys/net/ipv4/ip_forward";

    /// <summary>The bridge when it is complete; null when something about it must be done.</summary>
    /// <exception cref="CrunException">Another interface has its name.</exception>
    public static Link? TryGet(NetlinkSocket route, NetworkRecord network)
    {
        var name = network.Bridge;
        if (LinkMessages.TryGet(route, name) is not { } link) return null;
        if (link.Kind != "bridge") throw CrunException.Exists($"the interface {name} is no bridge", "set up network");
        // It goes up as the last step of Create, and its MAC address tells its IP address.
        return link.IsUp && link.Mac.AsSpan().SequenceEqual(Subnet.ToMac(network.ParseGateway())) ? link : null;
    }

    /// <summary>Makes the bridge, or completes one that was left half made.</summary>
    /// <exception cref="CrunException">The kernel refuses.</exception>
    public static void Create(NetlinkSocket route, NetworkRecord network)
    {
        var (name, subnet, gateway) = (network.Bridge, network.ParseSubnet(), network.ParseGateway());
        var mac = Subnet.ToMac(gateway);
        var messages = new NetlinkWriter();
        if (LinkMessages.TryGet(route, name) is null)
        {
            messages.Link(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, $"add bridge {name}")
                .AttributeText(IFLA_IFNAME, name).Attribute(IFLA_ADDRESS, mac)
                .AttributeUInt32(IFLA_MTU, network.Mtu ?? LinkMessages.MtuOfDefaultRoute(route));
            var info = messages.BeginNested(IFLA_LINKINFO);
            messages.AttributeText(IFLA_INFO_KIND, "bridge").End(info);
            route.Execute(messages);
        }
        var index = LinkMessages.TryGet(route, name)?.Index ?? throw CrunException.NotFound($"the bridge {name} went away", "set up network");
        messages.Clear();
        messages.Link(RTM_NEWLINK, NLM_F_ACK, $"turn off IPv6 of bridge {name}", index).WithoutLinkLocal();
        route.TryExecute(messages); // refused where the kernel has no IPv6
        messages.Clear();
        messages.Link(RTM_NEWLINK, NLM_F_ACK, $"set up bridge {name}", index).Attribute(IFLA_ADDRESS, mac)
            .WithIPv4Settings((IPV4_DEVCONF.IPV4_DEVCONF_ROUTE_LOCALNET, 1u), (IPV4_DEVCONF.IPV4_DEVCONF_RP_FILTER, 2u));
        messages.AddAddress(index, Subnet.ToAddress(gateway).GetAddressBytes(), subnet.PrefixLength, $"add address to bridge {name}");
        messages.Link(RTM_NEWLINK, NLM_F_ACK, $"bring up bridge {name}", index, up: true);
        route.Execute(messages);
    }

    /// <summary>Lets the host pass packets on, if it does not yet.</summary>
    /// <exception cref="CrunException">The setting cannot be written.</exception>
    public static void AllowForwarding()
    {
        if (KernelFile.Read(null, Forwarding).AsSpan().Trim() is "0") KernelFile.Write(null, Forwarding, "1");
    }

    /// <summary>Removes a bridge, if it is there.</summary>
    /// <exception cref="CrunException">The kernel refuses.</exception>
    public static void Remove(NetlinkSocket route, string name)
    {
        var message = new NetlinkWriter().Link(RTM_DELLINK, NLM_F_ACK, $"remove bridge {name}").AttributeText(IFLA_IFNAME, name);
        foreach (var error in route.TryExecute(message)) if (error.Errno != Errno.ENODEV) throw error.ToException();
    }

    /// <summary>Removes all interfaces of containers, and bridges.</summary>
    /// <exception cref="CrunException">The kernel refuses.</exception>
    public static void RemoveAll(NetlinkSocket route, IEnumerable<string> bridges)
    {
        var messages = new NetlinkWriter();
        messages.Link(RTM_DELLINK, NLM_F_ACK, "remove the interfaces of containers").AttributeUInt32(IFLA_GROUP, Group);
        foreach (var bridge in bridges) messages.Link(RTM_DELLINK, NLM_F_ACK, $"remove bridge {bridge}").AttributeText(IFLA_IFNAME, bridge);
        foreach (var error in route.TryExecute(messages)) if (error.Errno != Errno.ENODEV) throw error.ToException();
    }
}
