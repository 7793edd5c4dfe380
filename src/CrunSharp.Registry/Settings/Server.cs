using System.Net;
using CrunSharp.Oci;

namespace CrunSharp.Registry;

/// <summary>Where a server is.</summary>
/// <param name="Authority">Its host, with its port if there is one.</param>
/// <param name="Scheme">The only scheme that is right; null when it is to be found out.</param>
internal sealed record Server(string Authority, string? Scheme)
{
    /// <summary>The name in images of Docker's registry.</summary>
    public const string DockerName = "docker.io";

    private const string DockerServer = "registry-1.docker.io";

    /// <summary>The server of a registry, as it is called in names of images.</summary>
    public static Server Of(string host) => Parse(host is DockerName or "index.docker.io" ? DockerServer : host);

    /// <summary>Reads a host with its port, or an address with its scheme.</summary>
    /// <exception cref="CrunException">It is none of both.</exception>
    public static Server Parse(string text)
    {
        var scheme = text.StartsWith("https://", StringComparison.Ordinal) ? "https" : text.StartsWith("http://", StringComparison.Ordinal) ? "http" : null;
        var authority = (scheme is null ? text : text[(scheme.Length + 3)..]).TrimEnd('/');
        return authority.Length > 0 && !authority.AsSpan().ContainsAny("/?#@ \\")
            && Uri.TryCreate($"https://{authority}/", UriKind.Absolute, out var uri) && uri.Host.Length > 0
                ? new Server(authority, scheme)
                : throw CrunException.Invalid($"\"{Words.Clean(text)}\" is no registry: a host with its port is expected");
    }

    /// <summary>Whether it is on this machine, where nobody listens in.</summary>
    public bool IsLoopback
    {
        get
        {
            var host = At("http").Host.Trim('[', ']');
            return host == "localhost" || (IPAddress.TryParse(host, out var address) && IPAddress.IsLoopback(address));
        }
    }

    /// <summary>Its address with a scheme.</summary>
    public Uri At(string scheme) => new($"{scheme}://{Authority}/");
}
