using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace CrunSharp.Engine.Tests.Transfers;

/// <summary>A registry on loopback that has what a test puts into it, and the faults that it is told to have.</summary>
internal sealed class RegistryStub : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();

    public RegistryStub()
    {
        _listener.Start();
        _ = AcceptAsync();
    }

    public string Host => $"127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";

    /// <summary>What is at a path, and its type.</summary>
    public ConcurrentDictionary<string, (string Type, byte[] Bytes)> Content { get; } = [];

    /// <summary>After so many bytes of a body the connection is cut, once for each path.</summary>
    public ConcurrentDictionary<string, int> Cuts { get; } = [];

    /// <summary>Paths whose bodies never come to an end.</summary>
    public ConcurrentDictionary<string, bool> Stuck { get; } = [];

    /// <summary>The requests, in the order in which they came.</summary>
    public ConcurrentQueue<string> Requests { get; } = [];

    /// <summary>The bytes that requests began at.</summary>
    public ConcurrentQueue<(string Path, int From)> Ranges { get; } = [];

    public void Dispose()
    {
        _stop.Cancel();
        _listener.Dispose();
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true) _ = ServeAsync(await _listener.AcceptTcpClientAsync(_stop.Token));
        }
        catch (Exception error) when (error is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The end.
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using (client)
        {
            try
            {
                using var reader = new StreamReader(client.GetStream(), Encoding.ASCII);
                while (await reader.ReadLineAsync(_stop.Token) is { Length: > 0 } line)
                {
                    var from = 0;
                    while (await reader.ReadLineAsync(_stop.Token) is { Length: > 0 } header)
                    {
                        if (header.StartsWith("Range: bytes=", StringComparison.OrdinalIgnoreCase)) from = int.Parse(header["Range: bytes=".Length..].Split('-')[0]);
                    }
                    var (method, path) = (line.Split(' ')[0], line.Split(' ')[1]);
                    if (path != "/v2/") Requests.Enqueue($"{method} {path}");
                    if (!await AnswerAsync(client.GetStream(), method, path, from)) return;
                }
            }
            catch (Exception error) when (error is OperationCanceledException or IOException or ObjectDisposedException)
            {
                // The client is gone, or the test is over.
            }
        }
    }

    private async Task<bool> AnswerAsync(NetworkStream stream, string method, string path, int from)
    {
        if (path == "/v2/") Content.TryAdd(path, ("application/json", "{}"u8.ToArray()));
        if (method == "GET") Ranges.Enqueue((path, from));
        var isThere = Content.TryGetValue(path, out var found);
        var body = isThere ? found.Bytes[from..] : """{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}"""u8.ToArray();
        var status = !isThere ? "404 Not Found" : from > 0 ? "206 Partial Content" : "200 OK";
        var range = from > 0 && isThere ? $"Content-Range: bytes {from}-{found.Bytes.Length - 1}/{found.Bytes.Length}\r\n" : "";
        var digest = isThere && path.Contains("/manifests/", StringComparison.Ordinal) ? $"Docker-Content-Digest: {Oci.Digest.Of(found.Bytes)}\r\n" : "";
        var head = $"HTTP/1.1 {status}\r\nContent-Type: {(isThere ? found.Type : "application/json")}\r\nContent-Length: {body.Length}\r\n{range}{digest}\r\n";
        await stream.WriteAsync(Encoding.ASCII.GetBytes(head), _stop.Token);
        if (method == "HEAD") return true;
        if (Cuts.TryRemove(path, out var cut) && cut < body.Length)
        {
            await stream.WriteAsync(body.AsMemory(0, cut), _stop.Token);
            return false;
        }
        if (Stuck.ContainsKey(path))
        {
            await stream.WriteAsync(body.AsMemory(0, body.Length / 2), _stop.Token);
            await Task.Delay(Timeout.Infinite, _stop.Token);
        }
        await stream.WriteAsync(body, _stop.Token);
        return true;
    }
}
