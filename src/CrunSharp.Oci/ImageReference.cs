namespace CrunSharp.Oci;

/// <summary>An image's name as people write it: <c>[host[:port]/]path[:tag][@digest]</c>, normalised as Docker does.</summary>
/// <seealso href="https://pkg.go.dev/github.com/distribution/reference"/>
public sealed record ImageReference
{
    private const string DefaultHost = "docker.io";
    private const string DefaultTag = "latest";

    private ImageReference(string host, string path, string? tag, Digest? digest) =>
        (Host, Path, Tag, Digest) = (host, path, tag, digest);

    /// <summary>The registry's host with its port, such as <c>docker.io</c> or <c>localhost:5000</c>.</summary>
    public string Host { get; }

    /// <summary>The repository's path within the registry, such as <c>library/busybox</c>.</summary>
    public string Path { get; }

    /// <summary>The tag.</summary>
    /// <value>Null only when a digest is given without a tag.</value>
    public string? Tag { get; }

    /// <summary>The digest of the manifest.</summary>
    /// <value>Null when the name has none.</value>
    public Digest? Digest { get; }

    /// <summary>The repository as people write it: <c>busybox</c>, not <c>docker.io/library/busybox</c>.</summary>
    public string FamiliarName =>
        Host != DefaultHost ? $"{Host}/{Path}"
        : Path.StartsWith("library/", StringComparison.Ordinal) ? Path["library/".Length..] : Path;

    /// <summary>The whole name as people write it: <c>busybox:latest</c>.</summary>
    public string Familiar => FamiliarName + Suffix;

    private string Suffix => (Tag is null ? "" : ":" + Tag) + (Digest is null ? "" : "@" + Digest);

    /// <summary>Reads a name; a missing host is <c>docker.io</c>, a missing tag <c>latest</c>.</summary>
    /// <exception cref="CrunException">It is no valid name; the text says which part and why.</exception>
    public static ImageReference Parse(string text)
    {
        var rest = text;
        Digest? digest = null;
        var at = rest.IndexOf('@', StringComparison.Ordinal);
        if (at >= 0)
        {
            digest = Oci.Digest.TryParse(rest[(at + 1)..], out var parsed) ? parsed : throw Malformed(text);
            rest = rest[..at];
        }

        string? tag = null;
        var colon = rest.LastIndexOf(':');
        if (colon > rest.LastIndexOf('/'))
        {
            tag = rest[(colon + 1)..];
            rest = rest[..colon];
            if (!IsTag(tag)) throw Malformed(text);
        }

        var (host, path) = SplitHost(rest);
        if (path.AsSpan().IndexOfAnyInRange('A', 'Z') >= 0)
            throw CrunException.Invalid($"invalid reference format: repository name ({path}) must be lowercase");
        if (path.Length is 0 or > 255 || !path.Split('/').All(IsPathComponent) || !IsHost(host)) throw Malformed(text);
        if (digest is null && IsHex64(text))
            throw CrunException.Invalid($"invalid repository name ({text}), cannot specify 64-byte hexadecimal strings");
        return new ImageReference(host, path, tag ?? (digest is null ? DefaultTag : null), digest);
    }

    /// <summary>Reads a name; false when it is no valid one.</summary>
    public static bool TryParse(string text, out ImageReference reference)
    {
        try
        {
            reference = Parse(text);
            return true;
        }
        catch (CrunException)
        {
            reference = null!;
            return false;
        }
    }

    /// <summary>The whole name, normalised: <c>docker.io/library/busybox:latest</c>.</summary>
    public override string ToString() => $"{Host}/{Path}{Suffix}";

    // The first component is a host when it could not be a path's: it has a dot or a colon, is localhost, or has capitals.
    private static (string Host, string Path) SplitHost(string name)
    {
        var slash = name.IndexOf('/', StringComparison.Ordinal);
        var first = slash < 0 ? "" : name[..slash];
        if (slash < 0 || (!first.AsSpan().ContainsAny('.', ':') && first != "localhost"
                && first.AsSpan().IndexOfAnyInRange('A', 'Z') < 0))
            return (DefaultHost, slash < 0 ? "library/" + name : name);
        var path = name[(slash + 1)..];
        if (first is "index.docker.io") first = DefaultHost;
        return (first, first == DefaultHost && !path.Contains('/', StringComparison.Ordinal) ? "library/" + path : path);
    }

    private static bool IsTag(string tag) =>
        tag.Length is > 0 and <= 128 && (char.IsAsciiLetterOrDigit(tag[0]) || tag[0] == '_')
        && tag.All(static c => char.IsAsciiLetterOrDigit(c) || c is '_' or '.' or '-');

    // [a-z0-9]+ joined by one '.', one or two '_', or any number of '-'.
    private static bool IsPathComponent(string component)
    {
        for (var i = 0; i < component.Length;)
        {
            var start = i;
            while (i < component.Length && (char.IsAsciiLetterLower(component[i]) || char.IsAsciiDigit(component[i]))) i++;
            if (i == start) return false;
            if (i == component.Length) return true;
            start = i;
            while (i < component.Length && component[i] is '.' or '_' or '-') i++;
            var separator = component[start..i];
            if (i == component.Length || separator is not ("." or "_" or "__") && separator.Any(static c => c != '-'))
                return false;
        }
        return false;
    }

    private static bool IsHost(string host)
    {
        var colon = host.StartsWith('[') ? host.IndexOf("]:", StringComparison.Ordinal) + 1 : host.IndexOf(':', StringComparison.Ordinal);
        var name = colon > 0 ? host[..colon] : host;
        if (colon > 0 && (colon + 1 == host.Length || !host[(colon + 1)..].All(char.IsAsciiDigit))) return false;
        if (name.StartsWith('[')) return name.EndsWith(']') && System.Net.IPAddress.TryParse(name[1..^1], out _);
        return name.Split('.').All(static label => label.Length > 0 && label[0] != '-' && label[^1] != '-'
            && label.All(static c => char.IsAsciiLetterOrDigit(c) || c == '-'));
    }

    private static bool IsHex64(string text) => Oci.Digest.TryParseHex(text, out _);

    private static CrunException Malformed(string text) =>
        CrunException.Invalid($"invalid reference format: \"{text}\"");
}
