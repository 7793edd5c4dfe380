using CrunSharp.Oci.Images;

namespace CrunSharp.Build.Linting;

/// <summary>The words of a platform's name.</summary>
internal static class PlatformWords
{
    private static readonly string[] Systems = ["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "solaris", "windows"];

    /// <summary>The system and the processor of <c>linux/amd64</c>, <c>amd64</c> or <c>linux</c>; null when it is no platform.</summary>
    public static (string Os, string Architecture)? TryParse(string text)
    {
        var words = text.ToLowerInvariant().Split('/');
        if (words.Length > 3 || !words.All(static word => word.Length > 0 && word.All(static c => char.IsAsciiLetterOrDigit(c) || c is '_' or '.' or '-'))) return null;
        return words.Length > 1 ? (words[0], Normal(words[1]))
            : Systems.Contains(words[0]) ? (words[0], Platform.Host.Architecture) : (Platform.Host.Os, Normal(words[0]));
    }

    private static string Normal(string architecture) => architecture switch
    {
        "x86_64" or "x86-64" => "amd64",
        "aarch64" => "arm64",
        "i386" => "386",
        "armhf" or "armel" => "arm",
        _ => architecture,
    };
}
