using System.Globalization;
using CrunSharp.Kernel.Processes;
using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests;

/// <summary>The network of containers, seen from them, from their host and from a second host on a wire to the first.</summary>
public sealed class NetworkTests : NativeTest
{
    private const string HostAddress = "192.0.2.1", OutsideAddress = "192.0.2.2";

    protected override void Prepare()
    {
        File.Copy(Probe.Program, World.Files + "/probe");
        _ = World.Outside;
    }

    // Serves /data, which has the file from-image, on port 80.
    private string StartWeb(string name, params string[] options)
    {
        Run(["run", "-d", "--name", name, .. options, "busybox", "httpd", "-f", "-p", "80", "-h", "/data"]).Succeeded();
        World.Await(() => Run("exec", name, "wget", "-q", "-O", "-", "http://127.0.0.1/from-image").Out == "image\n", $"{name} serves");
        return AddressOf(name);
    }

    private string StartUdp(string name, params string[] options)
    {
        Run(["run", "-d", "--name", name, "-v", "./probe:/probe:ro", .. options, "busybox", "/probe", "udp-serve", "53"]).Succeeded();
        World.Await(() => Run("logs", name).Out == "serving\n", $"{name} serves");
        return AddressOf(name);
    }

    private string AddressOf(string name) => World.Inspect(name, "{{.NetworkSettings.IPAddress}}");

    private Machine At(string place) => place == "outside" ? World.Outside : World.Host;

    private bool Serves(string place, string host, int port = 8080)
    {
        using var session = At(place).Start("curl", ["-sS", "-g", "-m", "3", $"http://{host}:{port}/from-image"]);
        return session.Wait().Out == "image\n";
    }

    private string AskUdp(string place, string host, int port)
    {
        using var session = At(place).Start(World.Files + "/probe", ["udp-ask", host, port.ToString(CultureInfo.InvariantCulture)]);
        return session.Wait().Line;
    }

    [Test]
    public void A_published_port_is_reached_from_everywhere()
    {
        StartWeb("web", "-p", "8080:80");
        StartWeb("other");
        Assert.Multiple(() =>
        {
            Assert.That(Serves("outside", HostAddress), "from outside");
            foreach (var address in (string[])["127.0.0.1", "[::1]", "localhost", HostAddress, "10.88.0.1"]) Assert.That(Serves("host", address), $"from the host, at {address}");
            foreach (var name in (string[])["web", "other"])
            {
                foreach (var address in (string[])[HostAddress, "10.88.0.1"])
                    Assert.That(Run("exec", name, "timeout", "3", "wget", "-q", "-O", "-", $"http://{address}:8080/from-image").Out, Is.EqualTo("image\n"), $"from {name}, at {address}");
            }
            Assert.That(Run("port", "web").Out, Does.Contain("80/tcp -> 0.0.0.0:8080\n"));
            Assert.That(Run("ps", "--filter", "name=web", "--format", "{{.Ports}}").Line, Does.Contain("0.0.0.0:8080->80/tcp"));
        });
    }

    [Test]
    public void A_published_port_of_udp_is_reached_from_everywhere()
    {
        StartUdp("dns", "-p", "5353:53/udp");
        Assert.Multiple(() =>
        {
            Assert.That(AskUdp("outside", HostAddress, 5353), Is.EqualTo(OutsideAddress), "the sender's address is kept");
            Assert.That(AskUdp("host", HostAddress, 5353), Is.Not.EqualTo("nothing"));
            Assert.That(AskUdp("host", "127.0.0.1", 5353), Is.Not.EqualTo("nothing"));
        });
    }

    [Test]
    public void A_client_of_udp_that_goes_on_reaches_the_next_container_too()
    {
        for (var round = 0; round < 2; round++)
        {
            StartUdp($"round{round}", "-p", "5353:53/udp");
            Assert.That(AskUdp("outside", HostAddress, 5353), Is.EqualTo(OutsideAddress), $"round {round}");
            Run("rm", "-f", $"round{round}").Succeeded();
        }
    }

