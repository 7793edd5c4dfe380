using System.Text.Json;
using CrunSharp.Kernel.Processes;
using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests;

/// <summary>Containers in networks that users made.</summary>
public sealed class UserNetworkTests : NativeTest
{
    private const string HostAddress = "192.0.2.1", OutsideAddress = "192.0.2.2";

    protected override void Prepare()
    {
        File.Copy(Probe.Program, World.Files + "/probe");
        _ = World.Outside;
    }

    [SetUp]
    public void MakeNetworks()
    {
        Run("network", "create", "--subnet", "172.30.0.0/24", "-o", "com.docker.network.bridge.name=blue0", "blue").Succeeded();
        Run("network", "create", "--subnet", "172.31.0.0/24", "-o", "com.docker.network.bridge.name=green0", "green").Succeeded();
    }

    [TearDown]
    public void RemoveNetworks()
    {
        if (Run("ps", "-aq").Lines is { Length: > 0 } containers) Run(["rm", "-f", .. containers]).Succeeded();
        Run(["network", "rm", .. Run("network", "ls", "-q", "--filter", "type=custom").Lines]).Succeeded();
        Assert.That(World.Host.Tool("nft", "list", "ruleset"), Does.Not.Contain("172.3").And.Not.Contain("blue0"));
    }

    private string StartWeb(string name, params string[] options)
    {
        Run(["run", "-d", "--name", name, .. options, "busybox", "httpd", "-f", "-p", "80", "-h", "/data"]).Succeeded();
        World.Await(() => Run("exec", name, "wget", "-q", "-O", "-", "http://127.0.0.1/from-image").Out == "image\n", $"{name} serves");
        return World.Inspect(name, "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}");
    }

    private bool Reaches(string from, string host, int port = 80) =>
        Run("exec", from, "timeout", "2", "wget", "-q", "-O", "-", $"http://{host}:{port}/from-image").Out == "image\n";

    private bool Serves(Machine at, string host, int port)
    {
        using var session = at.Start("curl", ["-sS", "-g", "-m", "3", $"http://{host}:{port}/from-image"]);
        return session.Wait().Out == "image\n";
    }

    [Test]
    public void Containers_of_one_network_reach_each_other_and_those_of_others_do_not()
    {
        var one = StartWeb("one", "--network", "blue");
        var two = StartWeb("two", "--network", "blue");
        var other = StartWeb("other", "--network", "green");
        var usual = StartWeb("usual");
        Assert.That((one, two, other, usual[..6]), Is.EqualTo(("172.30.0.2", "172.30.0.3", "172.31.0.2", "10.88.")));
        Assert.Multiple(() =>
        {
            Assert.That(Reaches("one", two));
            Assert.That(Reaches("two", one));
            Assert.That(Reaches("one", other), Is.False);
            Assert.That(Reaches("other", one), Is.False);
            Assert.That(Reaches("one", usual), Is.False);
            Assert.That(Reaches("usual", one), Is.False);
            Assert.That(Run("exec", "one", "ip", "route").Out, Does.Contain("default via 172.30.0.1 dev eth0"));
        });
    }

    [Test]
    public void Isolation_holds_without_and_with_the_bridges_own_firewall_and_after_a_flush()
    {
        var one = StartWeb("one", "--network", "blue");
        StartWeb("two", "--network", "blue");
        StartWeb("other", "--network", "green");
        World.Host.Tool("nft", "flush", "ruleset");
        StartWeb("late", "--network", "green"); // puts the rules back, for all networks
        Assert.Multiple(() =>
        {
            Assert.That(Reaches("two", one));
            Assert.That(Reaches("other", one), Is.False);
            Assert.That(Reaches("late", one), Is.False);
        });
    }

