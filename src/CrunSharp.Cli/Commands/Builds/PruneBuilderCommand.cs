using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Commands.Disk;

namespace CrunSharp.Cli.Commands.Builds;

/// <summary><c>builder prune</c>: removes what builds left to be quicker next time.</summary>
internal sealed class PruneBuilderCommand() : PruningCommand("until")
{
    private static readonly Option[] Table = TableOf<PruneBuilderCommand>("Only what was made before until=time",
        new Flag<PruneBuilderCommand>("all", 'a', "Also what images use, and cache mounts", static (o, v) => o._all = v));

    private bool _all;

    public override Option[] Options => Table;

    protected override string Warning => _all ? "This will remove all build cache." : "This will remove all dangling build cache.";

    protected override long Remove(CommandContext context) => CachePruning.Run(context, _all, Filters, allImages: false, static _ => false);
}
