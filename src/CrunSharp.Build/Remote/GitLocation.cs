using CrunSharp.Build.Dockerfile;
using CrunSharp.Oci;

namespace CrunSharp.Build.Remote;

/// <summary>
/// A git repository as a source of ADD: <c>https://host/path.git#ref:subdir</c>, <c>git@host:path</c>, or with a query,
/// <c>?ref=…&amp;subdir=…&amp;checksum=…&amp;submodules=0&amp;keep-git-dir=1</c>.
/// </summary>
/// <seealso href="https://docs.docker.com/reference/dockerfile/#adding-files-from-a-git-repository"/>
internal sealed record GitLocation
{
    private const int MostCharacters = 8192;

    /// <summary>The repository's address for git, without query and fragment.</summary>
    public required string Remote { get; init; }

    /// <summary>A branch, a tag or a whole commit id; empty for the branch that the repository has checked out.</summary>
    public string Ref { get; init; } = "";

    /// <summary>The directory of the repository that is wanted; empty or <c>/</c> for all of it.</summary>
    public string Subdirectory { get; init; } = "";

    /// <summary>The first digits of the commit's id, which are to be checked.</summary>
    public string? Checksum { get; init; }

    /// <summary>Whether <c>.git</c> stays; null when it is not said.</summary>
    public bool? KeepGitDirectory { get; init; }

    /// <summary>Whether submodules are fetched.</summary>
    public bool Submodules { get; init; } = true;

    /// <summary>The address without a user's name and password, for people.</summary>
    public string Shown => WebAddress.Redact(Remote);

    /// <summary>Whether a text is a git repository's address; what is wrong with it is said by <see cref="Parse"/>.</summary>
    public static bool IsGit(string source) => TrySplit(source) is not null;

    /// <summary>Reads an address.</summary>
    /// <exception cref="CrunException">It is none, or something in it is wrong.</exception>
    public static GitLocation Parse(string source)
    {
        if (TrySplit(source) is not var (remote, query, fragment)) throw CrunException.Invalid($"{GoText.Quote(source)} is no git repository");
        if (source.Length > MostCharacters) throw CrunException.Invalid("the address of the git repository is too long");
        // Nothing in it may be taken for an option, by git or by ssh.
        var authority = remote.Contains("://", StringComparison.Ordinal) ? remote[(remote.IndexOf("://", StringComparison.Ordinal) + 3)..] : remote;
        var host = authority[(authority.IndexOf('@', StringComparison.Ordinal) + 1)..];
        var path = host[(Math.Max(host.IndexOf(':', StringComparison.Ordinal), -1) + 1)..];
        if (remote.AsSpan().ContainsAnyInRange('\0', ' ') || remote.Contains('\x7f', StringComparison.Ordinal)
            || authority.StartsWith('-') || host.Length == 0 || host[0] is '-' or '/' || path.StartsWith('-'))
            throw CrunException.Invalid($"invalid address of a git repository: {GoText.Quote(WebAddress.Redact(remote))}");
        var colon = fragment.IndexOf(':', StringComparison.Ordinal);
        var location = new GitLocation
        {
            Remote = remote,
            Ref = colon < 0 ? fragment : fragment[..colon],
            Subdirectory = colon < 0 ? "" : fragment[(colon + 1)..],
        }.With(query);
        if (location.Ref.Length > 0 && !IsRef(location.Ref)) throw CrunException.Invalid($"invalid git ref {GoText.Quote(location.Ref)}");
        if (location.Checksum is { } checksum) CheckChecksum(checksum);
        return location;
    }

    /// <summary>Refuses a checksum that is no commit's id or its start.</summary>
    /// <exception cref="CrunException">It is none.</exception>
    public static void CheckChecksum(string checksum)
    {
        if (checksum.Length is 0 or > 64 || !checksum.All(char.IsAsciiHexDigit))
            throw CrunException.Invalid($"invalid checksum {checksum} for Git URL, expected hex commit hash");
    }

    /// <summary>Whether a text is a whole commit id, of SHA-1 or SHA-256.</summary>
    public static bool IsCommit(string text) => text.Length is 40 or 64 && text.All(static c => char.IsAsciiDigit(c) || c is >= 'a' and <= 'f');

