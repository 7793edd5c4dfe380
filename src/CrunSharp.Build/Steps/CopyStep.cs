using System.Security.Cryptography;
using System.Text;
using CrunSharp.Build.Graph;
using CrunSharp.Oci;

namespace CrunSharp.Build.Steps;

/// <summary>COPY and ADD: files of a tree into a new layer, without a mount and without a container.</summary>
internal sealed class CopyStep : LayerStep
{
    /// <summary>COPY or ADD.</summary>
    public required string Op { get; init; }

    /// <summary>Where the files come from; null when all are heredocs.</summary>
    public required SourceTree? Tree { get; init; }

    /// <summary>The sources.</summary>
    public required IReadOnlyList<CopySource> Sources { get; init; }

    /// <summary>The archives among them, which are unpacked instead.</summary>
    public required IReadOnlySet<CopySource> Archives { get; init; }

    /// <summary>Files whose content the Dockerfile gives, by name.</summary>
    public required IReadOnlyList<KeyValuePair<string, string>> Documents { get; init; }

    /// <summary>The absolute destination, with its trailing slash.</summary>
    public required string Destination { get; init; }

    /// <summary>Owner and permissions.</summary>
    public required CopyRules Rules { get; init; }

    public override CacheKey Key => new CacheKey().Add("op", Op).Add("destination", Destination)
        .Add("owner", Rules.Owner is var (uid, gid) ? $"{uid}:{gid}" : "").Add("mode", Rules.Mode is { } mode ? Convert.ToString(mode, 8) : "")
        .Add("input", InputDigest().ToString());

    public override Task RunAsync(StepSite site, CancellationToken cancellationToken)
    {
        var writer = new CopyWriter(site.Draft.Directory, site.View, Rules, cancellationToken);
        foreach (var source in Sources)
        {
            if (Archives.Contains(source)) new ArchiveUnpacker(writer, site.Draft.Directory, site.View, Rules).Unpack(Tree!, source, Destination, cancellationToken);
            else writer.Copy(Tree!, source, Destination);
        }
        foreach (var (name, content) in Documents) writer.WriteFile(name, Encoding.UTF8.GetBytes(content), Destination);
        return Task.CompletedTask;
    }

    private Digest InputDigest()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var source in Sources)
        {
            CacheKey.Append(hash, Archives.Contains(source) ? "archive" : source.IsDirectory ? "content" : "file");
            source.Node.AppendTo(hash, source.IsDirectory ? "" : source.TargetName, Rules);
        }
        foreach (var (name, content) in Documents)
        {
            CacheKey.Append(hash, "document");
            CacheKey.Append(hash, name);
            CacheKey.Append(hash, content);
        }
        return Digest.FromHash(hash.GetHashAndReset());
    }
}
