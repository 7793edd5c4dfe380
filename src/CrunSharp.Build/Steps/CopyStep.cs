using CrunSharp.Build.Graph;
using CrunSharp.Oci;

namespace CrunSharp.Build.Steps;

/// <summary>COPY and ADD: files into a new layer, without a mount and without a container.</summary>
internal sealed class CopyStep : LayerStep
{
    private CacheKey? _key;

    /// <summary>COPY or ADD.</summary>
    public required string Op { get; init; }

    /// <summary>What is taken, in order.</summary>
    public required IReadOnlyList<ICopyInput> Inputs { get; init; }

    /// <summary>The absolute destination, with its trailing slash.</summary>
    public required string Destination { get; init; }

    /// <summary>Owner and permissions.</summary>
    public required CopyRules Rules { get; init; }

    /// <summary>Whether the layer is made without a look at those beneath.</summary>
    public bool IsLink { get; init; }

    public override bool IsIndependent => IsLink;

    public override CacheKey Key => _key ??= MakeKey();

    public override long Files => Inputs.OfType<TreeInput>().Sum(static input => input.Source.Node.Count);

    public override void AddFiles(Dictionary<string, string> files)
    {
        foreach (var input in Inputs.OfType<TreeInput>()) input.Source.AddTo(files, Rules);
    }

    public override async Task RunAsync(StepSite site, CancellationToken cancellationToken)
    {
        var writer = new CopyWriter(site.Draft.Directory, site.View, Rules, cancellationToken);
        var target = new CopyTarget(site.Draft.Directory, site.View, Rules, Destination, writer, site.Draft.Limits);
        foreach (var input in Inputs) await input.WriteAsync(target, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The identity of one source as it would be copied.</summary>
    public static Digest DigestOf(CopySource source, CopyRules rules)
    {
        var hash = new KeyHash().Append(source.IsDirectory ? "content" : "file");
        source.Node.AppendTo(hash, "", rules);
        return hash.Finish();
    }

    private CacheKey MakeKey()
    {
        var key = new CacheKey().Add("op", Op).Add("destination", Destination)
            .Add("owner", Rules.Owner is var (uid, gid) ? $"{uid}:{gid}" : "").Add("mode", Rules.Mode?.ToString() ?? "")
            .Add("input", InputDigest().ToString());
        return IsLink ? key.Add("link", "true") : key;
    }

    private Digest InputDigest()
    {
        var hash = new KeyHash();
        foreach (var input in Inputs) input.AppendTo(hash, Rules);
        return hash.Finish();
    }
}
