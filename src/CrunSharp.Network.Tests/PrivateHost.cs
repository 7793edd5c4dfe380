using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Namespaces;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Network.Tests;

/// <summary>A process that keeps a network namespace of its own.</summary>
internal sealed class Machine : IDisposable
{
    private readonly Process _process;
    private bool _isDisposed;

    public Machine(SafeFileHandle? startedFrom = null)
    {
        Process? process = null;
        void Start() => process = Process.Start("unshare", ["-n", "sleep", "600"]);
        if (startedFrom is null) Start();
        else NetworkNamespace.Run(startedFrom, Start);
        _process = process!;
        using var before = startedFrom is null ? NetworkNamespace.OpenCurrent() : null;
        while (true) // unshare has not run yet when Start returns
        {
            Namespace = NetworkNamespace.Open(_process.Id);
            if (!NetworkNamespace.AreSame(startedFrom ?? before!, Namespace)) break;
            Namespace.Dispose();
            Thread.Sleep(1);
        }
    }

    public int Pid => _process.Id;

    public SafeFileHandle Namespace { get; }

    /// <summary>Runs an action in the namespace.</summary>
    public T Run<T>(Func<T> action) => NetworkNamespace.Run(Namespace, action);

    /// <summary>Runs an action in the namespace.</summary>
    public void Run(Action action) => NetworkNamespace.Run(Namespace, action);

    /// <summary>Runs a program in the namespace and returns its output.</summary>
    public string Tool(string program, params string[] arguments) => Run(() => Tools.Run(program, arguments));

    /// <summary>Kills the process.</summary>
    public void Kill()
    {
        if (!_process.HasExited) _process.Kill();
        _process.WaitForExit();
    }

    public void Dispose()
    {
        if (_isDisposed) return;
        _isDisposed = true;
        Kill();
        _process.Dispose();
        Namespace.Dispose();
    }
}

/// <summary>Programs that serve as oracles.</summary>
internal static class Tools
{
    public static void Need(params string[] programs)
    {
        foreach (var program in programs)
            if (!Environment.GetEnvironmentVariable("PATH")!.Split(':').Any(d => File.Exists(Path.Combine(d, program))))
                Assert.Ignore($"the program {program} is not installed");
    }

    public static string Run(string program, params string[] arguments)
    {
        Need(program);
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0) throw new InvalidOperationException($"{program} {string.Join(' ', arguments)}: {error.Result}");
        return output;
    }
}

/// <summary>A container that is connected to the network, with servers in it.</summary>
internal sealed class TestContainer(string id, Machine machine, EndpointLease lease, PortReservation ports, EndpointRecord record) : IDisposable
{
    private readonly List<EchoServer> _servers = [];

    public string Id { get; } = id;
    public Machine Machine { get; } = machine;
    public EndpointLease Lease { get; } = lease;
    public PortReservation Ports { get; } = ports;
    public EndpointRecord Record { get; } = record;

    public EchoServer Serve(ushort port, ProtocolType protocol = ProtocolType.Tcp)
    {
        var server = EchoServer.Start(Machine, IPAddress.Any, port, Id, protocol);
        _servers.Add(server);
        return server;
    }

    public void Dispose()
    {
        foreach (var server in _servers) server.Dispose();
        Ports.Dispose();
        Machine.Dispose();
    }
}

/// <summary>A host of its own: a network namespace in which nothing was made yet, and a directory for its files.</summary>
internal sealed class PrivateHost : IDisposable
{
    private readonly List<IDisposable> _owned = [];

    public PrivateHost()
    {
        Directory = System.IO.Directory.CreateTempSubdirectory("crun-sharp-test-").FullName;
        Paths = new NetworkPaths { Run = Directory + "/net", Definitions = Directory + "/networks" };
        Machine = new Machine();
        Machine.Tool("ip", "link", "set", "lo", "up");
    }

    public string Directory { get; }
    public NetworkPaths Paths { get; }
    public Machine Machine { get; }

    public BridgeNetwork Open() => Machine.Run(() => BridgeNetwork.OpenDefault(Paths));

    public T Own<T>(T disposable) where T : IDisposable
    {
        lock (_owned) _owned.Add(disposable);
        return disposable;
    }

    /// <summary>Starts a container with published ports.</summary>
    public TestContainer Start(BridgeNetwork network, string id, params PortForward[] ports) => Own(Machine.Run(() =>
    {
        var reservation = network.Reserve(ports);
        Machine? machine = null;
        try
        {
            var lease = network.Lease(id);
            machine = new Machine(Machine.Namespace);
            var record = network.Connect(new EndpointRequest { ContainerId = id, Pid = machine.Pid }, lease, reservation);
            return new TestContainer(id, machine, lease, reservation, record);
        }
        catch
        {
            machine?.Dispose();
            reservation.Dispose();
            throw;
        }
    }));

