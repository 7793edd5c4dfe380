using System.Net;

namespace CrunSharp.Registry;

/// <summary>How registries are talked to.</summary>
public sealed record RegistryOptions
{
    /// <summary>What is special about registries.</summary>
    /// <value>Nothing, by default; <see cref="RegistrySettings.Load"/> reads the file.</value>
    public RegistrySettings Settings { get; init; } = RegistrySettings.Empty;

    /// <summary>Where credentials are looked up, by the registry's host.</summary>
    /// <value>Null for none.</value>
    public ICredentialSource? Credentials { get; init; }

    /// <summary>Whether certificates are checked: <c>--tls-verify</c>. False also allows plain HTTP.</summary>
    public bool VerifyTls { get; init; } = true;

    /// <summary>How long nothing may move before a connection counts as dead.</summary>
    /// <value>30 seconds by default.</value>
    public TimeSpan StallTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The slowest transfer that is not dead.</summary>
    /// <value>Bytes in each second over <see cref="StallTimeout"/>; 1024 by default.</value>
    public int LeastBytesPerSecond { get; init; } = 1024;

    /// <summary>How often a request is made at most.</summary>
    /// <value>6 by default: about 8 seconds of waiting in all.</value>
    public int MostAttempts { get; init; } = 6;

    /// <summary>What programs say they are.</summary>
    public string UserAgent { get; init; } = "crun-sharp";

    /// <summary>Gets a line for what went wrong and was got around: a mirror that failed, an attempt that was repeated.</summary>
    public Action<string>? Note { get; init; }

    /// <summary>What time it is, for tests.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>The proxy.</summary>
    /// <value>Null for that of the environment: <c>HTTP_PROXY</c>, <c>HTTPS_PROXY</c>, <c>NO_PROXY</c>; never for loopback.</value>
    public IWebProxy? Proxy { get; init; }

    /// <summary>Looks a name up.</summary>
    internal Func<string, CancellationToken, Task<IPAddress[]>> Resolve { get; init; } = Dns.GetHostAddressesAsync;
}
