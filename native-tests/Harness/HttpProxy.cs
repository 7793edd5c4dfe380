using System.Net;
using System.Net.Sockets;
using System.Text;

namespace CrunSharp.NativeTests.Harness;

/// <summary>
/// A way out of a world for HTTP: a proxy that listens in a machine's network and fetches from the real one, by the proxy
/// that the environment names if it names one. Nothing of the real host's network is changed for it.
/// </summary>
internal sealed class HttpProxy : IDisposable
{
    private static readonly string[] PassedOn = ["Range", "If-Range", "If-Modified-Since", "Cache-Control", "Accept"];

    private readonly Socket _listener;
    private readonly HttpClient _client = new(new SocketsHttpHandler { AllowAutoRedirect = false });

    public HttpProxy(Machine machine, IPEndPoint address)
    {
        _listener = machine.Run(() =>
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(address);
            socket.Listen(100);
            return socket;
        });
        Url = $"http://{address}";
        _ = AcceptAsync();
    }

    /// <summary>Its address, as programs want it in <c>http_proxy</c>.</summary>
    public string Url { get; }

    public void Dispose()
    {
        _listener.Dispose();
        _client.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            for (; ; ) _ = ServeAsync(await _listener.AcceptAsync());
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            // It was disposed.
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        try
        {
            await using var stream = new NetworkStream(socket, ownsSocket: true);
            using var reader = new StreamReader(stream, Encoding.Latin1, leaveOpen: true);
            while (await reader.ReadLineAsync() is { Length: > 0 } line)
            {
                using var request = new HttpRequestMessage(HttpMethod.Get, line.Split(' ')[1]);
                while (await reader.ReadLineAsync() is { Length: > 0 } header)
                {
                    var colon = header.IndexOf(':', StringComparison.Ordinal);
                    if (PassedOn.Contains(header[..colon], StringComparer.OrdinalIgnoreCase)) request.Headers.TryAddWithoutValidation(header[..colon], header[(colon + 1)..].Trim());
                }
                using var answer = await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
                var body = await answer.Content.ReadAsByteArrayAsync();
                var head = new StringBuilder($"HTTP/1.1 {(int)answer.StatusCode} {answer.ReasonPhrase}\r\nContent-Length: {body.Length}\r\n");
                foreach (var (name, values) in answer.Headers.Concat(answer.Content.Headers))
                    if (name is "Last-Modified" or "Content-Type" or "Content-Range" or "Date" or "Location" or "ETag") head.Append($"{name}: {string.Join(", ", values)}\r\n");
                await stream.WriteAsync(Encoding.Latin1.GetBytes(head.Append("\r\n").ToString()));
                await stream.WriteAsync(body);
            }
        }
        catch (Exception error) when (error is IOException or HttpRequestException or ObjectDisposedException or OperationCanceledException)
        {
            // The other side left, or there is nothing to be had: the connection ends.
        }
    }
}
