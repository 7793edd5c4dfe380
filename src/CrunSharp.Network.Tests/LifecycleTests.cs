using System.Net;
using System.Net.Sockets;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci;

namespace CrunSharp.Network.Tests;

/// <summary>What happens when containers, their supervisors or the firewall go away, in order or not.</summary>
[Category("needs-root")]
public class LifecycleTests
{
    private static readonly PortForward Web = new() { HostPort = 8080, ContainerPort = 80 };

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

    private string Elements(string map) => _host.Machine.Tool("nft", "list", "map", "inet", "crunsharp", map);

    private string[] Leases => [.. Directory.GetFiles(_host.Paths.Run + "/bridge/ip").Select(Path.GetFileName).Order(StringComparer.Ordinal)!];

    private string[] Records => [.. Directory.GetFiles(_host.Paths.Run + "/bridge/endpoints").Select(Path.GetFileName)!];

    private string[] Interfaces()
    {
        // The kernel removes the pair soon after the last process of the namespace, not at once.
        for (var i = 0; i < 500; i++)
        {
            var names = _host.Machine.Tool("ip", "-br", "link").Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => l.Split(' ', '@')[0]).ToArray();
            if (!names.Any(n => n.StartsWith("cs", StringComparison.Ordinal))) return names;
            Thread.Sleep(10);
        }
        return [];
    }

    [Test]
    public void Nothing_is_left_of_a_container_that_was_disconnected()
    {
        var container = _host.Start(_network, "web", Web, new PortForward { HostPort = 5353, ContainerPort = 53, Protocol = PortProtocol.Udp },
            new PortForward { HostIp = IPAddress.Loopback, HostPort = 8081, ContainerPort = 80 });
        Assert.That(Elements("dnat4"), Does.Contain("tcp . 8080 : 10.88.0.2 . 80").And.Contain("udp . 5353 : 10.88.0.2 . 53"));
        Assert.That(Elements("dnat4a"), Does.Contain("127.0.0.1 . tcp . 8081 : 10.88.0.2 . 80"));
        _host.Machine.Run(() => _network.Disconnect(container.Record));
        _host.Machine.Run(() => _network.Disconnect(container.Record));
        container.Dispose();
        Assert.Multiple(() =>
        {
            Assert.That(Elements("dnat4") + Elements("dnat4a"), Does.Not.Contain("elements"));
            Assert.That(Leases, Is.Empty);
            Assert.That(Records, Is.Empty);
            Assert.That(Interfaces(), Is.EquivalentTo(new[] { "lo", "crunsharp0" }));
        });
    }

    [Test]
    public void Another_process_can_disconnect_with_what_is_on_disk()
    {
        _host.Start(_network, "web", Web);
        var later = _host.Open();
        var record = _host.Machine.Run(() => later.TryGetEndpoint("web"))!;
        Assert.That(record.Ports.Single(), Is.EqualTo(Web));
        _host.Machine.Run(() => later.Disconnect(record));
        Assert.That(Elements("dnat4"), Does.Not.Contain("elements"));
        Assert.That(Leases, Is.Empty);
    }

    [Test]
    public void Addresses_go_round_and_are_not_used_again_at_once()
    {
        var first = _host.Machine.Run(() => _network.Lease("a"));
        _host.Machine.Run(() => _network.Release(first));
        _host.Machine.Run(() => _network.Release(first));
        var second = _host.Machine.Run(() => _network.Lease("b"));
        Assert.That((first.Address.ToString(), second.Address.ToString()), Is.EqualTo(("10.88.0.2", "10.88.0.3")));
        Assert.That(Leases, Is.EqualTo(new[] { "10.88.0.3" }));
    }

    [Test]
    public void A_requested_address_is_given_once()
    {
        var wanted = IPAddress.Parse("10.88.7.7");
        _host.Machine.Run(() =>
        {
            Assert.That(_network.Lease("a", wanted).Address, Is.EqualTo(wanted));
            Assert.That(() => _network.Lease("b", wanted), Throws.TypeOf<CrunException>().With.Message.Contains("Address already in use"));
            foreach (var wrong in (string[])["10.88.0.0", "10.88.0.1", "10.88.255.255", "10.89.0.2", "::1"])
                Assert.That(() => _network.Lease("c", IPAddress.Parse(wrong)), Throws.TypeOf<CrunException>().With.Property("Kind").EqualTo(ErrorKind.InvalidInput), wrong);
        });
    }

    [TestCase("../../etc/passwd")]
    [TestCase(".hidden")]
    [TestCase("")]
    public void An_id_that_would_be_a_path_is_refused(string id) =>
        Assert.That(() => _host.Machine.Run(() => _network.Lease(id)), Throws.TypeOf<CrunException>().With.Property("Kind").EqualTo(ErrorKind.InvalidInput));

    [Test]
    public void The_dead_are_swept_and_the_living_stay()
    {
        var dead = _host.Start(_network, "dead", Web);
        var alive = _host.Start(_network, "alive", new PortForward { HostPort = 8090, ContainerPort = 80 });
        var said = _host.Start(_network, "said", new PortForward { HostPort = 8091, ContainerPort = 80 });
        // Killed with its supervisor: nobody disconnects.
        dead.Dispose();
        said.Machine.Kill();
        var asked = new List<string>();
        var freed = _host.Machine.Run(() => _network.Sweep(id =>
        {
            asked.Add(id);
            return id == "said";
        }));
        Assert.Multiple(() =>
        {
            Assert.That(freed, Is.EqualTo(1));
            Assert.That(asked, Is.EquivalentTo(new[] { "dead", "said" }));
            Assert.That(Elements("dnat4"), Does.Contain("8090").And.Contain("8091").And.Not.Contain("8080"));
            Assert.That(Leases, Is.EqualTo(new[] { alive.Record.Address.ToString(), said.Record.Address.ToString() }));
            Assert.That(Records, Is.EquivalentTo(new[] { "alive.json", "said.json" }));
        });
    }

    [Test]
    public void A_lease_of_a_holder_that_died_before_it_connected_is_swept()
    {
        _host.Machine.Run(() => _network.Lease("mine"));
        var file = _host.Paths.Run + "/bridge/ip/10.88.0.2";
        File.WriteAllText(file, File.ReadAllText(file).Replace($"\"holder\":{Environment.ProcessId}", "\"holder\":4000000", StringComparison.Ordinal));
        Assert.That(_host.Machine.Run(() => _network.Sweep(_ => false)), Is.EqualTo(1));
        Assert.That(Leases, Is.Empty);
    }

    [Test]
    public void After_a_boot_all_leases_are_swept_even_if_an_id_is_said_to_live()
    {
        var container = _host.Start(_network, "web", Web);
        foreach (var file in Directory.GetFiles(_host.Paths.Run + "/bridge", "*", SearchOption.AllDirectories).Where(f => new FileInfo(f).Length > 20))
            File.WriteAllText(file, File.ReadAllText(file).Replace(container.Record.BootId, "another-boot", StringComparison.Ordinal));
        Assert.That(_host.Machine.Run(() => _network.Sweep(_ => true)), Is.EqualTo(1));
        Assert.That(Leases, Is.Empty);
        Assert.That(Records, Is.Empty);
    }

    [Test]
    public void A_full_network_takes_addresses_back_from_the_dead_and_says_so_when_all_live()
    {
        // The smallest network: five containers.
        FileAt.RemoveTree(null, _host.Paths.Run);
        Directory.CreateDirectory(_host.Paths.Run + "/bridge/ip");
        Directory.CreateDirectory(_host.Paths.Run + "/bridge/endpoints");
        File.WriteAllText(_host.Paths.Run + "/bridge/network.json", """{"name":"bridge","bridge":"crunsharp0","subnet":"10.90.0.0/29"}""");
        var small = _host.Open();
        var containers = Enumerable.Range(0, 4).Select(i => _host.Start(small, $"c{i}")).ToList();
        _host.Machine.Run(() => small.Lease("last"));
        Assert.That(() => _host.Machine.Run(() => small.Lease("more")),
            Throws.TypeOf<CrunException>().With.Message.Contains("all addresses of 10.90.0.0/29 are taken"));
        containers[2].Dispose();
        Assert.That(_host.Machine.Run(() => small.Lease("more")).Address, Is.EqualTo(containers[2].Record.Address));
    }

    [Test]
    public void A_port_of_a_dead_container_is_free_and_one_of_a_living_container_is_not()
    {
        var first = _host.Start(_network, "first", Web);
        // Its supervisor dies, so nothing holds the port; the container lives on.
        first.Ports.Dispose();
        Assert.That(() => _host.Start(_network, "second", Web),
            Throws.TypeOf<CrunException>().With.Message.EqualTo("Bind for 0.0.0.0:8080 failed: port is already allocated"));
        Assert.That(_network.TryGetEndpoint("second"), Is.Null);
        first.Machine.Kill();
        var third = _host.Start(_network, "third", Web);
        third.Serve(80);
        Assert.That(Ask.Tcp(_host.Machine, "127.0.0.1", 8080), Does.StartWith("third"));
        Assert.That(Records, Does.Not.Contain("first.json"));
        // A late farewell of the first must not take the third's port.
        _host.Machine.Run(() => _network.Disconnect(first.Record));
        Assert.That(Ask.Tcp(_host.Machine, "127.0.0.1", 8080), Does.StartWith("third"));
    }

    [Test]
    public void A_late_farewell_does_not_take_what_the_restarted_container_has()
    {
        var before = _host.Start(_network, "web", Web);
        before.Dispose();
        _host.Machine.Run(() => _network.Disconnect(before.Record));
        var after = _host.Start(_network, "web", Web);
        after.Serve(80);
        _host.Machine.Run(() => _network.Disconnect(before.Record));
        Assert.That(_network.TryGetEndpoint("web")!.HostInterface, Is.EqualTo(after.Record.HostInterface));
        Assert.That(Ask.Tcp(_host.Machine, "127.0.0.1", 8080), Does.StartWith("web"));
    }

    [Test]
    public void After_flush_ruleset_old_containers_are_published_again_by_the_next_command()
    {
        var web = _host.Start(_network, "web", Web);
        var dead = _host.Start(_network, "dead", new PortForward { HostPort = 8070, ContainerPort = 80 });
        web.Serve(80);
        dead.Dispose();
        _host.Machine.Tool("nft", "flush", "ruleset");
        // Until then the relay serves localhost.
        Assert.That(Ask.Tcp(_host.Machine, "127.0.0.1", 8080), Is.EqualTo("web 10.88.0.1"));
        _host.Start(_network, "next");
        Assert.That(Elements("dnat4"), Does.Contain("8080").And.Not.Contain("8070"));
        Assert.That(_host.Machine.Tool("nft", "list", "set", "inet", "crunsharp", "br_nat"), Does.Contain("crunsharp0"));
    }

    [Test]
    public void A_bridge_that_was_left_half_made_is_completed()
    {
        _host.Machine.Tool("ip", "link", "add", "crunsharp0", "type", "bridge");
        var web = _host.Start(_network, "web", Web);
        web.Serve(80);
        Assert.That(Ask.Tcp(_host.Machine, "127.0.0.1", 8080), Does.StartWith("web"));
        Assert.That(_host.Machine.Run(() => KernelFile.Read(null, "/proc/sys/net/ipv4/ip_forward")), Is.EqualTo("1\n"));
        Assert.That(_host.Machine.Run(() => KernelFile.Read(null, "/proc/sys/net/ipv4/conf/crunsharp0/route_localnet")), Is.EqualTo("1\n"));
        Assert.That(_host.Machine.Run(() => KernelFile.Read(null, "/proc/sys/net/ipv4/conf/crunsharp0/rp_filter")), Is.EqualTo("2\n"));
    }

    [Test]
    public void Another_kind_of_interface_with_the_bridges_name_is_refused()
    {
        _host.Machine.Tool("ip", "link", "add", "crunsharp0", "type", "veth", "peer", "name", "other");
        Assert.That(() => _host.Start(_network, "web"), Throws.TypeOf<CrunException>().With.Message.Contains("crunsharp0 is no bridge"));
        Assert.That(Records, Is.Empty);
    }

    [Test]
    public void A_container_in_the_hosts_namespace_is_refused_and_nothing_changes()
    {
        var lease = _host.Machine.Run(() => _network.Lease("host"));
        Assert.That(() => _host.Machine.Run(() =>
        {
            using var none = _network.Reserve([]);
            return _network.Connect(new EndpointRequest { ContainerId = "host", Pid = _host.Machine.Pid }, lease, none);
        }), Throws.TypeOf<CrunException>().With.Message.Contains("is in the host's network namespace"));
        Assert.That(Records, Is.Empty);
    }

    [Test]
    public void A_container_that_has_an_eth0_is_refused_and_nothing_is_left()
    {
        var lease = _host.Machine.Run(() => _network.Lease("web"));
        using var machine = new Machine(_host.Machine.Namespace);
        machine.Tool("ip", "link", "add", "eth0", "type", "bridge");
        Assert.That(() => _host.Machine.Run(() =>
        {
            using var none = _network.Reserve([]);
            return _network.Connect(new EndpointRequest { ContainerId = "web", Pid = machine.Pid }, lease, none);
        }), Throws.TypeOf<CrunException>().With.Property("Errno").EqualTo(Errno.EEXIST));
        Assert.That(Records, Is.Empty);
        Assert.That(Interfaces(), Is.EquivalentTo(new[] { "lo", "crunsharp0" }));
    }

    [Test]
    public void Reset_removes_everything()
    {
        _host.Start(_network, "web", Web);
        _host.Machine.Tool("nft", "add table ip filter; add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }");
        _host.Start(_network, "second");
        Assert.That(_host.Machine.Tool("nft", "list", "chain", "ip", "filter", "FORWARD"), Does.Contain("crunsharp0"));
        _host.Machine.Run(() => BridgeNetwork.Reset(_host.Paths));
        _host.Machine.Run(() => BridgeNetwork.Reset(_host.Paths));
        Assert.Multiple(() =>
        {
            Assert.That(Interfaces(), Is.EqualTo(new[] { "lo" }));
            Assert.That(_host.Machine.Tool("nft", "list", "ruleset"), Does.Not.Contain("crunsharp"));
            Assert.That(Directory.GetDirectories(_host.Paths.Run), Is.Empty);
        });
    }

    [Test]
    public void UDP_clients_find_the_next_container_though_they_never_stop_sending()
    {
        var udp = new PortForward { HostPort = 5353, ContainerPort = 53, Protocol = PortProtocol.Udp };
        var outside = _host.AddOutside();
        var first = _host.Start(_network, "first", udp);
        first.Serve(53, ProtocolType.Udp);
        Assert.That(Ask.Udp(outside, "192.0.2.1", 5353, fromPort: 4000), Is.EqualTo("first 192.0.2.2"));
        _host.Machine.Run(() => _network.Disconnect(first.Record));
        first.Dispose();
        // Now the client's packets reach the host itself, and that is tracked as well.
        Assert.That(Ask.Udp(outside, "192.0.2.1", 5353, 200, fromPort: 4000), Is.Not.StartsWith("first"));
        var second = _host.Start(_network, "second", udp);
        second.Serve(53, ProtocolType.Udp);
        Assert.That(Ask.Udp(outside, "192.0.2.1", 5353, fromPort: 4000), Is.EqualTo("second 192.0.2.2"));
    }

    [Test]
    public void A_forward_chain_that_drops_gets_two_rules_once()
    {
        const string chain = "add table ip filter; add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }";
        var outside = _host.AddOutside();
        _host.Machine.Tool("nft", chain);
        var web = _host.Start(_network, "web", Web);
        _host.Start(_network, "second");
        web.Serve(80);
        var rules = _host.Machine.Tool("nft", "list", "chain", "ip", "filter", "FORWARD");
        Assert.Multiple(() =>
        {
            Assert.That(Ask.Tcp(outside, "192.0.2.1", 8080), Is.EqualTo("web 192.0.2.2"));
            Assert.That(rules.Split("iifname \"crunsharp0\" counter"), Has.Length.EqualTo(2));
            Assert.That(rules.Split("oifname \"crunsharp0\" counter"), Has.Length.EqualTo(2));
        });
        Assert.That(_host.Machine.Tool("iptables", "-S", "FORWARD"), Does.Contain("-A FORWARD -i crunsharp0 -j ACCEPT").And.Contain("-A FORWARD -o crunsharp0 -j ACCEPT"));
    }

    [Test]
    public void A_bridge_with_all_ports_taken_says_that_the_network_is_full()
    {
        _host.Start(_network, "first");
        var batch = string.Concat(Enumerable.Range(0, 511).Select(i => $"link add a{i} type veth peer name b{i}\nlink set a{i} master crunsharp0\nlink set b{i} master crunsharp0\n"));
        var file = _host.Directory + "/batch";
        File.WriteAllText(file, batch);
        _host.Machine.Tool("ip", "-batch", file);
        Assert.That(() => _host.Start(_network, "more"), Throws.TypeOf<CrunException>().With.Message.Contains("network bridge is full (1023 endpoints)"));
    }
}
