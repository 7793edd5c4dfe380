using System.Globalization;
using CrunSharp.Oci;

namespace CrunSharp.Build.Graph;

/// <summary>The ports of EXPOSE.</summary>
internal static class PortSpec
{
    /// <summary>Reads <c>[ip:][host:]port[-port][/protocol]</c>, of which only the container's ports count: <c>80/tcp</c>.</summary>
    /// <exception cref="CrunException">It is no port or range of ports, or the protocol is unknown.</exception>
    public static IEnumerable<string> Parse(string text)
    {
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        var protocol = slash < 0 ? "tcp" : text[(slash + 1)..].ToLowerInvariant();
        if (protocol is not ("tcp" or "udp" or "sctp")) throw CrunException.Invalid($"invalid proto: {(slash < 0 ? "" : text[(slash + 1)..])}");
        var ports = slash < 0 ? text : text[..slash];
        ports = ports[(ports.LastIndexOf(':') + 1)..];
        var dash = ports.IndexOf('-', StringComparison.Ordinal);
        if (!TryPort(dash < 0 ? ports : ports[..dash], out var first) || !TryPort(dash < 0 ? ports : ports[(dash + 1)..], out var last) || last < first)
            throw CrunException.Invalid($"invalid containerPort: {ports}");
        return Enumerable.Range(first, last - first + 1).Select(port => string.Create(CultureInfo.InvariantCulture, $"{port}/{protocol}"));
    }

    private static bool TryPort(string text, out int port) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out port) && port is >= 0 and <= 65535;
}
