using System.Net;
using System.Net.Sockets;
using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Processes;
using CrunSharp.Kernel.Sockets;
using CrunSharp.Oci;

namespace CrunSharp.Kernel.Tests.Sockets;

public class InetSocketTests
{
    [TestCase("127.0.0.1")]
    [TestCase("::1")]
    public void A_connection_is_accepted_and_carries_bytes(string address)
    {
        var local = IPAddress.Parse(address);
        using var listener = InetSocket.TryOpen(local.AddressFamily, Transport.Tcp, out _)!;
        Assume.That(InetSocket.Bind(listener, new IPEndPoint(local, 0)), Is.EqualTo(Errno.None), "the host has no such address");
        Assert.That(InetSocket.Listen(listener, 8), Is.EqualTo(Errno.None));
        using var client = InetSocket.TryOpen(local.AddressFamily, Transport.Tcp, out _)!;
        Assert.That(InetSocket.Connect(client, new IPEndPoint(local, InetSocket.PortOf(listener))), Is.EqualTo(Errno.None));
        var soon = TimeSpan.FromSeconds(5);
        Assert.That(Poll.Wait(listener, PollEvents.POLLIN, soon), Is.True);
        using var server = InetSocket.TryAccept(listener)!;
        Assert.That(InetSocket.Send(client, "hello"u8, out _), Is.EqualTo(5));
        InetSocket.EndSending(client);
        Assert.That(Poll.Wait(server, PollEvents.POLLIN, soon), Is.True);
        var buffer = new byte[16];
        Assert.That(InetSocket.Receive(server, buffer, out _), Is.EqualTo(5));
        Assert.That(Poll.Wait(server, PollEvents.POLLIN, soon), Is.True);
        Assert.That(InetSocket.Receive(server, buffer, out _), Is.Zero);
        Assert.That(InetSocket.Receive(client, buffer, out var errno), Is.EqualTo(-1));
        Assert.That(errno, Is.EqualTo(Errno.EAGAIN));
    }

    [Test]
    public void A_port_in_use_is_told()
    {
        using var one = InetSocket.TryOpen(AddressFamily.InterNetwork, Transport.Udp, out _)!;
        using var two = InetSocket.TryOpen(AddressFamily.InterNetwork, Transport.Udp, out _)!;
        Assert.That(InetSocket.Bind(one, new IPEndPoint(IPAddress.Loopback, 0)), Is.EqualTo(Errno.None));
        Assert.That(InetSocket.Bind(two, new IPEndPoint(IPAddress.Loopback, InetSocket.PortOf(one))), Is.EqualTo(Errno.EADDRINUSE));
    }
}
