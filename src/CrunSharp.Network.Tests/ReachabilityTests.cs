using System.Net;
using System.Net.Sockets;
using CrunSharp.Kernel.Files;

namespace CrunSharp.Network.Tests;

/// <summary>Who reaches whom: the promises of the rules, each with a packet that is really sent.</summary>
[Category("needs-root")]
[TestFixture(0)]
[TestFixture(1)]
public class ReachabilityTests(int bridgeFilter)
{
#pragma warning disable NUnit1032 // the host owns them
    private PrivateHost _host = null!;
    private Machine _outside = null!;
    private TestContainer _web = null!;
    private TestContainer _neighbour = null!;
#pragma warning restore NUnit1032

    [OneTimeSetUp]
    public void MakeHost()
    {
        _host = new PrivateHost();
        _outside = _host.AddOutside();
        var network = _host.Open();
        _web = _host.Start(network, "web",
            new PortForward { HostPort = 8080, ContainerPort = 80 },
            new PortForward { HostPort = 5353, ContainerPort = 53, Protocol = PortProtocol.Udp },
            new PortForward { HostIp = IPAddress.Loopback, HostPort = 8081, ContainerPort = 80 },
            new PortForward { HostIp = IPAddress.Parse("192.0.2.1"), HostPort = 8082, ContainerPort = 80 });
        _neighbour = _host.Start(network, "neighbour");
        _web.Serve(80);
        _web.Serve(81);
        _web.Serve(53, ProtocolType.Udp);
        // A service of the host's own, for nobody else; and one outside.
        _host.Own(EchoServer.Start(_host.Machine, IPAddress.Loopback, 6000, "secret"));
        _host.Own(EchoServer.Start(_outside, IPAddress.Any, 7000, "outside"));
        // Docker hosts let bridged frames through netfilter; without the module it is as if it were 0.
        var errno = _host.Machine.Run(() => KernelFile.TryWrite(null, "/proc/sys/net/bridge/bridge-nf-call-iptables", $"{bridgeFilter}"));
        if (errno != Oci.Errno.None && bridgeFilter == 1) Assert.Ignore("this kernel has no bridge-nf-call-iptables");
    }

    [OneTimeTearDown]
    public void RemoveHost() => _host?.Dispose();

    [Test]
    public void From_outside_a_published_port_is_reached_with_the_clients_address() =>
        Assert.That(Ask.Tcp(_outside, "192.0.2.1", 8080), Is.EqualTo("web 192.0.2.2"));

    [Test]
    public void From_outside_a_published_UDP_port_is_reached() =>
        Assert.That(Ask.Udp(_outside, "192.0.2.1", 5353), Is.EqualTo("web 192.0.2.2"));

    [Test]
    public void From_localhost_a_published_port_is_reached() =>
        Assert.That(Ask.Tcp(_host.Machine, "127.0.0.1", 8080), Is.EqualTo("web 10.88.0.1"));

    [Test]
    public void From_localhost_a_published_UDP_port_is_reached() =>
        Assert.That(Ask.Udp(_host.Machine, "127.0.0.1", 5353), Is.EqualTo("web 10.88.0.1"));

    [Test]
    public void From_another_address_of_127_a_published_port_is_reached() =>
        Assert.That(Ask.Tcp(_host.Machine, "127.1.2.3", 8080), Is.EqualTo("web 10.88.0.1"));

    [Test]
    public void From_the_host_its_own_addresses_lead_to_a_published_port([Values("192.0.2.1", "10.88.0.1")] string address) =>
        Assert.That(Ask.Tcp(_host.Machine, address, 8080), Does.StartWith("web "));

    [Test]
    public void From_IPv6_localhost_a_published_port_is_reached_by_the_relay() =>
        Assert.That(Ask.Tcp(_host.Machine, "::1", 8080), Is.EqualTo("web 10.88.0.1"));

    [Test]
    public void From_the_host_the_container_itself_is_reached() =>
        Assert.That(Ask.Tcp(_host.Machine, "10.88.0.2", 81), Is.EqualTo("web 10.88.0.1"));

    [Test]
    public void A_container_reaches_its_own_published_port([Values("192.0.2.1", "10.88.0.1")] string address) =>
        Assert.That(Ask.Tcp(_web.Machine, address, 8080), Does.StartWith("web "));

    [Test]
    public void A_container_reaches_a_neighbours_published_port([Values("192.0.2.1", "10.88.0.1")] string address) =>
        Assert.That(Ask.Tcp(_neighbour.Machine, address, 8080), Does.StartWith("web "));

