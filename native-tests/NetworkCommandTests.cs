using System.Text.Json;
using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests;

/// <summary><c>network create</c>, <c>ls</c>, <c>inspect</c>, <c>rm</c> and <c>prune</c>.</summary>
public sealed class NetworkCommandTests : NativeTest
{
    private string[] Made => Run("network", "ls", "-q", "--filter", "type=custom").Succeeded().Lines;

    [TearDown]
    public void RemoveNetworks()
    {
        if (Run("ps", "-aq").Lines is { Length: > 0 } containers) Run(["rm", "-f", .. containers]);
        if (Made is { Length: > 0 } networks) Run(["network", "rm", .. networks]).Succeeded();
        Assert.That(Directory.GetDirectories($"{World.RunRoot}/net").Select(Path.GetFileName), Is.SubsetOf(new[] { "bridge" }));
    }

    [Test]
    public void A_network_is_made_listed_and_removed()
    {
        var id = Run("network", "create", "--label", "a=b", "blue").Succeeded().Line;
        Assert.That(id, Does.Match("^[0-9a-f]{64}$"));
        Assert.Multiple(() =>
        {
            Assert.That(Run("network", "ls").Out, Does.Match(@"^NETWORK ID +NAME +DRIVER +SCOPE\n[0-9a-f]{12} +blue +bridge +local\n[0-9a-f]{12} +bridge +bridge +local\n[0-9a-f]{12} +host +host +local\n[0-9a-f]{12} +none +null +local\n$"));
            Assert.That(Run("network", "ls", "-q", "--no-trunc", "--filter", "name=blu").Out, Is.EqualTo(id + "\n"));
            Assert.That(Run("network", "ls", "--filter", "label=a=b", "--format", "{{.ID}} {{.Name}} {{.Internal}} {{.Labels}} {{.Label \"a\"}}").Out, Is.EqualTo($"{id[..12]} blue false a=b b\n"));
            Assert.That(Run("network", "ls", "--filter", "driver=null", "--format", "{{.Name}}").Out, Is.EqualTo("none\n"));
            Assert.That(Run("network", "ls", "--filter", "dangling=true", "--format", "{{.Name}}").Out, Is.EqualTo("blue\n"));
            Assert.That(JsonDocument.Parse(Run("network", "ls", "--filter", "name=blue", "--format", "json").Line).RootElement.GetProperty("Driver").GetString(), Is.EqualTo("bridge"));
            Assert.That(World.Host.Tool("ip", "-o", "link"), Does.Not.Contain("br-"), "it is made when it is used");
        });
        Assert.That(Run("network", "rm", id[..6]).Succeeded().Out, Is.EqualTo(id[..6] + "\n"));
        Run("network", "rm", "blue").Failed(1, "network blue not found");
        Assert.That(Run("network", "rm", "-f", "blue").Succeeded().Out, Is.Empty);
    }

    [Test]
    public void Inspect_shows_what_docker_shows()
    {
        Run("network", "create", "--subnet", "172.30.0.0/16", "--ip-range", "172.30.5.0/24", "--gateway", "172.30.0.9", "--aux-address", "router=172.30.5.1",
            "--internal", "-o", "com.docker.network.driver.mtu=1400", "--label", "x=y", "green").Succeeded();
        var network = JsonDocument.Parse(Run("network", "inspect", "green").Succeeded().Out).RootElement[0];
        Assert.Multiple(() =>
        {
            Assert.That(network.GetProperty("Name").GetString(), Is.EqualTo("green"));
            Assert.That(network.GetProperty("Id").GetString(), Is.EqualTo(Run("network", "ls", "-q", "--no-trunc", "--filter", "name=green").Line));
            Assert.That(network.GetProperty("Created").GetString(), Does.StartWith("20"));
            Assert.That(network.GetProperty("Internal").GetBoolean());
            Assert.That(SortedJson.Of(network.GetProperty("IPAM").GetProperty("Config")[0].GetRawText()),
                Is.EqualTo(SortedJson.Of("""{ "Subnet": "172.30.0.0/16", "IPRange": "172.30.5.0/24", "Gateway": "172.30.0.9", "AuxiliaryAddresses": { "router": "172.30.5.1" } }""")));
            Assert.That(SortedJson.Of(network.GetProperty("Options").GetRawText()), Is.EqualTo(SortedJson.Of("""{ "com.docker.network.driver.mtu": "1400" }""")));
            Assert.That(SortedJson.Of(network.GetProperty("Labels").GetRawText()), Is.EqualTo(SortedJson.Of("""{ "x": "y" }""")));
            Assert.That(network.GetProperty("Containers").ToString(), Is.EqualTo("{}"));
            Assert.That(World.Inspect("green", "{{.Driver}} {{(index .IPAM.Config 0).Subnet}}"), Is.EqualTo("bridge 172.30.0.0/16"), "inspect of anything");
            Assert.That(Run("network", "inspect", "bridge", "-f", "{{range .IPAM.Config}}{{.Subnet}}{{end}} {{index .Options \"com.docker.network.bridge.name\"}}").Line, Is.EqualTo("10.88.0.0/16 crunsharp0"));
        });
        var missing = Run("network", "inspect", "nosuch").Failed(1, "network nosuch not found");
        Assert.That(missing.Out, Is.EqualTo("[]\n"));
    }