    // The address, the query and the fragment, if BuildKit would take it for a repository.
    private static (string Remote, string Query, string Fragment)? TrySplit(string source)
    {
        if (source.StartsWith("./", StringComparison.Ordinal) || source.StartsWith("../", StringComparison.Ordinal)) return null;
        var scheme = source.IndexOf("://", StringComparison.Ordinal);
        var isUrl = scheme > 0 && IsOnly(source.AsSpan(0, scheme), "");
        if (!isUrl && !IsScp(source)) return null;
        var hash = source.IndexOf('#', StringComparison.Ordinal);
        var fragment = hash < 0 ? "" : source[(hash + 1)..];
        var address = hash < 0 ? source : source[..hash];
        var mark = address.IndexOf('?', StringComparison.Ordinal);
        var query = mark < 0 ? "" : address[(mark + 1)..];
        var remote = mark < 0 ? address : address[..mark];
        if (!isUrl) return (remote, query, fragment);
        return source[..scheme].ToLowerInvariant() switch
        {
            // Other files come by HTTP too.
            "http" or "https" when !remote.EndsWith(".git", StringComparison.Ordinal) => null,
            "http" or "https" or "ssh" or "git" => (remote, query, Uri.UnescapeDataString(fragment)),
            _ => null,
        };
    }

    // user@host:path
    private static bool IsScp(string source)
    {
        var at = source.IndexOf('@', StringComparison.Ordinal);
        var colon = source.IndexOf(':', StringComparison.Ordinal);
        return at > 0 && colon > at + 1
            && IsOnly(source.AsSpan(0, at), "-_") && IsOnly(source.AsSpan(at + 1, colon - at - 1), "-.");
    }

    // Letters, digits, and what else is named.
    private static bool IsOnly(ReadOnlySpan<char> text, string besides)
    {
        foreach (var c in text)
            if (!char.IsAsciiLetterOrDigit(c) && !besides.Contains(c, StringComparison.Ordinal)) return false;
        return true;
    }

    private GitLocation With(string query)
    {
        var (location, tag, branch) = (this, "", "");
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var pair in query.Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var equals = pair.IndexOf('=', StringComparison.Ordinal);
            var name = Unescape(equals < 0 ? pair : pair[..equals]);
            var value = equals < 0 ? "" : Unescape(pair[(equals + 1)..]);
            if (!seen.Add(name)) throw CrunException.Invalid($"query {GoText.Quote(name)} has multiple values");
            if (value.Length == 0 && name is not ("submodules" or "keep-git-dir")) throw CrunException.Invalid($"query {GoText.Quote(name)} has no value");
            switch (name)
            {
                case "ref": location = location.WithRef(value); break;
                case "tag": tag = value.StartsWith("refs/tags/", StringComparison.Ordinal) ? value : "refs/tags/" + value; break;
                case "branch": branch = value.StartsWith("refs/heads/", StringComparison.Ordinal) ? value : "refs/heads/" + value; break;
                case "subdir":
                    if (location.Subdirectory.Length > 0 && location.Subdirectory != value)
                        throw CrunException.Invalid($"subdir conflicts: {GoText.Quote(location.Subdirectory)} vs {GoText.Quote(value)}");
                    location = location with { Subdirectory = value };
                    break;
                case "checksum" or "commit": location = location with { Checksum = value }; break;
                case "keep-git-dir": location = location with { KeepGitDirectory = Boolean(name, value) }; break;
                case "submodules": location = location with { Submodules = Boolean(name, value) }; break;
                default: throw CrunException.Invalid($"unexpected query {GoText.Quote(name)}");
            }
        }
        if (tag.Length > 0) location = location.WithRef(tag);
        if (branch.Length > 0) location = tag.Length > 0 ? throw CrunException.Invalid("branch conflicts with tag") : location.WithRef(branch);
        return location is { Checksum: { } checksum, Ref: "" } ? location with { Ref = checksum } : location;
    }

    private GitLocation WithRef(string value) => Ref.Length == 0 || Ref == value ? this with { Ref = value }
        : throw CrunException.Invalid($"ref conflicts: {GoText.Quote(Ref)} vs {GoText.Quote(value)}");

    private static bool Boolean(string name, string value) => value switch
    {
        "" or "1" or "t" or "T" or "true" or "TRUE" or "True" => true,
        "0" or "f" or "F" or "false" or "FALSE" or "False" => false,
        _ => throw CrunException.Invalid($"invalid {name} value: {GoText.Quote(value)}"),
    };

    private static string Unescape(string text) => Uri.UnescapeDataString(text.Replace('+', ' '));

    // git-check-ref-format(1), and no option: a name of one ref only.
    private static bool IsRef(string text) =>
        text.Length <= 255 && text[0] is not ('-' or '/' or '.') && text[^1] is not ('/' or '.') && !text.EndsWith(".lock", StringComparison.Ordinal)
        && text.AsSpan().IndexOfAny(" ~^:?*[\\\x7f") < 0 && !text.AsSpan().ContainsAnyInRange('\0', '\x1f')
        && !text.Contains("..", StringComparison.Ordinal) && !text.Contains("@{", StringComparison.Ordinal)
        && !text.Contains("//", StringComparison.Ordinal) && !text.Contains("/.", StringComparison.Ordinal);
}
