using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Commands.Disk;
using CrunSharp.Cli.Commands.Images;
using CrunSharp.Cli.Options;
using CrunSharp.Engine.Containers;

namespace CrunSharp.Cli.Commands.Containers;

/// <summary><c>container prune</c>: removes containers that do not run.</summary>
internal sealed class PruneContainersCommand() : PruningCommand("label", "label!", "until")
{
    private static readonly Option[] Table = TableOf<PruneContainersCommand>("Only those with label=name[=value], label!=name[=value] or until=time");

    public override Option[] Options => Table;

    protected override string Warning => "This will remove all stopped containers.";

    protected override long Remove(CommandContext context) => Run(context, Filters);

    /// <summary>Removes containers, and says so; how many bytes that were.</summary>
    public static long Run(CommandContext context, Filters filters)
    {
        var until = filters.Until(context.Clock);
        var removed = ContainerPruning.Run(EngineAccess.Open(context),
            container => filters.LabelsHold(container.Config.Labels) && !(ImageRow.Time(container.Config.Created) >= until));
        if (removed.Count == 0) return 0;
        context.Out.WriteLine("Deleted Containers:");
        foreach (var (id, _) in removed) context.Out.WriteLine(id);
        context.Out.WriteLine();
        return removed.Sum(static r => r.Bytes);
    }
}
