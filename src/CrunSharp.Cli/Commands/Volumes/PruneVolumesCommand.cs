using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Commands.Containers;
using CrunSharp.Cli.Options;
using CrunSharp.Cli.Output;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci;

namespace CrunSharp.Cli.Commands.Volumes;

/// <summary><c>volume prune</c>: removes volumes that no container has.</summary>
internal sealed class PruneVolumesCommand : Command
{
    private static readonly Option[] Table =
    [
        new Flag<PruneVolumesCommand>("all", 'a', "Also those with a name", static (o, v) => o._all = v),
        new Value<PruneVolumesCommand>("filter", '\0', "filter", "Only those with label=name[=value] or label!=name[=value]", static (o, v) => o._filters.Add(v)),
        new Flag<PruneVolumesCommand>("force", 'f', "Do not ask", static (o, v) => o._force = v),
    ];

    private readonly Filters _filters = new("all", "label", "label!");
    private bool _all;
    private bool _force;

    public override string Synopsis => "[OPTIONS]";
    public override Option[] Options => Table;
    public override int MostOperands => 0;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        _all |= _filters.Single("all") is "true" or "1";
        if (!_force && !Question.Ask(context, _all ? "This will remove all local volumes not used by at least one container."
            : "This will remove anonymous local volumes not used by at least one container.")) return ExitCodes.Success;
        var (freed, removed, kept) = Run(context, _all, _filters);
        context.Out.WriteLine($"{(removed > 0 ? "\n" : "")}Total reclaimed space: {Human.Size(freed, 4)}");
        context.Out.Flush();
        if (kept > 0) context.Complain($"{kept} unused {(kept == 1 ? "volume" : "volumes")} with a name kept: -a removes them too");
        return ExitCodes.Success;
    }

    /// <summary>Removes volumes that no container has, and says so; how many bytes and volumes that were, and how many stay for their names.</summary>
    public static (long Freed, int Removed, int Kept) Run(CommandContext context, bool all, Filters filters)
    {
        var engine = EngineAccess.Open(context);
        var used = VolumeUse.Names(engine);
        var (removed, kept, freed) = (0, 0, 0L);
        foreach (var volume in engine.Volumes.List())
        {
            if (used.Contains(volume.Name) || !filters.LabelsHold(volume.Labels)) continue;
            if (!all && !volume.IsAnonymous)
            {
                kept++;
                continue;
            }
            var size = DiskUsage.Below(null, engine.Volumes.DataOf(volume.Name));
            if (!TryRemove(engine, volume.Name)) continue;
            if (removed++ == 0) context.Out.WriteLine("Deleted Volumes:");
            context.Out.WriteLine(volume.Name);
            freed += size;
        }
        return (freed, removed, kept);
    }

    // A container may have taken the volume meanwhile, or another prune removed it.
    private static bool TryRemove(Engine.ContainerEngine engine, string name)
    {
        try
        {
            engine.Volumes.Remove(name);
            return true;
        }
        catch (CrunException error) when (error.Kind is ErrorKind.WrongState or ErrorKind.NotFound)
        {
            return false;
        }
    }
}