    [Test]
    public void What_is_published_on_an_address_is_reached_there_only()
    {
        StartWeb("local", "-p", "127.0.0.1:8080:80");
        StartWeb("wire", "-p", $"{HostAddress}:8081:80");
        // A neighbour that sends to our 127.0.0.1 over the wire.
        World.Outside.Tool("sh", "-c", "echo 1 > /proc/sys/net/ipv4/conf/eth0/route_localnet; ip addr del 127.0.0.1/8 dev lo; ip route add 127.0.0.0/8 via 192.0.2.1 dev eth0 src 192.0.2.2");
        try
        {
            Assert.Multiple(() =>
            {
                Assert.That(Serves("host", "127.0.0.1"));
                Assert.That(Serves("outside", HostAddress), Is.False);
                Assert.That(Serves("outside", "127.0.0.1"), Is.False);
                Assert.That(Serves("outside", HostAddress, 8081));
                Assert.That(Serves("host", HostAddress, 8081));
                Assert.That(Serves("host", "127.0.0.1", 8081), Is.False);
            });
        }
        finally
        {
            World.Outside.Tool("sh", "-c", "ip route del 127.0.0.0/8; ip addr add 127.0.0.1/8 dev lo");
        }
    }

    [Test]
    public void What_is_not_published_is_not_reached_from_outside()
    {
        var address = StartWeb("hidden", "-p", "8080:81");
        World.Outside.Tool("ip", "route", "add", "10.88.0.0/16", "via", HostAddress);
        try
        {
            Assert.That(Serves("outside", address, 80), Is.False, "although it has a route");
            Assert.That(Serves("host", address, 80));
        }
        finally
        {
            World.Outside.Tool("ip", "route", "del", "10.88.0.0/16");
        }
    }

    [Test]
    public void A_container_reaches_the_outside_with_its_hosts_address()
    {
        using var server = World.Outside.Start(World.Files + "/probe", ["udp-serve", "7000"]);
        server.Expect("serving");
        Assert.That(Run("run", "--rm", "-v", "./probe:/probe:ro", "busybox", "/probe", "udp-ask", OutsideAddress, "7000").Succeeded().Line, Is.EqualTo(HostAddress));
        Assert.That(Run("run", "--rm", "--cap-add", "NET_RAW", "busybox", "ping", "-c", "1", "-W", "3", OutsideAddress).Succeeded().Out, Does.Contain("1 packets received"));
    }

    [Test]
    public void Containers_reach_each_other_by_address()
    {
        var one = StartWeb("one");
        var two = StartWeb("two");
        Assert.That(one, Does.StartWith("10.88.0.").And.Not.EqualTo(two));
        Assert.That(Run("exec", "one", "wget", "-q", "-O", "-", $"http://{two}/from-image").Out, Is.EqualTo("image\n"));
        Assert.That(Run("exec", "two", "wget", "-q", "-O", "-", $"http://{one}/from-image").Out, Is.EqualTo("image\n"));
        Assert.That(Run("exec", "one", "sh", "-c", "ip -4 -o addr show dev eth0; ip route").Out, Does.Contain($"inet {one}/16").And.Contain("default via 10.88.0.1 dev eth0"));
    }

    [Test]
    public void A_container_does_not_reach_what_the_host_serves_to_itself()
    {
        using var server = World.Host.Start("busybox", ["httpd", "-f", "-p", "127.0.0.1:6000", "-h", World.Files]);
        World.File("from-image", "image\n");
        World.Await(() => Serves("host", "127.0.0.1", 6000), "the host serves");
        var seen = Run("run", "--rm", "--cap-add", "NET_ADMIN", "--privileged", "busybox", "sh", "-c",
            "echo 1 > /proc/sys/net/ipv4/conf/eth0/route_localnet; ip addr del 127.0.0.1/8 dev lo; ip route add 127.0.0.1 via 10.88.0.1; timeout 2 wget -q -O - http://127.0.0.1:6000/from-image; timeout 2 wget -q -O - http://10.88.0.1:6000/from-image");
        Assert.That(seen.Out, Is.Empty);
        server.Send(Signal.SIGKILL);
        server.Wait();
    }

    [Test]
    public void Ranges_of_ports_are_published()
    {
        StartWeb("range", "-p", "8079-8081:79-81", "-p", "9000-9200:9000-9200/udp");
        Assert.That((Serves("outside", HostAddress), Serves("outside", HostAddress, 8079)), Is.EqualTo((true, false)));
        Assert.That(Run("port", "range", "9200/udp").Out, Does.StartWith("0.0.0.0:9200"));
        Assert.That(Run("port", "range").Lines, Has.Length.GreaterThanOrEqualTo(204));
    }