    /// <summary>Makes a host outside, 192.0.2.2, that reaches this one at 192.0.2.1 and knows the way to the containers.</summary>
    public Machine AddOutside()
    {
        var outside = Own(new Machine());
        Machine.Tool("ip", "link", "add", "up0", "type", "veth", "peer", "name", "eth0", "netns", $"{outside.Pid}");
        Machine.Tool("ip", "addr", "add", "192.0.2.1/24", "dev", "up0");
        Machine.Tool("ip", "link", "set", "up0", "up");
        outside.Tool("ip", "addr", "add", "192.0.2.2/24", "dev", "eth0");
        outside.Tool("ip", "link", "set", "lo", "up");
        outside.Tool("ip", "link", "set", "eth0", "up");
        outside.Tool("ip", "route", "add", "10.88.0.0/16", "via", "192.0.2.1");
        return outside;
    }

    public void Dispose()
    {
        for (var i = _owned.Count - 1; i >= 0; i--) _owned[i].Dispose();
        Machine.Dispose();
        FileAt.RemoveTree(null, Directory);
    }
}

/// <summary>Answers each connection or datagram with its name and the client's address.</summary>
internal sealed class EchoServer : IDisposable
{
    private readonly Socket _socket;
    private readonly Thread _thread;

    private EchoServer(Socket socket, string name)
    {
        _socket = socket;
        _thread = new Thread(() => Serve(name)) { IsBackground = true };
        _thread.Start();
    }

    public static EchoServer Start(Machine machine, IPAddress address, ushort port, string name, ProtocolType protocol = ProtocolType.Tcp)
    {
        var socket = machine.Run(() =>
        {
            var made = new Socket(address.AddressFamily, protocol == ProtocolType.Tcp ? SocketType.Stream : SocketType.Dgram, protocol);
            made.Bind(new IPEndPoint(address, port));
            if (protocol == ProtocolType.Tcp) made.Listen(64);
            return made;
        });
        return new EchoServer(socket, name);
    }

    private void Serve(string name)
    {
        var buffer = new byte[64 * 1024];
        try
        {
            while (true)
            {
                if (_socket.SocketType == SocketType.Dgram)
                {
                    EndPoint from = new IPEndPoint(IPAddress.Any, 0);
                    _socket.ReceiveFrom(buffer, ref from);
                    _socket.SendTo(Encoding.ASCII.GetBytes($"{name} {((IPEndPoint)from).Address}"), from);
                    continue;
                }
                using var client = _socket.Accept();
                client.Send(Encoding.ASCII.GetBytes($"{name} {((IPEndPoint)client.RemoteEndPoint!).Address}"));
                client.Shutdown(SocketShutdown.Send);
                while (client.Receive(buffer) > 0) { }
            }
        }
        catch (SocketException)
        {
        }
        catch (ObjectDisposedException)
        {
        }
    }

    public void Dispose()
    {
        if (_socket.SocketType == SocketType.Stream) _socket.Shutdown(SocketShutdown.Both);
        else _socket.Close();
        _thread.Join(2000);
        _socket.Dispose();
    }
}

/// <summary>Clients.</summary>
internal static class Ask
{
    /// <summary>What a server answers over TCP; what went wrong when nothing does.</summary>
    public static string Tcp(Machine from, string address, int port, int milliseconds = 1000) => from.Run(() =>
    {
        var to = IPAddress.Parse(address);
        using var socket = new Socket(to.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = milliseconds };
        try
        {
            socket.Blocking = false;
            try
            {
                socket.Connect(new IPEndPoint(to, port));
            }
            catch (SocketException wait) when (wait.SocketErrorCode is SocketError.WouldBlock or SocketError.InProgress)
            {
            }
            if (!socket.Poll(milliseconds * 1000, SelectMode.SelectWrite)) return "timeout";
            var error = (int)socket.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.Error)!;
            if (error != 0) return error == 111 || error == (int)SocketError.ConnectionRefused ? "refused" : $"error {error}";
            socket.Blocking = true;
            return Receive(socket);
        }
        catch (SocketException error)
        {
            return error.SocketErrorCode == SocketError.ConnectionRefused ? "refused" : error.SocketErrorCode.ToString();
        }
    });

    /// <summary>What a server answers over UDP.</summary>
    public static string Udp(Machine from, string address, int port, int milliseconds = 500, int fromPort = 0) => from.Run(() =>
    {
        var to = IPAddress.Parse(address);
        using var socket = new Socket(to.AddressFamily, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = milliseconds };
        try
        {
            if (fromPort > 0) socket.Bind(new IPEndPoint(IPAddress.Any, fromPort));
            socket.Connect(new IPEndPoint(to, port));
            socket.Send("?"u8);
            var buffer = new byte[256];
            return Encoding.ASCII.GetString(buffer, 0, socket.Receive(buffer));
        }
        catch (SocketException error)
        {
            return error.SocketErrorCode is SocketError.TimedOut or SocketError.WouldBlock ? "timeout"
                : error.SocketErrorCode == SocketError.ConnectionRefused ? "refused" : error.SocketErrorCode.ToString();
        }
    });

    private static string Receive(Socket socket)
    {
        var text = new StringBuilder();
        var buffer = new byte[256];
        for (int count; (count = socket.Receive(buffer)) > 0;) text.Append(Encoding.ASCII.GetString(buffer, 0, count));
        return text.ToString();
    }
}
