using System.Buffers;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using CrunSharp.Oci;

namespace CrunSharp.Registry;

/// <summary>What tells one content of an address from another, in the server's words.</summary>
/// <param name="ETag">The value of <c>ETag</c>; null when the server gave none.</param>
/// <param name="LastModified">The value of <c>Last-Modified</c>; null when the server gave none.</param>
public sealed record WebVersion(string? ETag, string? LastModified)
{
    /// <summary>Whether a server can be asked if it is still the one.</summary>
    public bool IsKnown => ETag is not null || LastModified is not null;

    /// <summary>When the content last changed; null when the server did not say, or not in HTTP's way.</summary>
    public DateTimeOffset? Modified =>
        DateTimeOffset.TryParseExact(LastModified, "r", System.Globalization.CultureInfo.InvariantCulture, System.Globalization.DateTimeStyles.AssumeUniversal, out var time) ? time : null;

    // A server that compresses on the way may call the same content weakly the same.
    internal bool IsSame(WebVersion other) => ETag is not null ? Strong(ETag) == Strong(other.ETag) : LastModified is not null && LastModified == other.LastModified;

    private static string? Strong(string? etag) => etag?.StartsWith("W/", StringComparison.Ordinal) == true ? etag[2..] : etag;
}

/// <summary>A file that was fetched.</summary>
/// <param name="Version">What tells it from others.</param>
/// <param name="Content">The digest of its content.</param>
/// <param name="Size">Its size in bytes.</param>
public sealed record WebFile(WebVersion Version, Digest Content, long Size);

/// <summary>
/// Fetches files by HTTP, with the same care as contents of registries: bounded, redirections followed by hand, what stalls
/// ends, what may pass is tried again. Nothing is made before the first request.
/// </summary>
/// <param name="options">How; settings and credentials of registries are not used.</param>
public sealed class WebClient(RegistryOptions options) : IDisposable
{
    private const int BufferSize = 128 * 1024;
    private const int MostHeaderCharacters = 1024;

    private static readonly HttpRequestOptionsKey<string> OwnHost = new("own host");

    private readonly Lock _lock = new();
    private HttpClient? _client;

    /// <summary>Fetches a file, unless it is still the version that is known.</summary>
    /// <param name="address">Its address; a user's name and password in it are sent, to this server only.</param>
    /// <param name="known">The version that is here already; null to fetch it in any case.</param>
    /// <param name="target">Gets the content; it is emptied before each attempt.</param>
    /// <param name="mostBytes">The most bytes that it may have.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>The file; null when it is the version that is known.</returns>
    /// <exception cref="CrunException">The server cannot be reached, does not give it, or it is too large.</exception>
    public async Task<WebFile?> FetchAsync(Uri address, WebVersion? known, Stream target, long mostBytes, CancellationToken cancellationToken)
    {
        var retry = new Retry(options.Time, options.MostAttempts);
        for (var attempt = 1; ; attempt++)
        {
            using var watchdog = new Watchdog(options.StallTimeout, options.Time, cancellationToken);
            Exception failure;
            try
            {
                return await AttemptAsync(address, known, target, mostBytes, watchdog).ConfigureAwait(false);
            }
            catch (Exception error) when (error is HttpRequestException or IOException or TimeoutException)
            {
                failure = error;
            }
            catch (OperationCanceledException error) when (watchdog.Barked || error.InnerException is TimeoutException)
            {
                failure = watchdog.Barked ? watchdog.Stalled() : new TimeoutException("connection timed out", error);
            }
            if (!Faults.IsTransient(failure) || !await retry.WaitAsync(attempt, failure, cancellationToken).ConfigureAwait(false)) throw Explain(failure, address);
        }
    }

    /// <summary>Closes the connections.</summary>
    public void Dispose() => _client?.Dispose();

    private static CrunException Explain(Exception error, Uri address) => error is HttpRequestException { StatusCode: { } status }
        ? new CrunException(status == HttpStatusCode.NotFound ? ErrorKind.NotFound : ErrorKind.Network, $"invalid response status {(int)status}", OperationOf(address), inner: error)
        : Faults.Explain(error, OperationOf(address), Faults.IsTls(error) ? TlsReason(error) : null);

    private static string TlsReason(Exception error)
    {
        var inner = error;
        while (inner.InnerException is { } next) inner = next;
        return inner.Message.Contains("frame", StringComparison.Ordinal) ? "server gave HTTP response to HTTPS client" : "TLS failed: " + Words.Clean(inner.Message);
    }

    private static string OperationOf(Uri address) => $"GET {Words.Address(address)}";

