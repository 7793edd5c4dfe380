using System.Net;
using CrunSharp.Network.Addresses;
using CrunSharp.Oci;

namespace CrunSharp.Network.Tests.Addresses;

public class SubnetTests
{
    [TestCase("10.88.0.0/16")]
    [TestCase("192.168.1.8/29")]
    public void A_subnet_prints_as_it_was_read(string text) => Assert.That(Subnet.Parse(text).ToString(), Is.EqualTo(text));

    [TestCase("10.88.0.1/16")]
    [TestCase("10.88.0.0")]
    [TestCase("10.88.0.0/31")]
    [TestCase("10.88.0.0/+16")]
    [TestCase("::/16")]
    [TestCase("")]
    public void What_is_no_subnet_is_refused(string text) => Assert.That(() => Subnet.Parse(text), Throws.TypeOf<CrunException>());

    [Test]
    public void Network_gateway_and_broadcast_are_not_for_containers()
    {
        var plan = AddressPlan.Of(new NetworkRecord { Name = "n", Bridge = "b", Subnet = "192.0.2.0/29" });
        var usable = Enumerable.Range(0, 8).Where(i => plan.IsUsable(plan.Subnet.First + (uint)i));
        Assert.That(usable, Is.EqualTo(new[] { 2, 3, 4, 5, 6 }));
    }

    [Test]
    public void A_MAC_address_is_local_unicast_and_tells_the_address() =>
        Assert.That(Subnet.FormatMac(Subnet.ToMac(Subnet.ToNumber(IPAddress.Parse("10.88.1.200")))), Is.EqualTo("02:c5:0a:58:01:c8"));

    [TestCase(new string[0], "10.88.0.0/16")]
    [TestCase(new[] { "10.88.7.0/24" }, "10.89.0.0/24")]
    [TestCase(new[] { "10.88.0.0/16", "10.89.0.0/24", "10.89.1.128/25" }, "10.89.2.0/24")]
    [TestCase(new[] { "192.168.0.0/16", "10.0.0.0/10" }, "10.88.0.0/16")]
    [TestCase(new[] { "10.64.0.0/10" }, "10.128.0.0/24")]
    public void The_first_range_is_chosen_that_overlaps_no_route(string[] taken, string expected) =>
        Assert.That(SubnetChoice.FirstFree([.. taken.Select(Subnet.Parse)]).ToString(), Is.EqualTo(expected));

    [Test]
    public void When_all_of_10_is_taken_that_is_told() =>
        Assert.That(() => SubnetChoice.FirstFree([new Subnet(0x0a000000, 8)]), Throws.TypeOf<CrunException>());

    [Test, Category("needs-root")]
    public void Routes_of_the_host_are_seen_and_the_default_route_is_none_of_them()
    {
        using var machine = new Machine();
        machine.Tool("ip", "link", "add", "d0", "type", "bridge");
        machine.Tool("ip", "link", "set", "d0", "up");
        machine.Tool("ip", "addr", "add", "10.88.3.1/24", "dev", "d0");
        machine.Tool("ip", "route", "add", "default", "via", "10.88.3.2");
        machine.Tool("ip", "route", "add", "unreachable", "10.89.0.0/20");
        var network = machine.Run(() =>
        {
            var directory = Directory.CreateTempSubdirectory("crun-sharp-test-").FullName;
            try
            {
                return BridgeNetwork.OpenDefault(new NetworkPaths { Run = directory }).SubnetText;
            }
            finally
            {
                Kernel.Files.FileAt.RemoveTree(null, directory);
            }
        });
        Assert.That(network, Is.EqualTo("10.89.16.0/24"));
    }
}