    [Test]
    public void Published_ports_are_reached_as_on_the_default_network()
    {
        StartWeb("web", "--network", "blue", "-p", "8080:80");
        StartWeb("other", "--network", "green");
        Assert.Multiple(() =>
        {
            Assert.That(Serves(World.Outside, HostAddress, 8080), "from outside");
            foreach (var address in (string[])["127.0.0.1", "[::1]", HostAddress, "172.30.0.1"]) Assert.That(Serves(World.Host, address, 8080), $"from the host, at {address}");
            foreach (var name in (string[])["web", "other"]) Assert.That(Reaches(name, HostAddress, 8080), $"from {name}");
            Assert.That(Run("port", "web").Out, Does.Contain("80/tcp -> 0.0.0.0:8080\n"));
            Run("run", "--rm", "-p", "8080:80", "busybox", "true").Failed(125, "port is already allocated");
        });
    }

    [Test]
    public void Containers_go_out_as_the_host_unless_the_network_is_internal()
    {
        Run("network", "create", "--internal", "closed").Succeeded();
        using var server = World.Outside.Start(World.Files + "/probe", ["udp-serve", "7000"]);
        server.Expect("serving");
        Assert.That(Run("run", "--rm", "--network", "blue", "-v", "./probe:/probe:ro", "busybox", "/probe", "udp-ask", OutsideAddress, "7000").Succeeded().Line, Is.EqualTo(HostAddress));
        var address = StartWeb("inner", "--network", "closed", "-p", "8080:80");
        StartWeb("peer", "--network", "closed");
        Assert.Multiple(() =>
        {
            Assert.That(Run("exec", "inner", "ip", "route").Out, Does.Not.Contain("default"));
            Assert.That(Run("run", "--rm", "--network", "closed", "--cap-add", "NET_ADMIN", "-v", "./probe:/probe:ro", "busybox", "sh", "-c",
                $"ip route add default via $(ip route | sed -n 's/\\.0\\/24.*/.1/p'); /probe udp-ask {OutsideAddress} 7000").Line, Is.Not.EqualTo(HostAddress), "not even with a route of its own");
            Assert.That(Reaches("peer", address), "but its own containers reach each other");
            Assert.That(Serves(World.Host, address, 80), "and the host reaches them");
            Assert.That(Serves(World.Outside, HostAddress, 8080), Is.False, "nothing is published");
            Assert.That(World.Inspect("inner", "{{range .NetworkSettings.Networks}}{{.Gateway}}{{end}}"), Is.Empty);
        });
    }

    [Test]
    public void Inspect_and_ps_tell_the_network()
    {
        var network = Run("network", "inspect", "-f", "{{.Id}}", "blue").Line;
        var id = Run("run", "-d", "--name", "web", "--network", network[..8], "--ip", "172.30.0.77", "--network-alias", "www", "--network-alias", "site", "--hostname", "host1", "busybox", "sleep", "1000").Succeeded().Line;
        var settings = JsonDocument.Parse(World.Inspect("web", "{{json .NetworkSettings}}")).RootElement;
        var endpoint = settings.GetProperty("Networks").GetProperty("blue");
        Assert.Multiple(() =>
        {
            Assert.That(World.Inspect("web", "{{.HostConfig.NetworkMode}}"), Is.EqualTo("blue"));
            Assert.That(settings.GetProperty("IPAddress").GetString(), Is.Empty, "as docker: only the default network's");
            Assert.That(endpoint.GetProperty("NetworkID").GetString(), Is.EqualTo(network));
            Assert.That(endpoint.GetProperty("EndpointID").GetString(), Has.Length.EqualTo(64));
            Assert.That((endpoint.GetProperty("IPAddress").GetString(), endpoint.GetProperty("Gateway").GetString(), endpoint.GetProperty("IPPrefixLen").GetInt32()), Is.EqualTo(("172.30.0.77", "172.30.0.1", 24)));
            Assert.That(endpoint.GetProperty("IPAMConfig").GetProperty("IPv4Address").GetString(), Is.EqualTo("172.30.0.77"));
            Assert.That(endpoint.GetProperty("Aliases").EnumerateArray().Select(static a => a.GetString()), Is.EqualTo(new[] { "www", "site" }));
            Assert.That(endpoint.GetProperty("DNSNames").EnumerateArray().Select(static a => a.GetString()), Is.EqualTo(new[] { "web", "www", "site", id[..12], "host1" }));
            Assert.That(Run("ps", "-q", "--filter", "network=blue").Line, Is.EqualTo(id[..12]));
            Assert.That(Run("ps", "-q", "--filter", $"network={network}").Line, Is.EqualTo(id[..12]));
            Assert.That(Run("ps", "-q", "--filter", "network=green").Out, Is.Empty);
            Assert.That(Run("ps", "--format", "{{.Networks}}").Line, Is.EqualTo("blue"));
        });
        var inside = JsonDocument.Parse(Run("network", "inspect", "-f", "{{json .Containers}}", "blue").Line).RootElement.GetProperty(id);
        Assert.That((inside.GetProperty("Name").GetString(), inside.GetProperty("IPv4Address").GetString(), inside.GetProperty("EndpointID").GetString()),
            Is.EqualTo(("web", "172.30.0.77/24", endpoint.GetProperty("EndpointID").GetString())));
    }

