using System.Net;
using System.Net.Sockets;

namespace CrunSharp.Registry;

/// <summary>Which token servers may see the credentials of a registry.</summary>
internal static class Realm
{
    /// <summary>Reads a realm; null when it is none that may be asked at all.</summary>
    /// <param name="realm">What the registry said.</param>
    /// <param name="registry">The registry's own address: a realm has to be https unless that is http.</param>
    public static Uri? Parse(string realm, Uri registry) =>
        Uri.TryCreate(realm, UriKind.Absolute, out var uri) && uri.UserInfo.Length == 0
        && (uri.Scheme == Uri.UriSchemeHttps || (uri.Scheme == Uri.UriSchemeHttp && registry.Scheme == Uri.UriSchemeHttp))
        && (!IsLinkLocal(uri) || uri.Host == registry.Host)
            ? uri : null;

    /// <summary>
    /// Whether a realm may get the registry's credentials: the same host, one of the same domain, or one that was allowed
    /// by name. A registry could ask for a password itself; but one that was broken into only in part, or a proxy, should
    /// not be able to send it elsewhere.
    /// </summary>
    public static bool IsTrusted(Uri realm, Uri registry, IReadOnlyList<string> allowed) =>
        string.Equals(realm.Host, registry.Host, StringComparison.OrdinalIgnoreCase)
        || IsOfSameDomain(realm.Host, registry.Host)
        || allowed.Any(host => string.Equals(host, realm.Host, StringComparison.OrdinalIgnoreCase)
            || string.Equals(host, realm.Authority, StringComparison.OrdinalIgnoreCase));

    /// <summary>Whether an address is only for the machine's own wire, where clouds keep their secrets (169.254.169.254).</summary>
    public static bool IsLinkLocal(Uri uri) => IPAddress.TryParse(uri.Host.Trim('[', ']'), out var address) && IsLinkLocal(address);

    /// <summary>Whether an address is only for the machine's own wire.</summary>
    public static bool IsLinkLocal(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6) address = address.MapToIPv4();
        if (address.AddressFamily != AddressFamily.InterNetwork) return address.IsIPv6LinkLocal;
        var bytes = address.GetAddressBytes();
        return bytes[0] == 169 && bytes[1] == 254;
    }

    // The last two labels are the domain; three below a country with registrations of the second level (co.uk, com.au).
    private static bool IsOfSameDomain(string one, string other)
    {
        if (IPAddress.TryParse(one.Trim('[', ']'), out _) || IPAddress.TryParse(other.Trim('[', ']'), out _)) return false;
        var labels = one.ToLowerInvariant().Split('.');
        if (labels.Length < 2) return false;
        var needed = labels[^1].Length == 2 && labels[^2].Length <= 3 ? 3 : 2;
        if (labels.Length < needed) return false;
        var domain = string.Join('.', labels[^needed..]);
        return string.Equals(other, domain, StringComparison.OrdinalIgnoreCase)
            || other.EndsWith("." + domain, StringComparison.OrdinalIgnoreCase);
    }
}
