using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Commands.Images;
using CrunSharp.Cli.Options;
using CrunSharp.Cli.Output;
using CrunSharp.Engine.Containers;

namespace CrunSharp.Cli.Commands.Containers;

/// <summary><c>container prune</c>: removes containers that do not run.</summary>
internal sealed class PruneContainersCommand : Command
{
    private static readonly Option[] Table =
    [
        new Value<PruneContainersCommand>("filter", '\0', "filter", "Only those with label=name[=value], label!=name[=value] or until=time", static (o, v) => o._filters.Add(v)),
        new Flag<PruneContainersCommand>("force", 'f', "Do not ask", static (o, v) => o._force = v),
    ];

    private readonly Filters _filters = new("label", "label!", "until");
    private bool _force;

    public override string Synopsis => "[OPTIONS]";
    public override Option[] Options => Table;
    public override int MostOperands => 0;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        _ = _filters.Until(context.Clock);
        if (!_force && !Question.Ask(context, "This will remove all stopped containers.")) return ExitCodes.Success;
        var freed = Run(context, _filters);
        context.Out.WriteLine($"Total reclaimed space: {Human.Size(freed, 4)}");
        return ExitCodes.Success;
    }

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