    [TestCase("network nosuch not found", "--network", "nosuch")]
    [TestCase("Address already in use", "--network", "blue", "--ip", "172.30.0.9")]
    [TestCase("no configured subnet or ip-range contain the IP address 172.31.0.9", "--network", "blue", "--ip", "172.31.0.9")]
    [TestCase("no configured subnet or ip-range contain the IP address 172.30.0.1", "--network", "name=blue,ip=172.30.0.1")]
    [TestCase("user specified IP address is supported only when connecting to networks with user configured subnets", "--network", "chosen", "--ip", "10.89.0.9")]
    [TestCase("user specified IP address is supported on user defined networks only", "--ip", "10.88.0.9")]
    [TestCase("network-scoped aliases are only supported for user-defined networks", "--network-alias", "x")]
    [TestCase("is no name of a host", "--network", "blue", "--network-alias", "a b")]
    [TestCase("conflicting options", "--network", "name=blue,alias=one", "--network-alias", "two")]
    [TestCase("one network only", "--network", "blue", "--network", "green")]
    public void What_cannot_be_is_refused(string reason, params string[] options)
    {
        Run("network", "create", "chosen").Succeeded();
        Run("run", "-d", "--network", "blue", "--ip", "172.30.0.9", "busybox", "sleep", "1000").Succeeded();
        Run(["run", "--rm", .. options, "busybox", "true"]).Failed(125, reason);
        Assert.That(Run("ps", "-aq").Lines, Has.Length.EqualTo(1));
    }

    [Test]
    public void A_network_with_a_container_that_runs_is_not_removed()
    {
        var id = Run("run", "-d", "--name", "web", "--network", "blue", "busybox", "sleep", "1000").Succeeded().Line;
        Run("network", "rm", "blue").Failed(1, $"error while removing network: network blue has active endpoints (name:\"web\" id:\"{id[..12]}\")");
        Run("stop", "-t", "0", "web").Succeeded();
        Run("network", "rm", "blue").Succeeded();
        Run("start", "web").Failed(1, "network blue not found");
        Run("network", "create", "--subnet", "172.30.0.0/24", "-o", "com.docker.network.bridge.name=blue0", "blue").Succeeded();
        Run("start", "web").Succeeded();
    }

    [Test]
    public void Ranges_reserved_addresses_and_gateways_are_kept_to()
    {
        Run("network", "create", "--subnet", "172.20.0.0/24", "--ip-range", "172.20.0.64/30", "--aux-address", "router=172.20.0.65", "--gateway", "172.20.0.200", "-o", "com.docker.network.driver.mtu=1280", "tight").Succeeded();
        var addresses = new HashSet<string>();
        for (var i = 0; i < 3; i++) addresses.Add(StartWeb($"n{i}", "--network", "tight"));
        Assert.That(addresses, Is.EquivalentTo(new[] { "172.20.0.64", "172.20.0.66", "172.20.0.67" }));
        Run("run", "--rm", "--network", "tight", "busybox", "true").Failed(125, "all addresses of 172.20.0.64/30 are taken");
        Assert.That(Run("exec", "n0", "sh", "-c", "ip route; ip link show eth0").Out, Does.Contain("default via 172.20.0.200").And.Contain("mtu 1280"));
        Assert.That(Reaches("n0", "172.20.0.66"));
    }