    private async Task<WebFile?> AttemptAsync(Uri address, WebVersion? known, Stream target, long mostBytes, Watchdog watchdog)
    {
        target.SetLength(0);
        using var response = await SendAsync(address, known, watchdog).ConfigureAwait(false);
        if (response.StatusCode == HttpStatusCode.NotModified && known is not null) return null;
        if (!response.IsSuccessStatusCode || response.StatusCode == HttpStatusCode.PartialContent) throw new HttpRequestException(null, null, response.StatusCode);
        var version = new WebVersion(Value(Words.Header(response.Headers, "ETag")), Value(Words.Header(response.Content.Headers, "Last-Modified")));
        // Some servers send all of it again, with the mark that says that it is the same.
        if (known is not null && known.IsSame(version)) return null;
        if (response.Content.Headers.ContentLength is { } length && length > mostBytes) throw TooLarge(address, mostBytes);
        watchdog.Feed();
        await using var body = await response.Content.ReadAsStreamAsync(watchdog.Token).ConfigureAwait(false);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            for (long size = 0; ;)
            {
                watchdog.Feed();
                var count = await body.ReadAsync(buffer, watchdog.Token).ConfigureAwait(false);
                if (count == 0) return new WebFile(version, Digest.FromHash(hash.GetHashAndReset()), size);
                if ((size += count) > mostBytes) throw TooLarge(address, mostBytes);
                hash.AppendData(buffer, 0, count);
                watchdog.Sleep();
                Write(target, buffer.AsSpan(0, count), address);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    // What fails here is not the network's fault, and is not tried again.
    private static void Write(Stream target, ReadOnlySpan<byte> bytes, Uri address)
    {
        try
        {
            target.Write(bytes);
        }
        catch (IOException error)
        {
            throw new CrunException(ErrorKind.System, Words.Clean(error.Message), $"{OperationOf(address)}: write", inner: error);
        }
    }

    private static CrunException TooLarge(Uri address, long mostBytes) =>
        new(ErrorKind.InvalidInput, $"the file has more than {mostBytes} bytes", OperationOf(address));

    private async Task<HttpResponseMessage> SendAsync(Uri address, WebVersion? known, Watchdog watchdog)
    {
        var (client, own, user) = (Client(), address.Host, address.UserInfo);
        if (user.Length > 0) address = new Uri(address.GetComponents(UriComponents.AbsoluteUri & ~UriComponents.UserInfo, UriFormat.UriEscaped));
        for (var hops = 0; ; hops++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, address);
            request.Options.Set(OwnHost, own);
            request.VersionPolicy = HttpVersionPolicy.RequestVersionOrLower;
            if (hops == 0 && user.Length > 0)
                request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(Uri.UnescapeDataString(user))));
            if (known?.ETag is { } etag) request.Headers.TryAddWithoutValidation("If-None-Match", etag);
            else if (known?.LastModified is { } modified) request.Headers.TryAddWithoutValidation("If-Modified-Since", modified);
            watchdog.Feed();
            var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, watchdog.Token).ConfigureAwait(false);
            try
            {
                if ((int)response.StatusCode is not (301 or 302 or 303 or 307 or 308) || Words.Header(response.Headers, "Location") is null) return response;
                if (hops == Redirects.Most) throw new CrunException(ErrorKind.Network, $"more than {Redirects.Most} redirections", OperationOf(address));
                address = Redirects.Next(response, address);
            }
            catch
            {
                response.Dispose();
                throw;
            }
            response.Dispose();
        }
    }

    private HttpClient Client()
    {
        lock (_lock)
        {
            return _client ??= new HttpClient(new SocketsHttpHandler
            {
                AllowAutoRedirect = false,
                UseCookies = false,
                AutomaticDecompression = DecompressionMethods.None,
                ConnectTimeout = options.StallTimeout / 2,
                MaxResponseHeadersLength = 64, // KiB
                ActivityHeadersPropagator = null,
                Proxy = new ProxyExceptLoopback(options.Proxy),
                ConnectCallback = ConnectAsync,
            })
            {
                Timeout = Timeout.InfiniteTimeSpan,
                DefaultRequestHeaders = { { "User-Agent", options.UserAgent } },
            };
        }
    }

    private ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken) =>
        new Dialer(context.InitialRequestMessage.Options.TryGetValue(OwnHost, out var own) ? own : "", options.Resolve).ConnectAsync(context, cancellationToken);

    // A mark that nobody needs is better than one that fills the disk.
    private static string? Value(string? header) => header is { Length: > 0 and <= MostHeaderCharacters } ? header : null;
}
