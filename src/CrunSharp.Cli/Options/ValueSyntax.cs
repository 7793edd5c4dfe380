using System.Net;
using CrunSharp.Oci;

namespace CrunSharp.Cli.Options;

/// <summary>The other values that docker's options have: limits, devices, hosts, networks, keys.</summary>
internal static class ValueSyntax
{
    private static readonly string[] Limits =
    [
        "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile", "nproc", "rss", "rtprio", "rttime",
        "sigpending", "stack",
    ];

    /// <summary>Reads <c>name=soft[:hard]</c>.</summary>
    public static UlimitSpec Ulimit(string text)
    {
        var equals = text.IndexOf('=', StringComparison.Ordinal);
        if (equals < 0) throw CrunException.Invalid($"invalid ulimit argument: {text}");
        var name = text[..equals];
        if (!Array.Exists(Limits, limit => limit == name)) throw CrunException.Invalid($"invalid ulimit type: {name}");
        var values = text[(equals + 1)..].Split(':');
        if (values.Length > 2) throw CrunException.Invalid($"too many limit value arguments - {text[(equals + 1)..]}, can only have up to two, `soft[:hard]`");
        var soft = Numbers.Whole(values[0]);
        var hard = values.Length > 1 ? Numbers.Whole(values[1]) : soft;
        if (hard != -1 && (soft == -1 || soft > hard))
            throw CrunException.Invalid($"ulimit soft limit must be less than or equal to hard limit: {(soft == -1 ? "unlimited" : soft)} > {hard}");
        return new UlimitSpec(name, soft, hard);
    }

    /// <summary>Reads <c>source[:target][:permissions]</c>.</summary>
    public static DeviceSpec Device(string text)
    {
        var parts = text.Split(':');
        if (parts.Length > 3 || parts[0].Length == 0) throw CrunException.Invalid($"invalid device specification: {text}");
        var source = parts[0];
        var (target, permissions) = parts.Length switch
        {
            1 => (source, "rwm"),
            2 when IsPermissions(parts[1]) => (source, parts[1]),
            2 => (parts[1], "rwm"),
            _ => (parts[1].Length == 0 ? source : parts[1], parts[2]),
        };
        if (!IsPermissions(permissions)) throw CrunException.Invalid($"invalid device specification: {text}");
        if (!source.StartsWith('/')) throw CrunException.Invalid($"{text} is not an absolute path");
        if (!target.StartsWith('/')) throw CrunException.Invalid($"{target} is not an absolute path");
        return new DeviceSpec(source, target, permissions);
    }

    /// <summary>Reads <c>name:address</c> or <c>name=address</c>; an IPv6 address may be in brackets.</summary>
    public static HostSpec Host(string text)
    {
        var at = text.IndexOfAny([':', '=']);
        if (at <= 0 || at == text.Length - 1) throw CrunException.Invalid($"bad format for add-host: \"{text}\"");
        var address = text[(at + 1)..];
        if (address.StartsWith('[') && address.EndsWith(']')) address = address[1..^1];
        return address == "host-gateway" || IsAddress(address)
            ? new HostSpec(text[..at], address)
            : throw CrunException.Invalid($"invalid IP address in add-host: \"{address}\"");
    }

    /// <summary>Reads a name server's address.</summary>
    public static string NameServer(string text) =>
        IsAddress(text.Trim()) ? text.Trim() : throw CrunException.Invalid($"IP address is not correctly formatted: {text}");

    /// <summary>Reads an IPv4 address.</summary>
    public static string IPv4Address(string text) => IsAddress(text) && !text.Contains(':', StringComparison.Ordinal)
        ? text
        : throw CrunException.Invalid($"invalid IPv4 address: {text}");

    /// <summary>A word for resolv.conf: a search domain or an option.</summary>
    public static string ResolverWord(string text)
    {
        foreach (var c in text)
            if (char.IsWhiteSpace(c) || char.IsControl(c)) throw CrunException.Invalid($"{text} is not a valid domain");
        return text.Length > 0 ? text : throw CrunException.Invalid("it is empty");
    }

    /// <summary>Reads <c>NAME</c> or <c>name=NAME,alias=…,ip=…</c>.</summary>
    public static NetworkSpec Network(string text)
    {
        if (!text.Contains('=', StringComparison.Ordinal))
            return text.Length > 0 ? new NetworkSpec { Name = text } : throw CrunException.Invalid("no name set for network");
        var aliases = new List<string>();
        string? name = null, ip = null, ip6 = null, mac = null;
        foreach (var field in MountSyntax.CsvFields(text))
        {
            var equals = field.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0) throw CrunException.Invalid($"invalid field {field}");
            var value = field[(equals + 1)..].Trim();
            switch (field[..equals].Trim().ToLowerInvariant())
            {
                case "name": name = value; break;
                case "alias": aliases.Add(value); break;
                case "ip": ip = value; break;
                case "ip6": ip6 = value; break;
                case "mac-address": mac = value; break;
                case var key: throw CrunException.Invalid($"invalid field key {key}");
            }
        }
        return string.IsNullOrEmpty(name)
            ? throw CrunException.Invalid("no name set for network")
            : new NetworkSpec { Name = name, Aliases = aliases, Ip = ip, Ip6 = ip6, MacAddress = mac };
    }

    /// <summary>Reads <c>name=value</c>.</summary>
    public static KeyValuePair<string, string> Pair(string text, string what)
    {
        var equals = text.IndexOf('=', StringComparison.Ordinal);
        return equals > 0 ? new(text[..equals], text[(equals + 1)..]) : throw CrunException.Invalid($"{what} '{text}' is not of the form name=value");
    }

    /// <summary>Reads keys such as <c>ctrl-p,ctrl-q</c> or <c>a</c>.</summary>
    /// <returns>The bytes that a terminal sends for them.</returns>
    public static byte[] DetachKeys(string text)
    {
        if (text.Length == 0) return [];
        var keys = new List<byte>();
        foreach (var word in text.Split(','))
        {
            if (word is [var plain] && plain < 128) keys.Add((byte)plain);
            else if (word.StartsWith("ctrl-", StringComparison.Ordinal) && word.Length == 6 && ControlKey(word[5]) is { } key) keys.Add(key);
            else throw CrunException.Invalid($"Unknown character: '{word}'");
        }
        return [.. keys];
    }

    /// <summary>Checks <c>os[/architecture[/variant]]</c>.</summary>
    public static string Platform(string text)
    {
        var parts = text.Split('/');
        return parts.Length is >= 1 and <= 3 && Array.TrueForAll(parts, static part =>
                part.Length > 0 && !part.AsSpan().ContainsAnyExcept("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"))
            ? text
            : throw CrunException.Invalid($"\"{text}\" is not of the form os[/architecture[/variant]]");
    }

    private static byte? ControlKey(char key) => key switch
    {
        >= 'a' and <= 'z' => (byte)(key - 'a' + 1),
        '@' => 0,
        '[' => 27,
        '\\' => 28,
        ']' => 29,
        '^' => 30,
        '_' => 31,
        _ => null,
    };

    private static bool IsPermissions(string text) =>
        text.Length is > 0 and <= 3 && !text.AsSpan().ContainsAnyExcept("rwm");

    private static bool IsAddress(string text) =>
        IPAddress.TryParse(text, out _) && (text.Contains(':', StringComparison.Ordinal) || text.AsSpan().Count('.') == 3);
}
