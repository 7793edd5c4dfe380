using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Commands.Containers;
using CrunSharp.Cli.Commands.Disk;
using CrunSharp.Cli.Commands.Images;
using CrunSharp.Cli.Options;
using CrunSharp.Oci;

namespace CrunSharp.Cli.Commands.Networks;

/// <summary><c>network prune</c>: removes networks that no container is connected to.</summary>
internal sealed class PruneNetworksCommand() : PruningCommand("label", "label!", "until")
{
    private static readonly Option[] Table = TableOf<PruneNetworksCommand>("Only those with label=name[=value], label!=name[=value] or until=time");

    public override Option[] Options => Table;

    protected override string Warning => "This will remove all custom networks not used by at least one container.";

    // They take no space.
    protected override bool SumsUp => false;

    protected override long Remove(CommandContext context)
    {
        Run(context, Filters);
        return 0;
    }

    /// <summary>Removes networks that no container is connected to, and says so.</summary>
    public static void Run(CommandContext context, Filters filters)
    {
        var until = filters.Until(context.Clock);
        var networks = EngineAccess.Open(context).Networks;
        networks.Sweep();
        var removed = 0;
        foreach (var network in networks.List())
        {
            if (network.IsPredefined || !filters.LabelsHold(network.Labels) || ImageRow.Time(network.Created) >= until || networks.EndpointsOf(network).Count > 0) continue;
            try
            {
                networks.Remove(network);
            }
            catch (CrunException error) when (error.Kind is ErrorKind.WrongState)
            {
                continue; // a container was connected to it meanwhile
            }
            if (removed++ == 0) context.Out.WriteLine("Deleted Networks:");
            context.Out.WriteLine(network.Name);
        }
        if (removed > 0) context.Out.WriteLine();
    }
}
