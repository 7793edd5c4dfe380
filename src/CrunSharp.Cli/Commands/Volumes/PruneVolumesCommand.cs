using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Commands.Containers;
using CrunSharp.Cli.Commands.Disk;
using CrunSharp.Cli.Options;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci;

namespace CrunSharp.Cli.Commands.Volumes;

/// <summary><c>volume prune</c>: removes volumes that no container has.</summary>
internal sealed class PruneVolumesCommand() : PruningCommand("all", "label", "label!")
{
    private static readonly Option[] Table = TableOf<PruneVolumesCommand>("Only those with label=name[=value] or label!=name[=value]",
        new Flag<PruneVolumesCommand>("all", 'a', "Also those with a name", static (o, v) => o._all = v));

    private bool _all;
    private int _kept;

    public override Option[] Options => Table;

    protected override string Warning => _all ? "This will remove all local volumes not used by at least one container."
        : "This will remove anonymous local volumes not used by at least one container.";

    protected override void Check(CommandContext context) => _all |= Filters.Truth("all") is true;

    protected override long Remove(CommandContext context)
    {
        (var freed, _kept) = Run(context, _all, Filters);
        return freed;
    }

    protected override void Conclude(CommandContext context)
    {
        if (_kept > 0) context.Complain($"{_kept} unused {(_kept == 1 ? "volume" : "volumes")} with a name kept: -a removes them too");
    }

    /// <summary>Removes volumes that no container has, and says so; how many bytes that were, and how many volumes stay for their names.</summary>
    public static (long Freed, int Kept) Run(CommandContext context, bool all, Filters filters)
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
        if (removed > 0) context.Out.WriteLine();
        return (freed, kept);
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