    [TestCase("-P")]
    [TestCase("-p=80")]
    [TestCase("-p=20000-20100:80")]
    public void A_free_port_is_chosen_and_told(string option)
    {
        foreach (var name in (string[])["first", "second"])
        {
            StartWeb(name, "--expose", "80", option);
            var port = int.Parse(Run("port", name, "80/tcp").Lines[0].Split(':')[^1], CultureInfo.InvariantCulture);
            Assert.That(port, option.Contains('-', StringComparison.Ordinal) && option.Contains("20000", StringComparison.Ordinal) ? Is.InRange(20000, 20100) : Is.InRange(1024, 65535));
            Assert.That(Serves("outside", HostAddress, port), $"{name} at {port}");
        }
    }

    [TestCase("8080:80")]
    [TestCase("127.0.0.1:8080:80")]
    [TestCase("8070-8090:70-90")]
    public void A_port_that_another_container_has_is_refused(string publish)
    {
        StartWeb("holder", "-p", "8080:80");
        Run("run", "--rm", "-p", publish, "busybox", "true").Failed(125, "8080");
        Run("run", "-d", "-p", publish, "--name", "late", "busybox", "true").Failed(125, "8080");
        Assert.That(Serves("outside", HostAddress), "the holder's goes on");
    }

    [Test]
    public void A_port_that_a_program_of_the_host_has_is_refused()
    {
        using (var holder = World.Host.Start("busybox", ["httpd", "-f", "-p", "8080", "-h", World.Files]))
        {
            World.Await(() => World.Host.Tool("ss", "-Hltn").Contains(":8080", StringComparison.Ordinal), "the host has the port");
            Run("run", "--rm", "-p", "8080:80", "busybox", "true").Failed(125, "8080");
            holder.Send(Signal.SIGKILL);
            holder.Wait();
        }
        StartWeb("free", "-p", "8080:80");
    }

    [TestCase("65536:80")]
    [TestCase("80:0")]
    [TestCase("300.0.0.1:80:80")]
    [TestCase("80:80/icmp")]
    [TestCase("8080-8082:80-81")]
    [TestCase("x:80")]
    [TestCase("198.51.100.7:80:80")]
    public void A_port_that_is_none_is_refused(string publish)
    {
        var outcome = Run("run", "--rm", "-p", publish, "busybox", "true");
        Assert.That(outcome.Code, Is.EqualTo(125), outcome.ToString());
        Assert.That(outcome.Err, Is.Not.Empty.And.Not.Contain("Exception"));
        Assert.That(Run("ps", "-aq").Out, Is.Empty);
    }

    [Test]
    public void The_hosts_network_is_the_hosts()
    {
        var outcome = Run("run", "--rm", "--network", "host", "busybox", "sh", "-c", "readlink /proc/self/ns/net; ip -o link | grep -c up0; hostname");
        Assert.That(outcome.Lines, Is.EqualTo((string[])[World.Host.Tool("readlink", "/proc/self/ns/net").TrimEnd(), "1", World.Host.Tool("hostname").TrimEnd()]));
    }

    [Test]
    public void Without_a_network_there_is_loopback_only() =>
        Assert.That(Run("run", "--rm", "--network", "none", "--cap-add", "NET_RAW", "busybox", "sh", "-c", "ls /sys/class/net; ip route; ping -c 1 -W 2 127.0.0.1 | grep -c '1 packets received'").Out, Is.EqualTo("lo\n1\n"));

