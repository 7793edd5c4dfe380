using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Commands.Containers;
using CrunSharp.Cli.Commands.Images;
using CrunSharp.Cli.Commands.Networks;
using CrunSharp.Cli.Commands.Volumes;
using CrunSharp.Oci;

namespace CrunSharp.Cli.Commands.Disk;

/// <summary><c>system prune</c>: removes what nothing uses.</summary>
internal sealed class PruneCommand() : PruningCommand("label", "label!", "until")
{
    private static readonly Option[] Table = TableOf<PruneCommand>("Only those with label=name[=value], label!=name[=value] or until=time",
        new Flag<PruneCommand>("all", 'a', "Also images that have a name, and all of the build cache", static (o, v) => o._all = v),
        new Flag<PruneCommand>("volumes", '\0', "Also volumes without a name", static (o, v) => o._volumes = v));

    private bool _all;
    private bool _volumes;

    public override Option[] Options => Table;

    protected override string Warning
    {
        get
        {
            List<string> lines = ["all stopped containers", "all networks not used by at least one container"];
            if (_volumes) lines.Add("all anonymous volumes not used by at least one container");
            lines.Add(_all ? "all images without at least one container associated to them" : "all dangling images");
            lines.Add(_all ? "all build cache" : "unused build cache");
            var text = "This will remove:\n" + string.Concat(lines.Select(static l => $"  - {l}\n"));
            if (!Filters.IsEmpty) text += "\n  Items to be pruned will be filtered with:\n" + string.Concat(Filters.Texts.Select(static f => $"  - {f}\n"));
            return text;
        }
    }

    protected override void Check(CommandContext context)
    {
        if (_volumes && Filters.Names("until")) throw CrunException.Invalid("the \"until\" filter is not supported with \"--volumes\"");
        base.Check(context);
    }

    protected override long Remove(CommandContext context)
    {
        var wanted = PruneImagesCommand.Wanted(context, Filters);
        var freed = PruneContainersCommand.Run(context, Filters);
        PruneNetworksCommand.Run(context, Filters);
        if (_volumes) freed += PruneVolumesCommand.Run(context, all: false, Filters).Freed;
        return freed + CachePruning.Run(context, _all, Filters, _all, wanted);
    }
}
