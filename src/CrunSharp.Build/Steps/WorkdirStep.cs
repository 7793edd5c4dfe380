using CrunSharp.Build.Graph;

namespace CrunSharp.Build.Steps;

/// <summary>WORKDIR where the directory does not exist yet.</summary>
internal sealed class WorkdirStep : LayerStep
{
    public required string Path { get; init; }

    public required (uint Uid, uint Gid) Owner { get; init; }

    public override CacheKey Key => new CacheKey().Add("op", "WORKDIR").Add("path", Path).Add("owner", $"{Owner.Uid}:{Owner.Gid}");

    public override Task RunAsync(StepSite site, CancellationToken cancellationToken)
    {
        var resolved = site.View?.Resolve(Path).Path ?? Path;
        TargetDirectory.OpenOrMake(site.Draft.Directory, site.View, resolved, new Ownership(Owner.Uid, Owner.Gid, 0x1ed)).Dispose();
        return Task.CompletedTask;
    }
}
