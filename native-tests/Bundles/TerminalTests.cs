using System.Net.Sockets;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Sockets;
using CrunSharp.NativeTests.Harness;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.NativeTests.Bundles;

/// <summary>Terminals, and the socket that gets them.</summary>
public sealed class TerminalTests : BundleTest
{
    private (Socket Listener, string Path) Listen()
    {
        var path = $"{World.Files}/console{Guid.NewGuid().ToString("N")[..8]}.sock";
        var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen();
        return (listener, path);
    }

    private static SafeFileHandle Receive(Socket listener)
    {
        using var connection = listener.Accept();
        using var handle = new SafeFileHandle(connection.SafeHandle.DangerousGetHandle(), ownsHandle: false);
        return UnixSocket.TryReceiveDescriptor(handle) ?? throw new InvalidOperationException("no terminal came");
    }

    private static string ReadUntil(SafeFileHandle terminal, string text)
    {
        var read = "";
        var buffer = new byte[4096];
        while (!read.Contains(text, StringComparison.Ordinal) && FileDescriptor.Read(terminal, buffer, out _) is > 0 and var count)
            read += System.Text.Encoding.UTF8.GetString(buffer, 0, count);
        return read;
    }

    private string TerminalBundle(string script) => World.Bundle(script, static config =>
    {
        config["process"]!["terminal"] = true;
        config["process"]!["consoleSize"] = new System.Text.Json.Nodes.JsonObject { ["height"] = 25, ["width"] = 99 };
    });

    [Test]
    public void The_socket_gets_the_terminal()
    {
        var (listener, path) = Listen();
        using var _ = listener;
        var creating = World.StartShell($"$R create -b {TerminalBundle("echo is-$(readlink /proc/self/fd/0); tty; test -c /dev/console && echo console; stty size; read a; echo got $a")} --console-socket {path} onterm </dev/null >/dev/null 2>&1");
        using var terminal = Receive(listener);
        creating.Wait().Succeeded();
        Run("start", "onterm").Succeeded();
        Assert.That(ReadUntil(terminal, "25 99"), Does.Contain("is-/dev/pts/0").And.Contain("console"));
        FileDescriptor.WriteAll(terminal, "hello\n"u8);
        Assert.That(ReadUntil(terminal, "got hello"), Does.Contain("got hello"));
    }

    [Test]
    public void Exec_sends_its_own()
    {
        StartSleeper("execterm");
        var (listener, path) = Listen();
        using var _ = listener;
        var executing = World.StartShell($"$R exec -d -t --console-socket {path} execterm sh -c 'tty; echo done; sleep 1' </dev/null >/dev/null 2>&1");
        using var terminal = Receive(listener);
        executing.Wait().Succeeded();
        Assert.That(ReadUntil(terminal, "done"), Does.Contain("/dev/pts/"));
    }

    [Test]
    public void A_terminal_needs_a_socket_and_a_socket_a_terminal()
    {
        var (listener, path) = Listen();
        using var _ = listener;
        Assert.That(Run("create", "-b", TerminalBundle("true"), "a").Code, Is.Not.Zero);
        Assert.That(Run("create", "-b", World.Bundle("true"), "--console-socket", path, "b").Code, Is.Not.Zero);
        Assert.That(Run("run", "-b", TerminalBundle("true"), "--console-socket", path, "c").Code, Is.Not.Zero);
    }

    [Test]
    public void In_the_foreground_our_terminal_is_the_containers()
    {
        var bundle = TerminalBundle("stty size; tty; exit 5");
        var outcome = World.Shell($"script -qec 'stty rows 33 cols 77; $R run -b {bundle} fore' /dev/null");
        Assert.That(outcome.Code, Is.EqualTo(5), outcome.ToString());
        Assert.That(outcome.Out, Does.Contain("/dev/pts/"));
        if (World.IsOurs) Assert.That(outcome.Out, Does.Contain("33 77").Or.Contain("25 99"));
    }
}
