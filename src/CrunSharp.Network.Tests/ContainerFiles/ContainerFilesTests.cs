using System.Net;
using CrunSharp.Network.ContainerFiles;
using CrunSharp.Oci;

namespace CrunSharp.Network.Tests.ContainerFiles;

public class ContainerFilesTests
{
    private static readonly IPAddress Address = IPAddress.Parse("10.88.0.7");
    private static readonly IPAddress Gateway = IPAddress.Parse("10.88.0.1");

    [Test]
    public void Hosts_names_the_container_the_host_and_what_the_user_added()
    {
        var text = HostsFile.Build(Address, Gateway, ["web.example.org", "0123456789ab"],
            [new("db", IPAddress.Parse("192.0.2.7")), new("me", null), new("six", IPAddress.Parse("2001:db8::1"))]);
        Assert.That(text, Is.EqualTo("""
            127.0.0.1	localhost
            ::1	localhost ip6-localhost ip6-loopback
            fe00::0	ip6-localnet
            ff00::0	ip6-mcastprefix
            ff02::1	ip6-allnodes
            ff02::2	ip6-allrouters
            192.0.2.7	db
            10.88.0.1	me
            2001:db8::1	six
            10.88.0.1	host.docker.internal gateway.docker.internal host.containers.internal
            10.88.0.7	web.example.org web 0123456789ab

            """));
    }

    [Test]
    public void Hosts_without_a_network_names_only_the_loopback()
    {
        var text = HostsFile.Build(null, null, ["web"], []);
        Assert.That(text, Does.EndWith("127.0.0.1\tweb\n").And.Not.Contain("docker"));
        Assert.That(() => HostsFile.Build(null, null, ["web"], [new("x", null)]), Throws.TypeOf<CrunException>());
    }

    [TestCase("evil\n8.8.8.8 bank.example")]
    [TestCase("two words")]
    [TestCase("")]
    public void A_name_that_would_be_more_than_a_name_is_refused(string name)
    {
        Assert.That(() => HostsFile.Build(Address, Gateway, [], [new(name, Gateway)]), Throws.TypeOf<CrunException>());
        Assert.That(() => HostsFile.BuildHostname(name), Throws.TypeOf<CrunException>());
    }

    [TestCase("nameserver 192.0.2.53\nsearch a.example b.example\noptions ndots:2 edns0\n", null,
        "search a.example b.example\nnameserver 192.0.2.53\noptions ndots:2 edns0\n", TestName = "The_hosts_servers_are_taken_over")]
    [TestCase("# made by systemd\nnameserver 127.0.0.53\noptions edns0 trust-ad\nsearch .\n", "nameserver 192.0.2.1\nnameserver 192.0.2.2\nsearch lan\n",
        "search lan\nnameserver 192.0.2.1\nnameserver 192.0.2.2\n", TestName = "Behind_the_stub_of_systemd_are_the_real_servers")]
    [TestCase("nameserver 127.0.0.1\nnameserver ::1\nnameserver fe80::1%eth0\nnameserver 192.0.2.9\ndomain x\n", "nameserver 192.0.2.1\n",
        "search x\nnameserver 192.0.2.9\n", TestName = "Servers_on_the_loopback_and_of_IPv6_are_left_out")]
    [TestCase("nameserver 127.0.0.1\n", null, "nameserver 8.8.8.8\nnameserver 8.8.4.4\n", TestName = "Without_any_server_there_are_public_ones")]
    [TestCase("nameserver\nnameserver rubbish\n\t\nnameserver\t192.0.2.9\r\n", null, "nameserver 192.0.2.9\n", TestName = "Rubbish_is_left_out")]
    public void Resolv(string host, string? systemd, string expected) =>
        Assert.That(ResolvConf.Build(host, systemd), Is.EqualTo(expected));

    [Test]
    public void The_users_servers_domains_and_options_replace_the_hosts()
    {
        const string host = "nameserver 192.0.2.53\nsearch a.example\noptions ndots:2\n";
        Assert.That(ResolvConf.Build(host, null, [IPAddress.Parse("192.0.2.99")], ["b.example"], ["timeout:1"]),
            Is.EqualTo("search b.example\nnameserver 192.0.2.99\noptions timeout:1\n"));
        Assert.That(ResolvConf.Build(host, null, null, ["."]), Is.EqualTo("nameserver 192.0.2.53\noptions ndots:2\n"));
        Assert.That(() => ResolvConf.Build(host, null, null, ["a\nnameserver 1.1.1.1"]), Throws.TypeOf<CrunException>());
    }
}
