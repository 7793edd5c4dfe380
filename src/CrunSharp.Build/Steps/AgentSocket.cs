using System.Net.Sockets;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Build.Steps;

/// <summary>
/// A socket for one step that leads to the caller's SSH agent. It is another one than the agent's, so that it can have the
/// owner that the step asks for, and since an agent serves nobody but its user and root. Nothing in between is kept.
/// </summary>
internal sealed class AgentSocket : IDisposable
{
    private const int MostConnections = 64;
    private const int BufferSize = 16 * 1024;
    private const int MostTries = 500;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(10);

    private readonly Socket _listener;
    private readonly string _agent;
    private readonly SemaphoreSlim _free = new(MostConnections);
    private readonly CancellationTokenSource _end = new();
    private readonly Task _serving;

    private AgentSocket(Socket listener, string agent)
    {
        (_listener, _agent) = (listener, agent);
        _serving = ServeAsync();
    }

    /// <summary>Makes a socket and serves it until it is disposed.</summary>
    /// <param name="directory">Where it is made; nobody else may get there.</param>
    /// <param name="name">Its name.</param>
    /// <param name="agent">The agent's socket.</param>
    /// <exception cref="CrunException">It cannot be made.</exception>
    public static AgentSocket Listen(SafeFileHandle directory, string name, string agent)
    {
        var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            // A socket's path is short: it goes by the open directory.
            listener.Bind(new UnixDomainSocketEndPoint($"/proc/self/fd/{directory.DangerousGetHandle()}/{name}"));
            listener.Listen(MostConnections);
            return new AgentSocket(listener, agent);
        }
        catch (SocketException error)
        {
            listener.Dispose();
            throw new CrunException(ErrorKind.System, error.Message, "listen for an SSH agent", inner: error);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _end.Cancel();
        _listener.Dispose();
        _serving.Wait();
        _free.Dispose();
        _end.Dispose();
    }

    private async Task ServeAsync()
    {
        var connections = new List<Task>();
        try
        {
            for (; ; )
            {
                await _free.WaitAsync(_end.Token).ConfigureAwait(false);
                var client = await _listener.AcceptAsync(_end.Token).ConfigureAwait(false);
                connections.RemoveAll(static connection => connection.IsCompleted);
                connections.Add(ForwardAsync(client));
            }
        }
        catch (Exception error) when (error is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The step has ended.
        }
        await Task.WhenAll(connections).ConfigureAwait(false);
    }

    // An agent that is gone looks to the step like one that does not answer.
    private async Task ForwardAsync(Socket client)
    {
        using (client)
        {
            try
            {
                using var agent = await ConnectAsync().ConfigureAwait(false);
                await Task.WhenAll(CopyAsync(client, agent), CopyAsync(agent, client)).ConfigureAwait(false);
            }
            catch (Exception error) when (error is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                // So it has ended.
            }
            _free.Release();
        }
    }

    // A server whose queue is full says so at once to who does not block.
    private async Task<Socket> ConnectAsync()
    {
        for (var tries = 0; ; tries++)
        {
            var agent = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            try
            {
                await agent.ConnectAsync(new UnixDomainSocketEndPoint(_agent), _end.Token).ConfigureAwait(false);
                return agent;
            }
            catch (SocketException error) when (error.SocketErrorCode is SocketError.WouldBlock && tries < MostTries)
            {
                agent.Dispose();
                await Task.Delay(Pause, _end.Token).ConfigureAwait(false);
            }
            catch
            {
                agent.Dispose();
                throw;
            }
        }
    }

    private async Task CopyAsync(Socket from, Socket to)
    {
        var buffer = new byte[BufferSize];
        try
        {
            for (int count; (count = await from.ReceiveAsync(buffer, _end.Token).ConfigureAwait(false)) > 0;)
            {
                for (var sent = 0; sent < count;) sent += await to.SendAsync(buffer.AsMemory(sent, count - sent), _end.Token).ConfigureAwait(false);
            }
        }
        finally
        {
            try
            {
                to.Shutdown(SocketShutdown.Send);
            }
            catch (SocketException)
            {
                // It is closed already.
            }
        }
    }
}