    [Test]
    public void A_container_reaches_a_neighbours_published_UDP_port() =>
        Assert.That(Ask.Udp(_neighbour.Machine, "192.0.2.1", 5353), Does.StartWith("web "));

    [Test]
    public void A_container_reaches_a_neighbour_directly() =>
        Assert.That(Ask.Tcp(_neighbour.Machine, "10.88.0.2", 81), Is.EqualTo("web 10.88.0.3"));

    [Test]
    public void A_container_goes_out_as_the_host() =>
        Assert.That(Ask.Tcp(_web.Machine, "192.0.2.2", 7000), Is.EqualTo("outside 192.0.2.1"));

    [Test]
    public void From_outside_a_port_that_is_not_published_is_not_reached() => Assert.Multiple(() =>
    {
        Assert.That(Ask.Tcp(_outside, "192.0.2.1", 81, 300), Is.EqualTo("refused"));
        Assert.That(Ask.Tcp(_outside, "10.88.0.2", 81, 300), Is.EqualTo("timeout"), "by a route to the container");
        Assert.That(Ask.Tcp(_outside, "10.88.0.2", 80, 300), Is.EqualTo("timeout"), "by a route to the container");
    });

    [Test]
    public void A_port_published_on_localhost_is_reached_from_there_only() => Assert.Multiple(() =>
    {
        Assert.That(Ask.Tcp(_host.Machine, "127.0.0.1", 8081), Does.StartWith("web "));
        Assert.That(Ask.Tcp(_host.Machine, "192.0.2.1", 8081, 300), Is.EqualTo("refused"));
        Assert.That(Ask.Tcp(_outside, "192.0.2.1", 8081, 300), Is.EqualTo("refused"));
        Assert.That(Ask.Tcp(_neighbour.Machine, "10.88.0.1", 8081, 300), Is.EqualTo("refused"));
        Assert.That(Ask.Tcp(_host.Machine, "::1", 8081, 300), Is.EqualTo("refused"));
    });

    [Test]
    public void A_port_published_on_one_address_is_reached_there_only() => Assert.Multiple(() =>
    {
        Assert.That(Ask.Tcp(_outside, "192.0.2.1", 8082), Is.EqualTo("web 192.0.2.2"));
        Assert.That(Ask.Tcp(_host.Machine, "192.0.2.1", 8082), Does.StartWith("web "));
        Assert.That(Ask.Tcp(_host.Machine, "127.0.0.1", 8082, 300), Is.EqualTo("refused"));
    });

    [Test]
    public void A_neighbour_of_the_host_cannot_reach_ports_published_on_localhost()
    {
        RouteLocalhost(_outside, "192.0.2.1");
        Assert.That(Ask.Tcp(_outside, "127.0.0.1", 8081, 300), Is.EqualTo("timeout"));
        Assert.That(Ask.Tcp(_outside, "127.0.0.1", 6000, 300), Is.EqualTo("timeout"));
    }

    [Test]
    public void A_container_with_NET_ADMIN_cannot_reach_the_hosts_localhost_services()
    {
        // The attack that route_localnet opens: send packets for 127.0.0.0/8 out of eth0.
        RouteLocalhost(_neighbour.Machine, "10.88.0.1");
        Assert.That(Ask.Tcp(_host.Machine, "127.0.0.1", 6000), Is.EqualTo("secret 127.0.0.1"));
        Assert.That(Ask.Tcp(_neighbour.Machine, "127.0.0.1", 6000, 300), Is.EqualTo("timeout"));
        // The control: without the rule the attack succeeds, so this test tests something.
        _host.Machine.Tool("nft", "flush", "chain", "inet", "crunsharp", "raw_pre");
        Assert.That(Ask.Tcp(_neighbour.Machine, "127.0.0.1", 6000), Is.EqualTo("secret 10.88.0.3"));
        _host.Machine.Tool("nft", "add", "rule", "inet", "crunsharp", "raw_pre", "iifname != lo ip daddr 127.0.0.0/8 drop");
    }

    // Sends packets for 127.0.0.0/8 out of eth0.
    private static void RouteLocalhost(Machine machine, string gateway)
    {
        machine.Tool("ip", "addr", "flush", "dev", "lo");
        machine.Tool("ip", "route", "replace", "127.0.0.0/8", "via", gateway);
        machine.Run(() => KernelFile.Write(null, "/proc/sys/net/ipv4/conf/eth0/route_localnet", "1"));
    }
}
