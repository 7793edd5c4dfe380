using System.Diagnostics;
using System.Net;
using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Sockets;
using CrunSharp.Network.Nftables;

namespace CrunSharp.Network.Tests;

[Category("needs-root")]
public class BridgeNetworkTests
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

    [Test]
    public void A_container_has_its_address_its_route_and_its_MAC()
    {
        var container = _host.Start(_network, "web");
        var links = container.Machine.Tool("ip", "-o", "addr");
        Assert.Multiple(() =>
        {
            Assert.That(container.Record.Address, Is.EqualTo(IPAddress.Parse("10.88.0.2")));
            Assert.That(links, Does.Contain("inet 10.88.0.2/16 scope global eth0"));
            Assert.That(links, Does.Contain("inet 127.0.0.1/8"));
            Assert.That(container.Machine.Tool("ip", "route"), Does.StartWith("default via 10.88.0.1 dev eth0"));
            Assert.That(container.Machine.Tool("ip", "link", "show", "eth0"), Does.Contain("02:c5:0a:58:00:02").And.Contain("UP"));
        });
        using var server = EchoServer.Start(_host.Machine, _network.Gateway, 9000, "host");
        Assert.That(Ask.Tcp(container.Machine, "10.88.0.1", 9000), Is.EqualTo("host 10.88.0.2"));
    }

    [TestCase("")]
    [TestCase("{}")]
    [TestCase("null")]
    [TestCase("{\"name\":\"bridge\",\"bridge\":\"crunsharp0\",\"subnet\":\"10.88.0.0\"}")]
    [TestCase(null)]
    public void A_network_whose_record_is_lost_keeps_the_addresses_of_its_bridge(string? damage)
    {
        using var other = new PrivateHost();
        other.Machine.Tool("ip", "link", "set", "lo", "up");
        other.Machine.Tool("ip", "route", "add", "10.88.1.0/24", "dev", "lo");
        var network = other.Open();
        var first = other.Start(network, "first");
        Assert.That(network.SubnetText, Is.EqualTo("10.89.0.0/24"));
        other.Machine.Tool("ip", "route", "del", "10.88.1.0/24", "dev", "lo");
        var record = $"{other.Paths.Run}/bridge/network.json";
        if (damage is null) File.Delete(record);
        else File.WriteAllText(record, damage);
        var repaired = other.Open();
        Assert.Multiple(() =>
        {
            Assert.That(repaired.SubnetText, Is.EqualTo("10.89.0.0/24"));
            Assert.That(File.ReadAllText(record), Does.Contain("10.89.0.0/24"));
            Assert.That(other.Start(repaired, "second").Record.Address, Is.EqualTo(IPAddress.Parse("10.89.0.3")));
            Assert.That(Ask.Tcp(other.Machine, first.Record.Address.ToString(), 80), Is.EqualTo("refused"));
        });
    }

    [Test]
    public void The_first_packet_gets_through()
    {
        var times = new List<double>();
        var slow = 0;
        _host.Start(_network, "first");
        for (var i = 0; i < 100; i++)
        {
            var port = new PortForward { HostPort = (ushort)(20000 + i), ContainerPort = 80 };
            var id = $"c{i}";
            using var reservation = _host.Machine.Run(() => _network.Reserve([port]));
            var lease = _host.Machine.Run(() => _network.Lease(id));
            using var machine = new Machine(_host.Machine.Namespace);
            var (record, time) = _host.Machine.Run(() =>
            {
                var start = Stopwatch.GetTimestamp();
                var made = _network.Connect(new EndpointRequest { ContainerId = id, Pid = machine.Pid }, lease, reservation);
                return (made, Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            });
            times.Add(time);
            // A lost ARP request would take a second, each time.
            var start = Stopwatch.GetTimestamp();
            Assert.That(Ask.Tcp(_host.Machine, record.Address.ToString(), 80), Is.EqualTo("refused"));
            if (Stopwatch.GetElapsedTime(start).TotalMilliseconds > 900) slow++;
            _host.Machine.Run(() => _network.Disconnect(record));
        }
        times.Sort();
        TestContext.Out.WriteLine($"connect: median {times[50]:0.00} ms, p95 {times[95]:0.00} ms, best {times[0]:0.00} ms");
        Assert.That(slow, Is.LessThan(10));
    }

    [Test]
    public void Many_containers_can_start_at_once_on_a_host_without_a_bridge()
    {
        const int count = 12;
        var containers = new TestContainer[count];
        Parallel.For(0, count, new ParallelOptions { MaxDegreeOfParallelism = count }, i =>
            // Each with an object of its own, as each process has one.
            containers[i] = _host.Start(_host.Open(), $"c{i}", new PortForward { HostPort = (ushort)(8000 + i), ContainerPort = 80 }));
        Assert.Multiple(() =>
        {
            Assert.That(containers.Select(c => c.Record.Address), Is.Unique);
            for (var i = 0; i < count; i++)
            {
                containers[i].Serve(80);
                Assert.That(Ask.Tcp(_host.Machine, "127.0.0.1", 8000 + i), Is.EqualTo($"c{i} 10.88.0.1"));
            }
        });
        Parallel.For(0, count, i => _host.Machine.Run(() => _network.Disconnect(containers[i].Record)));
        Assert.That(_host.Machine.Tool("nft", "list", "map", "inet", "crunsharp", "dnat4"), Does.Not.Contain("elements"));
    }

    [Test]
    public void A_firewall_that_is_flushed_while_containers_start_does_not_lose_a_port()
    {
        for (var i = 0; i < 10; i++)
        {
            var flusher = new Thread(() => _host.Machine.Tool("nft", "flush", "ruleset"));
            flusher.Start();
            _host.Start(_network, $"c{i}", new PortForward { HostPort = (ushort)(8000 + i), ContainerPort = 80 });
            flusher.Join();
        }
        _host.Start(_network, "last");
        var elements = _host.Machine.Tool("nft", "list", "map", "inet", "crunsharp", "dnat4");
        for (var i = 0; i < 10; i++) Assert.That(elements, Does.Contain($"tcp . {8000 + i} "));
    }

    [Test]
    public void A_firewall_that_is_flushed_while_a_network_is_set_up_is_completed()
    {
        const int rounds = 40;
        using var flusher = _host.Machine.Run(static () => NetlinkSocket.Open(NetlinkProtocol.NETLINK_NETFILTER));
        for (var i = 0; i < rounds; i++)
        {
            if (i > 0) _host.Machine.Tool("ip", "link", "del", _network.Bridge);
            var thread = new Thread(() =>
            {
                for (var flushes = 0; flushes < 4; flushes++)
                {
                    Thread.SpinWait(Random.Shared.Next(20_000));
                    var batch = Ruleset.Batch();
                    batch.DeleteTable();
                    batch.TryExecute(flusher);
                }
            });
            thread.Start();
            _host.Start(_network, $"c{i}", new PortForward { HostPort = (ushort)(8000 + i), ContainerPort = 80 });
            thread.Join();
        }
        _host.Start(_network, "last");
        Assert.That(_host.Machine.Tool("nft", "list", "map", "inet", "crunsharp", "dnat4").Split("tcp . 80").Length - 1, Is.EqualTo(rounds));
    }
}