    [TestCase("network with name blue already exists", "blue")]
    [TestCase("operation is not permitted on predefined host network", "host")]
    [TestCase("invalid network name", "a/b")]
    [TestCase("invalid network name", ".lock")]
    [TestCase("plugin \"overlay\" not found", "-d", "overlay", "x1")]
    [TestCase("every ip-range or gateway must have a corresponding subnet", "--gateway", "10.1.2.3", "x1")]
    [TestCase("no matching subnet for gateway 10.1.3.1", "--subnet", "10.1.2.0/24", "--gateway", "10.1.3.1", "x1")]
    [TestCase("no matching subnet for range 10.1.3.0/25", "--subnet", "10.1.2.0/24", "--ip-range", "10.1.3.0/25", "x1")]
    [TestCase("invalid CIDR address: 10.1.2.0", "--subnet", "10.1.2.0", "x1")]
    [TestCase("invalid network config: invalid subnet 10.1.2.9/24: it should be 10.1.2.0/24", "--subnet", "10.1.2.9/24", "x1")]
    [TestCase("Pool overlaps with other one on this address space", "--subnet", "172.31.4.0/24", "x1")]
    [TestCase("networks have same bridge name", "-o", "com.docker.network.bridge.name=blue0", "x1")]
    [TestCase("invalid value 1 of option com.docker.network.driver.mtu", "-o", "com.docker.network.driver.mtu=1", "x1")]
    [TestCase("is not supported", "-o", "com.example=1", "x1")]
    public void What_cannot_be_is_refused(string reason, params string[] arguments)
    {
        Run("network", "create", "--subnet", "172.31.0.0/16", "-o", "com.docker.network.bridge.name=blue0", "blue").Succeeded();
        Run(["network", "create", .. arguments]).Failed(1, reason);
        Assert.That(Made, Has.Length.EqualTo(1));
    }

    [Test]
    public void Predefined_networks_cannot_be_removed()
    {
        foreach (var name in (string[])["bridge", "host", "none"]) Run("network", "rm", name).Failed(1, $"{name} is a pre-defined network and cannot be removed");
    }

    [Test]
    public void Addresses_are_chosen_beside_the_hosts_routes_and_each_other()
    {
        World.Host.Tool("ip", "link", "add", "up1", "type", "bridge");
        try
        {
            World.Host.Tool("ip", "link", "set", "up1", "up");
            World.Host.Tool("ip", "addr", "add", "10.89.1.7/24", "dev", "up1");
            foreach (var name in (string[])["n0", "n1", "n2"]) Run("network", "create", name).Succeeded();
            Assert.That(Run("network", "inspect", "-f", "{{(index .IPAM.Config 0).Subnet}}", "n0", "n1", "n2").Lines, Is.EqualTo(new[] { "10.89.0.0/24", "10.89.2.0/24", "10.89.3.0/24" }));
        }
        finally
        {
            World.Host.Tool("ip", "link", "del", "up1");
        }
    }

    [Test]
    public void Networks_that_are_made_at_once_get_different_addresses()
    {
        var sessions = Enumerable.Range(0, 8).Select(i => World.Start("network", "create", $"n{i}")).ToList();
        foreach (var session in sessions) session.Wait().Succeeded();
        Assert.That(Run(["network", "inspect", "-f", "{{(index .IPAM.Config 0).Subnet}}", .. Made]).Lines, Has.Length.EqualTo(8).And.Unique);
        sessions = [.. Enumerable.Range(0, 4).Select(i => World.Start("network", "create", "same"))];
        Assert.That(sessions.Count(session => session.Wait().Code == 0), Is.EqualTo(1));
    }

    [Test]
    public void Prune_removes_what_no_running_container_has()
    {
        foreach (var name in (string[])["used", "idle", "kept"]) Run("network", "create", "--label", $"name={name}", name).Succeeded();
        Run("run", "-d", "--name", "holder", "--network", "used", "busybox", "sleep", "1000").Succeeded();
        Run("create", "--name", "stopped", "--network", "idle", "busybox", "true").Succeeded();
        Assert.That(World.RunWith("n\n", "network", "prune").Out, Does.StartWith("WARNING! This will remove all custom networks not used by at least one container.\n"));
        Assert.That(Run("network", "prune", "-f", "--filter", "label!=name=kept").Succeeded().Out, Is.EqualTo("Deleted Networks:\nidle\n\n"));
        Assert.That(Run("network", "prune", "-f").Succeeded().Out, Is.EqualTo("Deleted Networks:\nkept\n\n"));
        Assert.That(Run("network", "prune", "-f").Succeeded().Out, Is.Empty);
        Run("start", "stopped").Failed(1, "network idle not found");
    }

    [Test]
    public void A_removal_that_was_cut_short_is_completed_by_the_next_command()
    {
        Run("network", "create", "-o", "com.docker.network.bridge.name=torn0", "torn").Succeeded();
        Run("run", "--rm", "--network", "torn", "busybox", "true").Succeeded();
        Assert.That(World.Host.Tool("ip", "-o", "link"), Does.Contain("torn0"));
        File.Delete($"{World.Root}/networks/torn.json"); // all that a removal does before it is killed
        Assert.That(Run("network", "prune", "-f").Succeeded().Out, Is.Empty);
        Assert.That(World.Host.Tool("ip", "-o", "link") + World.Host.Tool("nft", "list", "ruleset"), Does.Not.Contain("torn0"));
    }

    [Test]
    public void A_spoiled_definition_is_in_nobodys_way()
    {
        Run("network", "create", "good").Succeeded();
        File.WriteAllText($"{World.Root}/networks/bad.json", "{ \"name\": \"bad\", ");
        try
        {
            Assert.That(Run("network", "ls", "--filter", "type=custom", "--format", "{{.Name}}").Succeeded().Out, Is.EqualTo("good\n"));
            Run("network", "create", "other").Succeeded();
            Run("run", "--network", "bad", "busybox", "true").Failed(125, "network bad not found");
            Run("network", "create", "bad").Succeeded();
        }
        finally
        {
            Run("network", "rm", "bad").Succeeded();
        }
    }
}
