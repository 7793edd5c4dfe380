using System.Globalization;
using System.Net;
using CrunSharp.Oci;

namespace CrunSharp.Cli.Options;

/// <summary>Ports as <c>--publish</c> and <c>--expose</c> write them.</summary>
internal static class PortSyntax
{
    /// <summary>Reads <c>[[address:]host[-last]:]port[-last][/protocol]</c>.</summary>
    /// <returns>One for each port of the container.</returns>
    public static IReadOnlyList<PublishSpec> Publish(string text)
    {
        var (rest, protocol) = SplitProtocol(text);
        var colon = rest.LastIndexOf(':');
        var container = rest[(colon + 1)..];
        var before = colon < 0 ? "" : rest[..colon];
        var separator = before.LastIndexOf(':');
        var host = before[(separator + 1)..];
        var address = separator < 0 ? null : Address(before[..separator]);
        if (container.Length == 0) throw CrunException.Invalid($"no port specified: {(text.Length == 0 ? "<empty>" : text)}");
        if (Range(container) is not var (first, last)) throw CrunException.Invalid($"invalid containerPort: {container}");
        var (firstHost, lastHost) = host.Length == 0 ? (0, 0) : Range(host) ?? throw CrunException.Invalid($"invalid hostPort: {host}");
        // More host ports than container ports are a choice only for a single one.
        if (host.Length > 0 && last - first != lastHost - firstHost && first != last)
            throw CrunException.Invalid($"invalid ranges specified for container and host Ports: {container} and {host}");
        if (protocol is not ("tcp" or "udp" or "sctp")) throw CrunException.Invalid($"invalid proto: {protocol}");

        var specs = new List<PublishSpec>();
        for (var port = first; port <= last; port++)
        {
            var from = host.Length == 0 ? 0 : first == last ? firstHost : firstHost + (port - first);
            specs.Add(new PublishSpec(address, (ushort)from, (ushort)(first == last ? lastHost : from), (ushort)port, protocol));
        }
        return specs;
    }

    /// <summary>Reads <c>port[-last][/protocol]</c>.</summary>
    /// <returns>Each port as <c>80/tcp</c>.</returns>
    public static IReadOnlyList<string> Expose(string text)
    {
        if (text.Contains(':', StringComparison.Ordinal)) throw CrunException.Invalid($"invalid port format for --expose: {text}");
        var (range, protocol) = SplitProtocol(text);
        if (Range(range) is not var (first, last)) throw CrunException.Invalid($"invalid range format for --expose: {text}");
        if (protocol is not ("tcp" or "udp" or "sctp")) throw CrunException.Invalid($"invalid proto: {protocol}");
        var ports = new List<string>();
        for (var port = first; port <= last; port++) ports.Add($"{port}/{protocol}");
        return ports;
    }

    private static (string Ports, string Protocol) SplitProtocol(string text)
    {
        var slash = text.LastIndexOf('/');
        if (slash < 0) return (text, "tcp");
        var protocol = text[(slash + 1)..].ToLowerInvariant();
        return (text[..slash], protocol.Length == 0 ? "tcp" : protocol);
    }

    private static string? Address(string text)
    {
        if (text.Length == 0) return null;
        var bare = text.StartsWith('[') && text.EndsWith(']') ? text[1..^1] : text;
        return IPAddress.TryParse(bare, out var address) && (bare.Contains(':', StringComparison.Ordinal) || bare.AsSpan().Count('.') == 3)
            ? address.ToString()
            : throw CrunException.Invalid($"invalid IP address: {text}");
    }

    private static (int First, int Last)? Range(string text)
    {
        var dash = text.IndexOf('-', StringComparison.Ordinal);
        if (dash < 0) return Port(text) is { } port ? (port, port) : null;
        return Port(text[..dash]) is { } first && Port(text[(dash + 1)..]) is { } last && first <= last ? (first, last) : null;
    }

    private static int? Port(string text) =>
        ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port) ? port : null;
}
