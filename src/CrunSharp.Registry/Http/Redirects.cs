using System.Net;
using CrunSharp.Oci;

namespace CrunSharp.Registry;

/// <summary>Where a server may send us.</summary>
internal static class Redirects
{
    /// <summary>The most redirections of one request.</summary>
    public const int Most = 8;

    private const int MostCharacters = 16 * 1024;

    /// <summary>Whether an answer sends elsewhere, and the request may be made there too.</summary>
    public static bool IsOne(HttpResponseMessage response, RegistryRequest request) => response.StatusCode switch
    {
        HttpStatusCode.MovedPermanently or HttpStatusCode.Found or HttpStatusCode.SeeOther => request.Body is null && request.Method != HttpMethod.Delete,
        HttpStatusCode.TemporaryRedirect or HttpStatusCode.PermanentRedirect => request.Body is null || request.CanRepeat,
        _ => false,
    } && Words.Header(response.Headers, "Location") is not null;

    /// <summary>The address that an answer sends to.</summary>
    /// <exception cref="CrunException">It is malformed, less secure than where we are, or one of this machine's own wire.</exception>
    public static Uri Next(HttpResponseMessage response, Uri from)
    {
        var operation = $"GET {Words.Address(from)}";
        var next = Resolve(from, Words.Header(response.Headers, "Location")!) ?? throw Refused("to an address that is malformed", operation);
        if (from.Scheme == Uri.UriSchemeHttps && next.Scheme != Uri.UriSchemeHttps)
            throw Refused($"from https to {Words.Address(next)}, which is not encrypted", operation);
        if (Realm.IsLinkLocal(next) && next.Host != from.Host) throw Refused($"to the link-local address {next.Host}", operation);
        return next;
    }

    /// <summary>An address in a header, relative or absolute; null when it is none for HTTP.</summary>
    public static Uri? Resolve(Uri from, string location) =>
        location.Length <= MostCharacters && Uri.TryCreate(from, location, out var uri)
        && uri.Scheme is "http" or "https" && uri.UserInfo.Length == 0
            ? uri : null;

    /// <summary>Whether two addresses are of one server: the same scheme, host and port.</summary>
    public static bool IsSameOrigin(Uri one, Uri other) =>
        one.Scheme == other.Scheme && one.Port == other.Port && string.Equals(one.Host, other.Host, StringComparison.OrdinalIgnoreCase);

    private static CrunException Refused(string where, string operation) =>
        new(ErrorKind.Network, $"the server redirects {where}: not followed", operation);
}