    [Test]
    public void Hosts_and_resolv_conf_say_what_holds()
    {
        var outcome = Run("run", "--rm", "-h", "boxed", "--add-host", "db:10.1.2.3", "--dns", "192.0.2.53", "busybox", "sh", "-c",
            "cat /etc/hosts; echo --; cat /etc/resolv.conf; echo --; cat /etc/hostname; ip -4 -o addr show dev eth0 | awk '{print $4}'").Succeeded();
        var parts = outcome.Out.Split("--\n");
        var address = parts[2].Split('\n')[1].Split('/')[0];
        Assert.Multiple(() =>
        {
            Assert.That(parts[0], Does.Match(@"(?m)^127\.0\.0\.1\s+localhost").And.Match(@"(?m)^::1\s+.*localhost").And.Match(@"(?m)^10\.1\.2\.3\s+db$").And.Match($@"(?m)^{address}\s+boxed\s"));
            Assert.That(parts[1].Split('\n').Where(static line => line.StartsWith("nameserver", StringComparison.Ordinal)), Is.EqualTo((string[])["nameserver 192.0.2.53"]));
            Assert.That(parts[2], Does.StartWith("boxed\n"));
        });
        Assert.That(Run("run", "--rm", "busybox", "cat", "/etc/resolv.conf").Succeeded().Out, Does.Not.Match(@"nameserver\s+127\."));
    }

    [Test]
    public void They_can_be_written_and_do_not_reach_the_host() =>
        Assert.That(Run("run", "--rm", "busybox", "sh", "-c", "echo 10.9.9.9 mine >> /etc/hosts && grep mine /etc/hosts").Out, Is.EqualTo("10.9.9.9 mine\n"));

    [Test]
    public void A_container_without_its_supervisor_goes_on_and_rm_takes_all_away()
    {
        var address = StartWeb("left", "-p", "8080:80");
        Kill(World.SupervisorOf(World.IdOf("left"))!.Value);
        Assert.That(Serves("outside", HostAddress), "although its supervisor is gone");
        Run("rm", "-f", "left").Succeeded();
        Assert.That(World.Host.Tool("nft", "list", "ruleset"), Does.Not.Contain(address));
        Assert.That(File.Exists($"{World.RunRoot}/net/bridge/ip/{address}"), Is.False);
    }

    [TestCase("stop")]
    [TestCase("rm -f")]
    [TestCase("start")]
    [TestCase("run")]
    public void What_a_killed_supervisor_and_program_had_is_freed_by_the_next_command(string command)
    {
        var address = StartWeb("killed", "-p", "8080:80");
        var (supervisor, program) = (World.SupervisorOf(World.IdOf("killed"))!.Value, World.PidOf("killed"));
        Kill(supervisor);
        Kill(program);
        World.Await(() => Run("ps", "-q").Out.Length == 0, "it is seen as ended");
        if (command == "run")
        {
            StartWeb("again", "-p", "8080:80");
            Assert.That(Serves("outside", HostAddress));
            return;
        }
        Run([.. command.Split(' '), "killed"]).Succeeded();
        if (command == "start")
        {
            World.Await(() => Serves("outside", HostAddress), "it serves again");
            return;
        }
        Assert.That(World.Host.Tool("nft", "list", "ruleset"), Does.Not.Contain(address));
        Assert.That(File.Exists($"{World.RunRoot}/net/bridge/ip/{address}"), Is.False);
        World.Await(() => !World.Host.Tool("ip", "-o", "link").Contains("master crunsharp0", StringComparison.Ordinal), "its interface is gone");
    }

    private static void Kill(int pid)
    {
        using var process = PidHandle.TryOpen(pid);
        process?.Send(Signal.SIGKILL.Number);
    }

    [Test]
    public void Ports_are_reached_again_when_somebody_has_flushed_the_firewall()
    {
        StartWeb("flushed", "-p", "8080:80");
        World.Host.Tool("nft", "flush", "ruleset");
        Assert.That(Serves("outside", HostAddress), "by the relay");
        StartWeb("after", "-p", "8081:80");
        Assert.Multiple(() =>
        {
            Assert.That(Serves("outside", HostAddress), "the first");
            Assert.That(Serves("outside", HostAddress, 8081), "the second");
            Assert.That(Serves("host", "127.0.0.1", 8081));
        });
    }

    [Test]
    public void Twenty_at_once_have_twenty_addresses()
    {
        var sessions = Enumerable.Range(0, 20).Select(i => World.Start("run", "--rm", "-p", $"{8100 + i}:80", "busybox", "sh", "-c", "ip -4 -o addr show dev eth0 | awk '{print $4}'; sleep 2")).ToList();
        var addresses = sessions.ConvertAll(static session =>
        {
            using (session) return session.Wait().Succeeded().Line;
        });
        Assert.That(addresses, Is.Unique.And.All.StartsWith("10.88.0."));
    }
}
