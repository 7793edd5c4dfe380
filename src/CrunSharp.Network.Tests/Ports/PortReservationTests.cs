using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using CrunSharp.Oci;

namespace CrunSharp.Network.Tests.Ports;

[Category("needs-root")]
public class PortReservationTests
{
    private PrivateHost _host = null!;
    private BridgeNetwork _network = null!;

    [SetUp]
    public void MakeHost()
    {
        _host = new PrivateHost();
        _network = _host.Open();
    }

    [TearDown]
    public void RemoveHost() => _host.Dispose();

    private PortReservation Reserve(params PortForward[] ports) => _host.Machine.Run(() => _network.Reserve(ports));

    [TestCase(PortProtocol.Tcp, "127.0.0.1", null, "0.0.0.0:8080")]
    [TestCase(PortProtocol.Tcp, "0.0.0.0", "127.0.0.1", "127.0.0.1:8080")]
    [TestCase(PortProtocol.Tcp, "::", null, "0.0.0.0:8080")]
    [TestCase(PortProtocol.Udp, "0.0.0.0", null, "0.0.0.0:8080")]
    public void A_port_in_use_is_told_in_Dockers_words(PortProtocol protocol, string used, string? wanted, string named)
    {
        using var user = _host.Machine.Run(() =>
        {
            var address = IPAddress.Parse(used);
            var socket = protocol == PortProtocol.Tcp
                ? new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp)
                : new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
            socket.Bind(new IPEndPoint(address, 8080));
            if (protocol == PortProtocol.Tcp) socket.Listen();
            return socket;
        });
        var port = new PortForward { HostIp = wanted is null ? null : IPAddress.Parse(wanted), HostPort = 8080, ContainerPort = 80, Protocol = protocol };
        Assert.That(() => Reserve(port), Throws.TypeOf<CrunException>()
            .With.Message.EqualTo($"Bind for {named} failed: port is already allocated").And.Property("Kind").EqualTo(ErrorKind.Exists));
    }

    [Test]
    public void A_reserved_port_cannot_be_taken_and_is_free_again_afterwards([Values] PortProtocol protocol)
    {
        if (protocol == PortProtocol.Sctp && !File.Exists("/proc/sys/net/sctp/max_burst")) Assert.Ignore("this kernel has no SCTP");
        var port = new PortForward { HostPort = 8080, ContainerPort = 80, Protocol = protocol };
        using (Reserve(port)) Assert.That(() => Reserve(port), Throws.TypeOf<CrunException>());
        using var again = Reserve(port);
        Assert.That(again.Ports, Is.EqualTo(new[] { port }));
    }

    [Test]
    public void The_same_number_is_free_for_the_other_protocol()
    {
        using var both = Reserve(
            new PortForward { HostPort = 53, ContainerPort = 53, Protocol = PortProtocol.Udp },
            new PortForward { HostPort = 53, ContainerPort = 53 });
        Assert.That(both.Ports, Has.Count.EqualTo(2));
    }

    [Test]
    public void Of_a_range_the_first_free_port_is_taken([Values(PortProtocol.Tcp, PortProtocol.Udp)] PortProtocol protocol)
    {
        var range = new PortForward { HostPort = 8080, LastHostPort = 8081, ContainerPort = 80, Protocol = protocol };
        using var first = Reserve(range);
        using var second = Reserve(range);
        Assert.That(first.Ports.Concat(second.Ports), Is.EqualTo(new[] { range with { LastHostPort = null }, range with { HostPort = 8081, LastHostPort = null } }));
        Assert.That(() => Reserve(range), Throws.TypeOf<CrunException>().With.Message.EqualTo("Bind for 0.0.0.0:8080-8081 failed: all ports are allocated"));
    }

    [Test]
    public void Many_ports_are_each_reserved_although_nobody_listens_and_old_connections_linger()
    {
        var many = Enumerable.Range(8080, 100).Select(static i => new PortForward { HostPort = (ushort)i, ContainerPort = 80 }).ToArray();
        _host.Machine.Run(() =>
        {
            // The server ends the connection first: its end lingers on 8080.
            using var server = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            server.Bind(new IPEndPoint(IPAddress.Loopback, 8080));
            server.Listen();
            using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            client.Connect(server.LocalEndPoint!);
            using (server.Accept())
            {
            }
            client.Receive(new byte[1]);
            return 0;
        });
        using var first = Reserve(many);
        Assert.That(() => Reserve(many), Throws.TypeOf<CrunException>());
        Assert.That(() => Reserve(many[50]), Throws.TypeOf<CrunException>());
        var refused = Assert.Throws<SocketException>(() => _host.Machine.Run(() =>
        {
            using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            client.Connect(IPAddress.Loopback, 8090);
            return 0;
        }));
        Assert.That(refused!.SocketErrorCode, Is.EqualTo(SocketError.ConnectionRefused));
    }

    [Test]
    public void Nothing_is_kept_when_one_of_the_ports_is_in_use()
    {
        using var used = Reserve(new PortForward { HostPort = 8081, ContainerPort = 80 });
        Assert.That(() => Reserve(new PortForward { HostPort = 8080, ContainerPort = 80 }, new PortForward { HostPort = 8081, ContainerPort = 81 }),
            Throws.TypeOf<CrunException>());
        using var free = Reserve(new PortForward { HostPort = 8080, ContainerPort = 80 });
    }

    [Test]
    public void An_address_that_the_host_does_not_have_is_told() =>
        Assert.That(() => Reserve(new PortForward { HostIp = IPAddress.Parse("198.51.100.1"), HostPort = 8080, ContainerPort = 80 }),
            Throws.TypeOf<CrunException>().With.Message.EqualTo("Bind for 198.51.100.1:8080 failed: Cannot assign requested address")
                .And.Property("Kind").EqualTo(ErrorKind.InvalidInput));

    [Test]
    public void A_random_port_is_chosen_and_leads_to_the_container()
    {
        var container = _host.Start(_network, "web", new PortForward { ContainerPort = 80 }, new PortForward { ContainerPort = 80 });
        container.Serve(80);
        var ports = container.Record.Ports.Select(p => p.HostPort).ToList();
        Assert.That(ports, Is.Unique.And.All.GreaterThan(1023));
        foreach (var port in ports) Assert.That(Ask.Tcp(_host.Machine, "127.0.0.1", port), Does.StartWith("web"));
    }

    [Test]
    public void A_range_of_200_ports_is_published_and_taken_back_in_little_time()
    {
        var range = Enumerable.Range(20000, 200).Select(p => new PortForward { HostPort = (ushort)p, ContainerPort = (ushort)(p - 10000) }).ToArray();
        var start = Stopwatch.GetTimestamp();
        var container = _host.Start(_network, "web", range);
        var time = Stopwatch.GetElapsedTime(start);
        container.Serve(10199);
        Assert.That(Ask.Tcp(_host.Machine, "127.0.0.1", 20199), Does.StartWith("web"));
        Assert.That(() => Reserve(range[7]), Throws.TypeOf<CrunException>());
        _host.Machine.Run(() => _network.Disconnect(container.Record));
        Assert.That(_host.Machine.Tool("nft", "list", "map", "inet", "crunsharp", "dnat4"), Does.Not.Contain("elements"));
        TestContext.Out.WriteLine($"200 ports with a container: {time.TotalMilliseconds:0.0} ms");
    }

    [Test]
    public void A_port_on_an_IPv6_address_is_relayed_and_one_on_all_addresses_as_well()
    {
        var outside = _host.AddOutside();
        _host.Machine.Tool("ip", "addr", "add", "2001:db8::1/64", "dev", "up0", "nodad");
        outside.Tool("ip", "addr", "add", "2001:db8::2/64", "dev", "eth0", "nodad");
        var container = _host.Start(_network, "web",
            new PortForward { HostIp = IPAddress.Parse("2001:db8::1"), HostPort = 8080, ContainerPort = 80 },
            new PortForward { HostPort = 8081, ContainerPort = 80 });
        container.Serve(80);
        Assert.Multiple(() =>
        {
            Assert.That(Ask.Tcp(outside, "2001:db8::1", 8080), Is.EqualTo("web 10.88.0.1"));
            Assert.That(Ask.Tcp(outside, "2001:db8::1", 8081), Is.EqualTo("web 10.88.0.1"));
            Assert.That(Ask.Tcp(_host.Machine, "127.0.0.1", 8080), Is.EqualTo("refused"));
        });
    }

    [Test]
    public void The_relay_carries_much_in_both_directions_and_either_side_may_end_first()
    {
        var container = _host.Start(_network, "web", new PortForward { HostPort = 8080, ContainerPort = 80 });
        // The server sends back all that it gets, and ends when the client has ended.
        using var listener = container.Machine.Run(() =>
        {
            var made = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            made.Bind(new IPEndPoint(IPAddress.Any, 80));
            made.Listen();
            return made;
        });
        var server = new Thread(() =>
        {
            using var socket = listener.Accept();
            var buffer = new byte[100_000];
            for (int count; (count = socket.Receive(buffer)) > 0;) socket.Send(buffer.AsSpan(0, count));
        });
        server.Start();
        var sent = new byte[8 * 1024 * 1024];
        new Random(1).NextBytes(sent);
        using var client = _host.Machine.Run(() =>
        {
            var made = new Socket(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp);
            made.Connect(IPAddress.IPv6Loopback, 8080);
            return made;
        });
        var sender = new Thread(() =>
        {
            client.Send(sent);
            client.Shutdown(SocketShutdown.Send);
        });
        sender.Start();
        using var received = new MemoryStream();
        var part = new byte[100_000];
        for (int count; (count = client.Receive(part)) > 0;) received.Write(part, 0, count);
        sender.Join();
        server.Join();
        Assert.That(received.ToArray().AsSpan().SequenceEqual(sent), Is.True);
    }

    [Test]
    public void The_relay_survives_clients_that_leave_and_a_container_that_refuses()
    {
        var container = _host.Start(_network, "web", new PortForward { HostPort = 8080, ContainerPort = 80 });
        for (var i = 0; i < 20; i++) Assert.That(Ask.Tcp(_host.Machine, "::1", 8080), Is.Not.StartsWith("web"));
        container.Serve(80);
        for (var i = 0; i < 20; i++) Assert.That(Ask.Tcp(_host.Machine, "::1", 8080), Does.StartWith("web"));
        var descriptors = Directory.GetFileSystemEntries("/proc/self/fd").Length;
        for (var i = 0; i < 50; i++) Ask.Tcp(_host.Machine, "::1", 8080);
        Assert.That(() => Directory.GetFileSystemEntries("/proc/self/fd").Length, Is.LessThan(descriptors + 10).After(2000, 20));
    }
}