    [Test]
    public void After_a_killed_supervisor_the_next_command_clears_away()
    {
        var id = Run("run", "-d", "--name", "web", "--network", "blue", "--ip", "172.30.0.50", "-p", "8080:80", "busybox", "sleep", "1000").Succeeded().Line;
        var (supervisor, program) = (World.SupervisorOf(id)!.Value, World.PidOf("web"));
        foreach (var pid in (int[])[supervisor, program])
        {
            using var process = PidHandle.TryOpen(pid, PidHandle.StartTimeOf(pid))!;
            process.Send(Signal.SIGKILL.Number);
            process.WaitForEnd(null);
        }
        Assert.That(Run("network", "inspect", "-f", "{{len .Containers}}", "blue").Line, Is.EqualTo("0"));
        StartWeb("next", "--network", "blue", "--ip", "172.30.0.50", "-p", "8080:80");
        Assert.That(Serves(World.Outside, HostAddress, 8080));
        Assert.That(Run("ps", "-a", "--filter", "name=web", "--format", "{{.State}}").Line, Is.EqualTo("exited"));
    }

    [Test]
    public void A_restart_of_the_host_leaves_the_networks()
    {
        Run("run", "-d", "--name", "web", "--network", "blue", "busybox", "sleep", "1000").Succeeded();
        Run("rm", "-f", "web").Succeeded();
        // What a reboot takes away.
        World.Host.Tool("ip", "link", "del", "blue0");
        World.Host.Tool("nft", "flush", "ruleset");
        Directory.Delete($"{World.RunRoot}/net", recursive: true);
        var one = StartWeb("one", "--network", "blue");
        StartWeb("two", "--network", "blue", "-p", "8080:80");
        Assert.That(Reaches("two", one));
        Assert.That(Serves(World.Outside, HostAddress, 8080));
    }

    [Test]
    public void Many_containers_start_in_one_network_at_once()
    {
        var sessions = Enumerable.Range(0, 12).Select(i => World.Start("run", "--rm", "--network", i % 2 == 0 ? "blue" : "green", "busybox", "sh", "-c", "ip -4 -o addr show dev eth0")).ToList();
        var addresses = sessions.ConvertAll(session => session.Wait().Succeeded().Out);
        Assert.That(addresses.Count(static a => a.Contains("172.30.0.", StringComparison.Ordinal)), Is.EqualTo(6));
    }

    [Test]
    public void Containers_find_each_other_by_name()
    {
        var id = Run("run", "-d", "--name", "web", "--hostname", "host1", "--network", "blue", "--network-alias", "www", "busybox", "httpd", "-f", "-p", "80", "-h", "/data").Succeeded().Line;
        Run("run", "-d", "--name", "client", "--network", "blue", "busybox", "sleep", "1000").Succeeded();
        StartWeb("stranger", "--network", "green");
        World.Await(() => Reaches("client", "web"), "web serves");
        Assert.Multiple(() =>
        {
            foreach (var name in (string[])["WEB", "www", "host1", id[..12], "web.blue"]) Assert.That(Reaches("client", name), name);
            Assert.That(Reaches("stranger", "web"), Is.False);
            Assert.That(Reaches("client", "stranger"), Is.False);
            Assert.That(Run("exec", "client", "nslookup", "172.30.0.2").Out, Does.Contain("name = web.blue"));
            Assert.That(Run("exec", "client", "nslookup", "-type=aaaa", "web").Out, Does.Not.Contain("NXDOMAIN"));
            Assert.That(Run("exec", "client", "cat", "/etc/resolv.conf").Lines, Does.Contain("nameserver 127.0.0.11").And.Some.Matches("^options .*ndots:0"));
            Assert.That(Run("run", "--rm", "busybox", "cat", "/etc/resolv.conf").Out, Does.Not.Contain("127.0.0.11"), "the default network has no names");
        });
        Run("rm", "-f", "web").Succeeded();
        Assert.That(Run("exec", "client", "nslookup", "web").Out, Does.Not.Contain("172.30.0.2"));
        Run("run", "-d", "--name", "web", "--ip", "172.30.0.44", "--network", "blue", "busybox", "sleep", "1000").Succeeded();
        Assert.That(Run("exec", "client", "nslookup", "web").Out, Does.Contain("172.30.0.44"), "at once, by its new address");
    }

