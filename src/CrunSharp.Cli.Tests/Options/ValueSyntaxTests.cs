using CrunSharp.Cli.Options;

namespace CrunSharp.Cli.Tests.Options;

public class ValueSyntaxTests
{
    [TestCase("nofile=1024", "nofile", 1024, 1024)]
    [TestCase("nofile=1024:2048", "nofile", 1024, 2048)]
    [TestCase("core=-1", "core", -1, -1)]
    [TestCase("core=5:-1", "core", 5, -1)]
    public void Limits_are_read(string text, string name, long soft, long hard) =>
        Assert.That(ValueSyntax.Ulimit(text), Is.EqualTo(new UlimitSpec(name, soft, hard)));

    [TestCase("/dev/a", "/dev/a", "/dev/a", "rwm")]
    [TestCase("/dev/a:/dev/b", "/dev/a", "/dev/b", "rwm")]
    [TestCase("/dev/a:r", "/dev/a", "/dev/a", "r")]
    [TestCase("/dev/a:/dev/b:rw", "/dev/a", "/dev/b", "rw")]
    public void Devices_are_read(string text, string source, string target, string permissions) =>
        Assert.That(ValueSyntax.Device(text), Is.EqualTo(new DeviceSpec(source, target, permissions)));

    [TestCase("db:10.0.0.1", "db", "10.0.0.1")]
    [TestCase("db=10.0.0.1", "db", "10.0.0.1")]
    [TestCase("db:::1", "db", "::1")]
    [TestCase("db=[::1]", "db", "::1")]
    [TestCase("host.docker.internal:host-gateway", "host.docker.internal", "host-gateway")]
    public void Hosts_are_read(string text, string name, string address) =>
        Assert.That(ValueSyntax.Host(text), Is.EqualTo(new HostSpec(name, address)));

    [Test]
    public void Networks_are_read()
    {
        Assert.That(ValueSyntax.Network("web").Name, Is.EqualTo("web"));
        var network = ValueSyntax.Network("name=web,alias=a,alias=b,ip=10.0.0.2");
        Assert.That((network.Name, network.Aliases, network.Ip), Is.EqualTo(("web", (string[])["a", "b"], "10.0.0.2")));
    }

    [Test]
    public void Keys_are_bytes()
    {
        Assert.That(ValueSyntax.DetachKeys("ctrl-p,ctrl-q"), Is.EqualTo((byte[])[16, 17]));
        Assert.That(ValueSyntax.DetachKeys("a,ctrl-@,ctrl-_"), Is.EqualTo((byte[])[97, 0, 31]));
    }
}
