using CrunSharp.Build.Dockerfile;
using CrunSharp.Build.Remote;
using CrunSharp.Oci;

namespace CrunSharp.Build.Contexts;

/// <summary>What kind of thing a context is.</summary>
public enum ContextKind
{
    /// <summary>A directory of this host.</summary>
    Directory,

    /// <summary>A git repository.</summary>
    Git,

    /// <summary>A file by HTTP.</summary>
    Web,

    /// <summary>An image: <c>docker-image://REFERENCE</c>.</summary>
    Image,

    /// <summary>An image in a directory: <c>oci-layout://PATH[:TAG|@DIGEST]</c>.</summary>
    Layout,

    /// <summary>A stage of the same Dockerfile: <c>target:STAGE</c>.</summary>
    Stage,
}

/// <summary>Where a context is, read from the command line.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Value">Its address, without what says the kind.</param>
public readonly record struct ContextAddress(ContextKind Kind, string Value)
{
    private const string ImageScheme = "docker-image://";
    private const string LayoutScheme = "oci-layout://";
    private const string StageScheme = "target:";
    private const string GitHub = "github.com/";

    /// <summary>Whether it has files that are no image's.</summary>
    public bool IsFiles => Kind is ContextKind.Directory or ContextKind.Git or ContextKind.Web;

    /// <summary>Whether its files have to be fetched.</summary>
    public bool IsRemote => Kind is ContextKind.Git or ContextKind.Web;

    /// <summary>Whether it is used as an image is.</summary>
    public bool IsImage => Kind is ContextKind.Image or ContextKind.Layout;

    /// <summary>The address of a build's own context: a directory if it is none of the others.</summary>
    /// <param name="text">A path, a git repository's address, or a file's.</param>
    public static ContextAddress OfBuild(string text)
    {
        if (GitLocation.IsGit(text)) return new(ContextKind.Git, text);
        if (text.StartsWith(GitHub, StringComparison.Ordinal)) return new(ContextKind.Git, AsGit(text));
        return WebAddress.IsWeb(text) ? new(ContextKind.Web, text) : new(ContextKind.Directory, text);
    }

    /// <summary>The address of a named context.</summary>
    /// <exception cref="CrunException">It is of a kind that there is not.</exception>
    public static ContextAddress OfNamed(string name, string text)
    {
        if (text.StartsWith(ImageScheme, StringComparison.Ordinal)) return new(ContextKind.Image, text[ImageScheme.Length..]);
        if (text.StartsWith(LayoutScheme, StringComparison.Ordinal)) return new(ContextKind.Layout, text[LayoutScheme.Length..]);
        if (text.StartsWith(StageScheme, StringComparison.Ordinal)) return new(ContextKind.Stage, text[StageScheme.Length..]);
        var address = OfBuild(text);
        var colon = text.IndexOf("://", StringComparison.Ordinal);
        if (address.Kind == ContextKind.Directory && colon > 0)
            throw CrunException.Unsupported($"the context {name} is of the kind {text[..colon]}: directories, docker-image://, oci-layout://, target:, git repositories and http(s):// are supported");
        return address;
    }

    /// <summary>The named contexts of a build, by name.</summary>
    /// <exception cref="CrunException">One is of a kind that there is not.</exception>
    internal static IReadOnlyDictionary<string, ContextAddress> NamedOf(BuildRequest request) =>
        request.Contexts.ToDictionary(static c => c.Key, static c => OfNamed(c.Key, c.Value), StringComparer.OrdinalIgnoreCase);

    /// <summary>The path, and the tag or digest after it, of an image in a directory.</summary>
    internal (string Path, string? Tag, Digest? Digest) SplitLayout()
    {
        var at = Value.LastIndexOf('@');
        if (at > 0 && Digest.TryParse(Value[(at + 1)..], out var digest)) return (Untagged(Value[..at]).Path, null, digest);
        return Untagged(Value) is var (path, tag) && path.Length > 0 ? (path, tag, null) : throw CrunException.Invalid($"invalid address of an OCI layout: {GoText.Quote(Value)}");
    }

    private static (string Path, string? Tag) Untagged(string text)
    {
        var colon = text.LastIndexOf(':');
        return colon > text.LastIndexOf('/') ? (text[..colon], text[(colon + 1)..]) : (text, null);
    }

    // As people write it for docker: github.com/owner/repository#ref:directory
    private static string AsGit(string text)
    {
        var end = text.AsSpan().IndexOfAny('#', '?');
        var (path, rest) = end < 0 ? (text, "") : (text[..end], text[end..]);
        return $"https://{path.TrimEnd('/')}{(path.EndsWith(".git", StringComparison.Ordinal) ? "" : ".git")}{rest}";
    }
}
