using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Sockets;
using CrunSharp.Network.Nftables;

namespace CrunSharp.Network.Tests.Nftables;

[Category("needs-root")]
public class RulesetTests
{
    private static readonly string Cases = Path.Combine(TestContext.CurrentContext.TestDirectory, "cases");

    [Test]
    public void The_table_reads_as_it_was_designed_and_compiles_to_what_the_nft_tool_makes_of_it()
    {
        var design = File.ReadAllText(Cases + "/ruleset.nft");
        using var ours = new Machine();
        using var theirs = new Machine();
        ours.Run(Make);
        theirs.Tool("nft", "-f", Cases + "/ruleset.nft");
        Assert.Multiple(() =>
        {
            Assert.That(ours.Tool("nft", "list", "table", "inet", "crunsharp"), Is.EqualTo(design));
            Assert.That(Program(ours), Is.EqualTo(Program(theirs)).And.Contain("lookup reg 1 set dnat4a"));
        });
    }

    [Test]
    public void The_table_is_recognized_by_its_version()
    {
        using var machine = new Machine();
        Assert.That(machine.Run(Look), Is.EqualTo(Ruleset.State.Missing));
        machine.Run(Make);
        Assert.That(machine.Run(Look), Is.EqualTo(Ruleset.State.Present));
        machine.Tool("nft", "delete", "table", "inet", "crunsharp");
        machine.Tool("nft", "add", "table", "inet", "crunsharp", "{ comment \"crun-sharp rules 0; do not edit\"; }");
        Assert.That(machine.Run(Look), Is.EqualTo(Ruleset.State.Other));
    }

    [Test]
    public void A_batch_with_one_wrong_change_changes_nothing_and_names_the_change()
    {
        using var machine = new Machine();
        machine.Run(Make);
        var errors = machine.Run(() =>
        {
            using var netfilter = NetlinkSocket.Open(NetlinkProtocol.NETLINK_NETFILTER);
            var batch = Ruleset.Batch();
            batch.AddElements("br", new NftElement(Ruleset.Name("other0")));
            batch.AddElements("no_such_set", new NftElement(Ruleset.Name("other0")));
            return batch.TryExecute(netfilter);
        });
        Assert.That(errors.Select(e => e.Operation), Is.EqualTo(new[] { "add elements to no_such_set" }));
        Assert.That(machine.Tool("nft", "list", "set", "inet", "crunsharp", "br"), Does.Not.Contain("other0"));
    }

    // Without elements, whose order is the hash table's.
    private static string Program(Machine machine) => string.Join('\n',
        machine.Tool("nft", "--debug=netlink", "list", "table", "inet", "crunsharp").Split('\n').Where(line => !line.StartsWith("\telement", StringComparison.Ordinal)));

    private static void Make()
    {
        using var netfilter = NetlinkSocket.Open(NetlinkProtocol.NETLINK_NETFILTER);
        var batch = Ruleset.Batch();
        Ruleset.AddAll(batch);
        Ruleset.AddNetwork(batch, new NetworkRecord { Name = "bridge", Bridge = "crunsharp0", Subnet = "10.88.0.0/16" });
        PortMap.Add(batch,
        [
            new PortForward { HostPort = 8080, ContainerPort = 80 },
            new PortForward { HostPort = 53, ContainerPort = 5353, Protocol = PortProtocol.Udp },
            new PortForward { HostPort = 9, ContainerPort = 9, Protocol = PortProtocol.Sctp },
            new PortForward { HostIp = System.Net.IPAddress.Loopback, HostPort = 8081, ContainerPort = 81 },
        ], System.Net.IPAddress.Parse("10.88.0.2"));
        batch.Execute(netfilter);
    }

    private static Ruleset.State Look()
    {
        using var netfilter = NetlinkSocket.Open(NetlinkProtocol.NETLINK_NETFILTER);
        return Ruleset.Look(netfilter);
    }
}