    [Test]
    public void The_name_of_a_container_that_was_killed_with_its_supervisor_is_nobodys()
    {
        var id = Run("run", "-d", "--name", "web", "--network", "blue", "busybox", "sleep", "1000").Succeeded().Line;
        Run("run", "-d", "--name", "client", "--network", "blue", "busybox", "sleep", "1000").Succeeded();
        Assert.That(Run("exec", "client", "nslookup", "web").Out, Does.Contain("172.30.0.2"));
        foreach (var pid in (int[])[World.SupervisorOf(id)!.Value, World.PidOf("web")])
        {
            using var process = PidHandle.TryOpen(pid, PidHandle.StartTimeOf(pid))!;
            process.Send(Signal.SIGKILL.Number);
            process.WaitForEnd(null);
        }
        Assert.That(Run("exec", "client", "nslookup", "web").Out, Does.Not.Contain("172.30.0.2"));
    }

    [Test]
    public void A_supervisor_lives_through_whatever_its_container_asks()
    {
        var id = Run("run", "-d", "--name", "web", "--network", "blue", "busybox", "sleep", "1000").Succeeded().Line;
        var supervisor = World.SupervisorOf(id);
        Run("exec", "web", "sh", "-c", "for i in 1 2 3 4 5 6 7 8; do head -c 3000 /dev/urandom | nc -w 1 127.0.0.11 53; dd if=/dev/urandom bs=512 count=20 2>/dev/null | nc -u -w 1 127.0.0.11 53; done");
        Assert.That(World.SupervisorOf(id), Is.EqualTo(supervisor));
        Assert.That(Run("exec", "web", "nslookup", "web").Out, Does.Contain("172.30.0.2"));
    }

    [Test]
    public void Steps_of_a_build_reach_the_containers_of_a_network_by_name()
    {
        StartWeb("web", "--network", "blue");
        World.File("net/Dockerfile", "FROM busybox\nARG N\nRUN wget -q -O /got http://web/from-image && cat /etc/resolv.conf > /resolv\n");
        var network = Run("network", "inspect", "-f", "{{.Id}}", "blue").Line;
        Run("build", "-t", "fetched", "--network", "blue", "net").Succeeded();
        Assert.That(Run("run", "--rm", "--network", "none", "fetched", "cat", "/got", "/resolv").Out, Does.StartWith("image\n").And.Contain("127.0.0.11"));
        Assert.That(Run("build", "--network", network[..10], "net").Succeeded().Err, Does.Contain("CACHED"));
        Assert.That(Run("build", "net").Succeeded().Err, Does.Contain("CACHED"), "which network it was is no part of the key");
        Run("build", "--network", "blue", "--build-arg", "N=2", "net").Succeeded();
        Assert.That(Run("build", "--network", "green", "--build-arg", "N=3", "net").Code, Is.EqualTo(1));
        Run("build", "--network", "nosuch", "net").Failed(1, "network nosuch not found");
        Assert.That(Run("network", "inspect", "-f", "{{len .Containers}}", "blue", "green").Out, Is.EqualTo("1\n0\n"));
        Run("rmi", "fetched").Succeeded();
    }

    [Test]
    public void A_killed_build_leaves_nothing_in_its_network()
    {
        World.File("slow/Dockerfile", "FROM busybox\nRUN echo begun && sleep 1000\n");
        var build = World.Start("build", "--no-cache", "--network", "blue", "slow");
        World.Await(() => Run("network", "inspect", "-f", "{{len .Containers}}", "blue").Line == "1", "the step runs");
        build.Send(Signal.SIGKILL);
        build.Wait();
        World.Await(() => Run("network", "inspect", "-f", "{{len .Containers}}", "blue").Line == "0", "the step has ended");
        Assert.That(Run("ps", "-aq").Succeeded().Out, Is.Empty);
        Assert.That(Directory.GetFiles($"{World.RunRoot}/net/{Run("network", "inspect", "-f", "{{.Id}}", "blue").Line}/ip"), Is.Empty, "the next command gave the address back");
        World.File("quick/Dockerfile", "FROM busybox\n");
        Run("build", "quick").Succeeded(); // sweeps the draft
    }

