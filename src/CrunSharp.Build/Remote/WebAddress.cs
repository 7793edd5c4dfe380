using CrunSharp.Build.Dockerfile;
using CrunSharp.Oci;

namespace CrunSharp.Build.Remote;

/// <summary>The address of a file as a source of ADD.</summary>
public static class WebAddress
{
    private const string Unnamed = "__unnamed__";
    private const int MostNameBytes = 255;

    /// <summary>Whether a source is a file's address and no repository's.</summary>
    public static bool IsWeb(string source) =>
        (source.StartsWith("http://", StringComparison.Ordinal) || source.StartsWith("https://", StringComparison.Ordinal)) && !GitLocation.IsGit(source);

    /// <summary>Reads an address.</summary>
    /// <exception cref="CrunException">It is none.</exception>
    public static Uri Parse(string source) =>
        Uri.TryCreate(source, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https" && uri.Host.Length > 0
            ? uri : throw CrunException.Invalid($"invalid URL {GoText.Quote(Redact(source))}");

    /// <summary>The name that a file gets in a directory: the last component of the path.</summary>
    public static string NameOf(Uri uri)
    {
        var name = PosixPath.Name(PosixPath.Clean("/" + Uri.UnescapeDataString(uri.AbsolutePath)));
        return name is "" or "." or ".." || name.Contains('\0', StringComparison.Ordinal) || System.Text.Encoding.UTF8.GetByteCount(name) > MostNameBytes
            ? Unnamed : name;
    }

    /// <summary>An address or any other source without the user's name and password in it.</summary>
    public static string Redact(string source)
    {
        var scheme = source.IndexOf("://", StringComparison.Ordinal);
        if (scheme < 0) return source;
        var end = source.AsSpan(scheme + 3).IndexOfAny("/?#");
        var authority = end < 0 ? source[(scheme + 3)..] : source.Substring(scheme + 3, end);
        var at = authority.LastIndexOf('@');
        if (at < 0) return source;
        var user = authority[..at].Contains(':', StringComparison.Ordinal) ? "xxxxx:xxxxx" : "xxxxx";
        return $"{source[..(scheme + 3)]}{user}{source[(scheme + 3 + at)..]}";
    }

    /// <summary>A text without the names and passwords of the addresses in it.</summary>
    public static string RedactAll(string text) =>
        text.Contains('@', StringComparison.Ordinal) ? string.Join('\'', text.Split('\'').Select(static part => string.Join(' ', part.Split(' ').Select(Redact)))) : text;
}
