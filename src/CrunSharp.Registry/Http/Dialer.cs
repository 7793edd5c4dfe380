using System.Net;
using System.Net.Sockets;

namespace CrunSharp.Registry;

/// <summary>
/// Connects to a name by whichever of its addresses answers first: a dead route of IPv6 costs a quarter of a second, not
/// minutes.
/// </summary>
/// <param name="own">The server's own host: only that may be an address of the machine's own wire.</param>
/// <param name="resolve">Looks a name up.</param>
/// <seealso href="https://www.rfc-editor.org/rfc/rfc8305"/>
internal sealed class Dialer(string own, Func<string, CancellationToken, Task<IPAddress[]>> resolve)
{
    private static readonly TimeSpan HeadStart = TimeSpan.FromMilliseconds(250);

    public async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        var (host, port) = (context.DnsEndPoint.Host, context.DnsEndPoint.Port);
        var found = IPAddress.TryParse(host, out var literal) ? [literal] : Alternating(await resolve(host, cancellationToken));
        if (host != own && context.InitialRequestMessage.RequestUri?.Host == host) found.RemoveAll(Realm.IsLinkLocal);
        if (found.Count == 0) throw new SocketException((int)SocketError.HostNotFound);
        return new NetworkStream(await FirstAsync(found, port, cancellationToken), ownsSocket: true);
    }

    // Families take turns, the first one first.
    private static List<IPAddress> Alternating(IPAddress[] addresses)
    {
        var first = addresses.Where(address => address.AddressFamily == addresses[0].AddressFamily).ToList();
        var others = addresses.Where(address => address.AddressFamily != addresses[0].AddressFamily).ToList();
        var all = new List<IPAddress>(addresses.Length);
        for (var i = 0; i < addresses.Length; i++)
        {
            if (i < first.Count) all.Add(first[i]);
            if (i < others.Count) all.Add(others[i]);
        }
        return all;
    }

    private static async Task<Socket> FirstAsync(List<IPAddress> addresses, int port, CancellationToken cancellationToken)
    {
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var running = new List<Task<Socket>>();
        try
        {
            Exception? failure = null;
            for (var next = 0; ;)
            {
                if (next < addresses.Count) running.Add(ConnectAsync(new IPEndPoint(addresses[next++], port), cancel.Token));
                if (running.Count == 0) throw failure!;
                var later = Task.Delay(next < addresses.Count ? HeadStart : Timeout.InfiniteTimeSpan, cancel.Token);
                var done = await Task.WhenAny([.. running, later]);
                if (done == later)
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    continue;
                }
                var attempt = (Task<Socket>)done;
                running.Remove(attempt);
                if (attempt.IsCompletedSuccessfully) return await attempt;
                failure ??= attempt.Exception?.InnerException ?? new OperationCanceledException(cancellationToken);
            }
        }
        finally
        {
            await cancel.CancelAsync();
            foreach (var loser in running)
                _ = loser.ContinueWith(static task => { if (task.IsCompletedSuccessfully) task.Result.Dispose(); else _ = task.Exception; }, TaskScheduler.Default);
        }
    }

    private static async Task<Socket> ConnectAsync(IPEndPoint address, CancellationToken cancellationToken)
    {
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.NoDelay = true;
            await socket.ConnectAsync(address, cancellationToken);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
