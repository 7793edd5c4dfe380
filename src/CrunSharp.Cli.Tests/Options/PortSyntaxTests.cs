using CrunSharp.Cli.Options;

namespace CrunSharp.Cli.Tests.Options;

public class PortSyntaxTests
{
    [TestCase("80", " 0-0:80/tcp")]
    [TestCase("3000:80", " 3000-3000:80/tcp")]
    [TestCase("80:80/UDP", " 80-80:80/udp")]
    [TestCase("127.0.0.1:8080:80", "127.0.0.1 8080-8080:80/tcp")]
    [TestCase("127.0.0.1::80", "127.0.0.1 0-0:80/tcp")]
    [TestCase("[::1]:8080:80", "::1 8080-8080:80/tcp")]
    [TestCase("::1:8080:80", "::1 8080-8080:80/tcp")]
    [TestCase(":8080:80", " 8080-8080:80/tcp")]
    [TestCase("8000-8002:80-82", " 8000-8000:80/tcp;  8001-8001:81/tcp;  8002-8002:82/tcp")]
    [TestCase("8000-8010:80", " 8000-8010:80/tcp")]
    [TestCase("80-81", " 0-0:80/tcp;  0-0:81/tcp")]
    public void Ports_are_published(string text, string result) =>
        Assert.That(string.Join("; ", PortSyntax.Publish(text).Select(static p =>
            $"{p.HostAddress} {p.HostPort}-{p.LastHostPort}:{p.ContainerPort}/{p.Protocol}")), Is.EqualTo(result));

    [TestCase("80", "80/tcp")]
    [TestCase("53/udp", "53/udp")]
    [TestCase("80-82", "80/tcp 81/tcp 82/tcp")]
    public void Ports_are_declared(string text, string result) =>
        Assert.That(string.Join(' ', PortSyntax.Expose(text)), Is.EqualTo(result));
}
