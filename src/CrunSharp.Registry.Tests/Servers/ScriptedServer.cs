using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace CrunSharp.Registry.Tests;

/// <summary>A request as it came over the wire.</summary>
internal sealed record SeenRequest(string Method, string Target, IReadOnlyDictionary<string, string> Headers, byte[] Body)
{
    public string Line => $"{Method} {Target}";

    public string? Header(string name) => Headers.GetValueOrDefault(name.ToLowerInvariant());
}

/// <summary>A server on loopback whose answers are bytes, so that its faults are exact.</summary>
internal sealed class ScriptedServer : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentBag<Task> _connections = [];
    private readonly X509Certificate2? _certificate;
    private readonly Func<SeenRequest, int, Reply> _script;
    private readonly Task _loop;

    /// <param name="script">The answer to a request and its number, from 0.</param>
    /// <param name="certificate">For TLS.</param>
    public ScriptedServer(Func<SeenRequest, int, Reply> script, X509Certificate2? certificate = null)
    {
        (_script, _certificate) = (script, certificate);
        _listener.Start();
        _loop = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public string Host => $"127.0.0.1:{Port}";

    public string Address => $"{(_certificate is null ? "http" : "https")}://{Host}";

    /// <summary>All requests in their order, without the first look at <c>/v2/</c>.</summary>
    public List<SeenRequest> Seen { get; } = [];

    public IEnumerable<string> Lines => Seen.Select(static request => request.Line);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        await _loop;
        await Task.WhenAll(_connections);
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true) _connections.Add(ServeAsync(await _listener.AcceptTcpClientAsync(_stop.Token)));
        }
        catch (Exception error) when (error is OperationCanceledException or SocketException or InvalidOperationException)
        {
            // The end.
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using (client)
        {
            client.NoDelay = true;
            try
            {
                Stream stream = client.GetStream();
                if (_certificate is not null)
                {
                    var tls = new SslStream(stream);
                    await tls.AuthenticateAsServerAsync(new SslServerAuthenticationOptions
                    {
                        ServerCertificate = _certificate,
                        ClientCertificateRequired = WantsCertificate,
                        RemoteCertificateValidationCallback = static (_, certificate, _, _) => certificate is null or { Subject.Length: > 0 },
                    });
                    if (WantsCertificate) lock (Shown) Shown.Add(tls.RemoteCertificate?.Subject ?? "");
                    stream = tls;
                }
                while (await ReadAsync(stream) is { } request)
                {
                    Reply reply;
                    if (request.Line == "GET /v2/" && request.Header("Authorization") is null && request.Header("Accept") is null) reply = Probe;
                    else
                    {
                        int number;
                        lock (Seen)
                        {
                            number = Seen.Count;
                            Seen.Add(request);
                        }
                        reply = _script(request, number);
                    }
                    await stream.WriteAsync(reply.Bytes, _stop.Token);
                    if (reply.After is { } after) await after(stream, _stop.Token);
                    if (!reply.Closes) continue;
                    if (reply.Resets) client.Client.LingerState = new LingerOption(true, 0);
                    return;
                }
            }
            catch (Exception error) when (error is IOException or OperationCanceledException or SocketException or System.Security.Authentication.AuthenticationException)
            {
                // The client went away, or the test did.
            }
        }
    }

    /// <summary>Whether clients have to show a certificate.</summary>
    public bool WantsCertificate { get; init; }

    /// <summary>The certificates that clients showed, without those of a first look.</summary>
    public List<string> Shown { get; } = [];

    /// <summary>Whether it answers TLS as servers without it do: with 400.</summary>
    public bool ClosesOnTls { get; init; }

    /// <summary>What it answers, and closes the connection, when it is asked before a body is sent.</summary>
    public Reply? AnswersBeforeBody { get; init; }

    /// <summary>What a first look at <c>/v2/</c> gets.</summary>
    public Reply Probe { get; set; } = Reply.Ok();

    private async Task<SeenRequest?> ReadAsync(Stream stream)
    {
        var head = new List<byte>();
        var one = new byte[1];
        while (head.Count < 4 || Encoding.ASCII.GetString([.. head[^4..]]) != "\r\n\r\n")
        {
            if (await stream.ReadAsync(one, _stop.Token) == 0) return null;
            head.Add(one[0]);
            if (ClosesOnTls && head is [0x16])
            {
                await stream.WriteAsync("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"u8.ToArray(), _stop.Token);
                return null;
            }
        }
        var lines = Encoding.ASCII.GetString([.. head]).Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        var headers = lines.Skip(1).Select(static line => line.Split(": ", 2)).ToDictionary(static p => p[0].ToLowerInvariant(), static p => p[^1]);
        if (headers.ContainsKey("expect"))
        {
            if (AnswersBeforeBody is { } early)
            {
                await stream.WriteAsync(early.Bytes, _stop.Token);
                return null;
            }
            await stream.WriteAsync("HTTP/1.1 100 Continue\r\n\r\n"u8.ToArray(), _stop.Token);
        }
        var body = new byte[headers.TryGetValue("content-length", out var length) ? int.Parse(length) : 0];
        await stream.ReadExactlyAsync(body, _stop.Token);
        var first = lines[0].Split(' ');
        return new SeenRequest(first[0], first[1], headers, body);
    }
}

/// <summary>An answer as bytes.</summary>
internal sealed record Reply(byte[] Bytes)
{
    public bool Closes { get; init; }

    public bool Resets { get; init; }

    /// <summary>What is sent after the bytes.</summary>
    public Func<Stream, CancellationToken, Task>? After { get; init; }

    /// <summary>The connection is closed after this many bytes of the body.</summary>
    public Reply CutAt(int bytes, bool reset = false) => this with { Bytes = Bytes[..(BodyStart + bytes)], Closes = true, Resets = reset };

    /// <summary>Nothing comes after this many bytes of the body, but the connection stays.</summary>
    public Reply StallAt(int bytes) => this with
    {
        Bytes = Bytes[..(BodyStart + bytes)],
        Closes = true,
        After = static async (_, stop) => await Task.Delay(Timeout.Infinite, stop),
    };

    private int BodyStart => Encoding.Latin1.GetString(Bytes).IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4;

    public static Reply Ok(string body = "", params string[] headers) => Of(200, Encoding.UTF8.GetBytes(body), headers);

    public static Reply Ok(byte[] body, params string[] headers) => Of(200, body, headers);

    public static Reply Of(int status, string body, params string[] headers) => Of(status, Encoding.UTF8.GetBytes(body), headers);

    public static Reply Of(int status, byte[] body, params string[] headers) =>
        Raw([$"HTTP/1.1 {status} Some Words", .. headers, $"Content-Length: {body.Length}"], body);

    public static Reply Empty(int status, params string[] headers) => Of(status, [], headers);

    public static Reply Error(int status, string code, string message, params string[] headers) =>
        Of(status, $$$"""{"errors":[{"code":"{{{code}}}","message":"{{{message}}}","detail":{"a":1}}]}""", headers);

    /// <summary>Header lines and a body, as they are.</summary>
    public static Reply Raw(string[] lines, byte[] body) => new([.. Encoding.Latin1.GetBytes(string.Join("\r\n", lines) + "\r\n\r\n"), .. body]);
}
