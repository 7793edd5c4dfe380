using System.Net;
using CrunSharp.Oci;

namespace CrunSharp.Registry;

/// <summary>A server that speaks the protocol: a registry, or a mirror of it.</summary>
internal sealed class Endpoint : IDisposable
{
    private readonly Server _server;
    private readonly RegistryOptions _options;
    private readonly SemaphoreSlim _gate = new(1);
    private Uri? _address;

    /// <param name="server">Where it is.</param>
    /// <param name="settings">What is special about it.</param>
    /// <param name="options">How registries are talked to.</param>
    /// <param name="isMirror">Whether there is another to ask when it fails.</param>
    /// <param name="credential">Its credentials.</param>
    public Endpoint(Server server, HostSettings settings, RegistryOptions options, bool isMirror, Func<CancellationToken, ValueTask<Credential?>> credential)
    {
        (_server, _options, IsMirror) = (server, options, isMirror);
        var mayBePlain = (server.IsLoopback && !settings.HasAuthority) || settings.IsInsecure || !options.VerifyTls;
        if (server.Scheme is { } scheme) _address = server.At(scheme);
        else if (!mayBePlain) _address = server.At(Uri.UriSchemeHttps);
        Transport = new Transport(server, settings, options);
        Authorizer = new Authorizer(this, settings.Realms, options, credential);
        Exchange = new Exchange(this, options, new Retry(options.Time, isMirror ? Math.Min(options.MostAttempts, 2) : options.MostAttempts));
    }

    public bool IsMirror { get; }

    public string Name => _server.Authority;

    public Transport Transport { get; }

    public Authorizer Authorizer { get; }

    public Exchange Exchange { get; }

    /// <summary>Its address, with the scheme that it speaks.</summary>
    public async ValueTask<Uri> AddressAsync(CancellationToken cancellationToken)
    {
        if (_address is { } known) return known;
        await _gate.WaitAsync(cancellationToken);
        try
        {
            return _address ??= await ProbeAsync(cancellationToken);
        }
        finally
        {
            _gate.Release();
        }
    }

    public void Dispose()
    {
        Transport.Dispose();
        Authorizer.Dispose();
        _gate.Dispose();
    }

    // Docker takes TLS without a check of the certificate where plain HTTP is allowed, and plain HTTP where there is no TLS.
    // On this machine the order does not matter to safety, and plain HTTP is found out faster.
    private async Task<Uri> ProbeAsync(CancellationToken cancellationToken)
    {
        Exception? first = null;
        foreach (var scheme in _server.IsLoopback ? ["http", "https"] : (string[])["https", "http"])
        {
            var address = _server.At(scheme);
            using var watchdog = new Watchdog(_options.StallTimeout, _options.Time, cancellationToken);
            try
            {
                using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(address, "v2/"));
                watchdog.Feed();
                using var response = await Transport.SendAsync(request, isTransfer: false, watchdog.Token);
                if (scheme == "http" && WantsTls(response)) continue;
                Authorizer.Learn(response, address);
                return address;
            }
            catch (Exception error) when (error is HttpRequestException or IOException or TimeoutException)
            {
                first ??= error;
            }
            catch (OperationCanceledException) when (watchdog.Barked)
            {
                first ??= watchdog.Stalled();
            }
        }
        throw first ?? new CrunException(ErrorKind.Network, "the server speaks neither HTTP nor TLS", Name);
    }

    private static bool WantsTls(HttpResponseMessage response) =>
        response.StatusCode == HttpStatusCode.BadRequest
        || ((int)response.StatusCode is >= 301 and <= 308 && Words.Header(response.Headers, "Location") is { } location
            && location.StartsWith("https://", StringComparison.OrdinalIgnoreCase));
}