    [Test]
    public void A_container_shares_the_network_of_another_one()
    {
        var address = StartWeb("web", "--network", "blue", "--hostname", "host1", "--add-host", "added:192.0.2.7");
        var id = World.IdOf("web");
        var shared = Run("run", "--rm", "--network", "container:web", "busybox", "sh", "-c", "hostname; readlink /proc/self/ns/net; ip -4 -o addr show eth0 | awk '{ print $4 }'; wget -q -O - http://127.0.0.1/from-image; cat /etc/hosts").Succeeded().Lines;
        Assert.That(shared[..4], Is.EqualTo((string[])["host1", Run("exec", "web", "readlink", "/proc/self/ns/net").Line, $"{address}/24", "image"]));
        Assert.That(shared, Has.One.EqualTo("192.0.2.7\tadded"));
        Run("run", "-d", "--name", "side", "--network", $"container:{id[..10]}", "busybox", "sleep", "1000").Succeeded();
        Assert.Multiple(() =>
        {
            Assert.That(World.Inspect("side", "{{.HostConfig.NetworkMode}} {{json .NetworkSettings.Networks}}"), Is.EqualTo($"container:{id} {{}}"));
            Assert.That(Run("run", "--rm", "--network", "container:side", "busybox", "hostname").Succeeded().Line, Is.EqualTo("host1"), "and of one that shares it");
            Assert.That(Run("exec", "side", "nslookup", "web", "127.0.0.11").Out, Does.Contain(address), "names are found");
            Run("run", "--network", "container:none", "busybox").Failed(125, "No such container: none");
            Run("run", "--network", "container:", "busybox").Failed(125, "invalid container format container:<name|id>");
            Run("run", "--network", "container:web", "-p", "80", "busybox").Failed(125, "conflicting options: port publishing and the container type network mode");
            Run("run", "--network", "container:web", "--hostname", "x", "busybox").Failed(125, "conflicting options: hostname and the network mode");
            Run("run", "--network", "container:web", "--dns", "192.0.2.1", "busybox").Failed(125, "conflicting options: dns and the network mode");
            Run("run", "--network", "container:web", "--network-alias", "x", "busybox").Failed(125, "network-scoped aliases are only supported for user-defined networks");
        });
        // It lives on without the other one, and joins its network anew when both start again.
        Run("stop", "-t", "0", "web").Succeeded();
        Assert.That(Run("exec", "side", "ip", "-o", "link", "show", "lo").Succeeded().Out, Does.Contain("UP"));
        Run("stop", "-t", "0", "side").Succeeded();
        Run("start", "side").Failed(1, $"cannot join network of a non running container: {id}");
        Run("start", "web").Succeeded();
        Run("start", "side").Succeeded();
        Assert.That(Run("exec", "side", "readlink", "/proc/self/ns/net").Out, Is.EqualTo(Run("exec", "web", "readlink", "/proc/self/ns/net").Out));
    }

    [Test]
    public void Nobody_joins_the_network_of_a_container_that_is_being_started()
    {
        // Until its program runs, its process may be in the host's network, as when its supervisor was killed in between.
        Run("run", "-d", "--name", "web", "busybox", "sleep", "1000").Succeeded();
        var id = World.IdOf("web");
        using (var supervisor = PidHandle.TryOpen(World.SupervisorOf(id)!.Value)!)
        {
            supervisor.Send(Signal.SIGKILL.Number);
            supervisor.WaitForEnd(TimeSpan.FromSeconds(10));
        }
        World.Shell($"sed -i 's/\"startedAt\":\"[^\"]*\"/\"startedAt\":\"\"/' $CRUN_SHARP_ROOT/containers/{id}/state.json").Succeeded();
        Run("run", "--rm", "--network", "container:web", "busybox", "true").Failed(125, $"cannot join network of a non running container: {id}");
    }
}
