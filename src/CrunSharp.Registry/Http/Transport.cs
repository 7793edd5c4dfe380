using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using CrunSharp.Oci;

namespace CrunSharp.Registry;

/// <summary>The connections to one server, and to where it redirects: pooled, with the TLS that its settings say.</summary>
internal sealed class Transport : IDisposable
{
    private readonly HttpClient _client;
    private readonly bool _isInsecure;
    private readonly string _host;
    private readonly string _folder;
    private readonly X509Certificate2Collection _trusted = [];

    public Transport(Server server, HostSettings settings, RegistryOptions options)
    {
        _isInsecure = settings.IsInsecure || !options.VerifyTls || (server.IsLoopback && server.Scheme is null && !settings.HasAuthority);
        _host = server.At(Uri.UriSchemeHttps).Host;
        _folder = Path.Combine(RegistrySettings.DefaultCertificates, server.Authority, "ca.crt");
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false, // credentials are ours to keep: Redirects
            UseCookies = false,
            AutomaticDecompression = DecompressionMethods.None,
            ConnectTimeout = options.StallTimeout / 2,
            MaxResponseHeadersLength = 64, // KiB
            ActivityHeadersPropagator = null,
            Proxy = new ProxyExceptLoopback(options.Proxy),
            ConnectCallback = new Dialer(_host, options.Resolve).ConnectAsync,
        };
        handler.SslOptions.RemoteCertificateValidationCallback = IsRight;
        try
        {
            AddCertificates(settings, handler);
        }
        catch (CrunException error)
        {
            handler.Dispose();
            throw error.Within($"read the certificates for {server.Authority}");
        }
        _client = new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan };
        _client.DefaultRequestHeaders.TryAddWithoutValidation("User-Agent", options.UserAgent);
    }

    /// <summary>What is wrong with the certificate that was refused last.</summary>
    public string? CertificateProblem { get; private set; }

    /// <summary>Sends a request; the answer's body is not read.</summary>
    /// <param name="request">The request.</param>
    /// <param name="isTransfer">Whether contents are sent or received, and not documents.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, bool isTransfer, CancellationToken cancellationToken)
    {
        // Version 2 puts all into one connection: good for documents. For contents several are faster, as each has a
        // processor for its TLS, and the kernel's buffers are enough, where version 2 keeps up to 16 MiB for each stream.
        request.Version = isTransfer || request.RequestUri!.Scheme != Uri.UriSchemeHttps ? HttpVersion.Version11 : HttpVersion.Version20;
        request.VersionPolicy = HttpVersionPolicy.RequestVersionOrLower;
        try
        {
            return await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException error) when (error.InnerException is TimeoutException)
        {
            throw new TimeoutException("connection timed out", error); // ConnectTimeout, which HttpClient calls a cancellation
        }
    }

    public void Dispose()
    {
        _client.Dispose();
        foreach (var certificate in _trusted) certificate.Dispose();
    }

    private void AddCertificates(HostSettings settings, SocketsHttpHandler handler)
    {
        if (settings.Ca is { } ca) Trust(ca);
        X509Certificate2? own = settings.ClientCertificate is { } certificate ? Own(certificate, settings.ClientKey ?? certificate) : null;
        if (settings.CertificateFolder is { } folder && Directory.Exists(folder))
        {
            foreach (var file in Directory.EnumerateFiles(folder, "*.crt")) Trust(file);
            foreach (var file in Directory.EnumerateFiles(folder, "*.cert").Order(StringComparer.Ordinal))
                own ??= Own(file, Path.ChangeExtension(file, ".key"));
        }
        if (own is null) return;
        handler.SslOptions.ClientCertificates = [own];
        // Whoever it redirects to need not know who we are.
        handler.SslOptions.LocalCertificateSelectionCallback = (_, target, _, _, _) => target == _host ? own : null!;
    }

    private void Trust(string file) => Read(file, () =>
    {
        _trusted.ImportFromPemFile(file);
        return 0;
    });

    private static X509Certificate2 Own(string certificate, string key)
    {
        // Which of the two is wrong, the library does not say.
        foreach (var file in (string[])[certificate, key]) Read(file, () => File.OpenHandle(file)).Dispose();
        return Read(key == certificate ? certificate : $"{certificate}, {key}", () => X509Certificate2.CreateFromPemFile(certificate, key));
    }

    private static T Read<T>(string what, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (CryptographicException error)
        {
            throw new CrunException(ErrorKind.InvalidInput, "it is no certificate or key that can be read (PEM, not encrypted)", what, inner: error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CrunException(ErrorKind.InvalidInput, "", what, CrunException.Of(error).Errno, inner: error);
        }
    }

    private bool IsRight(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (errors == SslPolicyErrors.None || _isInsecure) return true;
        if (certificate is not X509Certificate2 shown || chain is null || errors.HasFlag(SslPolicyErrors.RemoteCertificateNotAvailable))
        {
            CertificateProblem = "the server shows no certificate";
            return false;
        }
        if (errors == SslPolicyErrors.RemoteCertificateChainErrors && _trusted.Count > 0 && IsTrusted(shown, chain)) return true;
        CertificateProblem = Problem(sender, shown, chain, errors);
        return false;
    }

    private bool IsTrusted(X509Certificate2 certificate, X509Chain shown)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(_trusted);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid("1.3.6.1.5.5.7.3.1")); // a server's
        chain.ChainPolicy.ExtraStore.AddRange(shown.ChainPolicy.ExtraStore);
        return chain.Build(certificate);
    }

    private string Problem(object sender, X509Certificate2 certificate, X509Chain chain, SslPolicyErrors errors)
    {
        if (errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch))
            return $"the certificate is not for {(sender is SslStream stream ? Words.Clean(stream.TargetHostName) : _host)} but for {Words.Clean(certificate.Subject)}";
        var status = chain.ChainStatus.Aggregate(X509ChainStatusFlags.NoError, static (all, one) => all | one.Status);
        return status.HasFlag(X509ChainStatusFlags.NotTimeValid)
            ? $"the certificate is valid from {certificate.NotBefore:yyyy-MM-dd} to {certificate.NotAfter:yyyy-MM-dd}, not now"
            : $"certificate signed by unknown authority: if it is right, put its authority's certificate into {_folder}, or use --tls-verify=false";
    }
}

/// <summary>A proxy for all but this machine.</summary>
/// <param name="proxy">The proxy; null for the environment's.</param>
internal sealed class ProxyExceptLoopback(IWebProxy? proxy) : IWebProxy
{
    private IWebProxy Inner => proxy ?? HttpClient.DefaultProxy;

    public ICredentials? Credentials
    {
        get => Inner.Credentials;
        set => Inner.Credentials = value;
    }

    public Uri? GetProxy(Uri destination) => IsBypassed(destination) ? null : Inner.GetProxy(destination);

    public bool IsBypassed(Uri host) => host.IsLoopback || Inner.IsBypassed(host);
}
