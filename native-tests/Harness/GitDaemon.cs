using System.Net;
using System.Net.Sockets;
using CrunSharp.Kernel.Processes;

namespace CrunSharp.NativeTests.Harness;

/// <summary><c>git daemon</c> on a world's loopback, which serves the bare repositories of a directory.</summary>
public sealed class GitDaemon : IDisposable
{
    private readonly Session _daemon;

    /// <summary>Starts it, and waits until it answers.</summary>
    public GitDaemon(World world, string folder)
    {
        var port = world.Host.Run(static () =>
        {
            using var probe = new TcpListener(IPAddress.Loopback, 0);
            probe.Start();
            return ((IPEndPoint)probe.LocalEndpoint).Port;
        });
        Address = $"git://127.0.0.1:{port}";
        _daemon = world.Host.Start("git", ["daemon", "--reuseaddr", "--listen=127.0.0.1", $"--port={port}", "--export-all", $"--base-path={folder}", folder]);
        World.Await(() => world.Host.Run(() => Connects(port)), "git daemon");
    }

    /// <summary>What the addresses of its repositories begin with, without a slash at the end.</summary>
    public string Address { get; }

    public void Dispose()
    {
        _daemon.Send(Signal.SIGTERM);
        _daemon.Wait();
        _daemon.Dispose();
    }

    private static bool Connects(int port)
    {
        using var client = new TcpClient();
        try
        {
            client.Connect(IPAddress.Loopback, port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
