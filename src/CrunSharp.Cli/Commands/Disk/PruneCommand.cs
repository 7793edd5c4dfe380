using CrunSharp.Build.Cache;
using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Commands.Containers;
using CrunSharp.Cli.Commands.Images;
using CrunSharp.Cli.Commands.Volumes;
using CrunSharp.Cli.Options;
using CrunSharp.Cli.Output;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci;

namespace CrunSharp.Cli.Commands.Disk;

/// <summary><c>system prune</c>: removes what nothing uses.</summary>
internal sealed class PruneCommand : Command
{
    private static readonly Option[] Table =
    [
        new Flag<PruneCommand>("all", 'a', "Also images that have a name, and all of the build cache", static (o, v) => o._all = v),
        new Value<PruneCommand>("filter", '\0', "filter", "Only those with label=name[=value], label!=name[=value] or until=time", static (o, v) => o._filters.Add(v)),
        new Flag<PruneCommand>("force", 'f', "Do not ask", static (o, v) => o._force = v),
        new Flag<PruneCommand>("volumes", '\0', "Also volumes without a name", static (o, v) => o._volumes = v),
    ];

    private readonly Filters _filters = new("label", "label!", "until");
    private bool _all;
    private bool _force;
    private bool _volumes;

    public override string Synopsis => "[OPTIONS]";
    public override Option[] Options => Table;
    public override int MostOperands => 0;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        if (_volumes && _filters.Names("until")) throw CrunException.Invalid("the \"until\" filter is not supported with \"--volumes\"");
        var wanted = PruneImagesCommand.Wanted(context, _filters);
        if (!_force && !Question.Ask(context, Warning())) return ExitCodes.Success;
        var freed = PruneContainersCommand.Run(context, _filters);
        if (_volumes)
        {
            var (bytes, removed, _) = PruneVolumesCommand.Run(context, all: false, _filters);
            if (removed > 0) context.Out.WriteLine();
            freed += bytes;
        }
        freed += PruneImagesAndCache(context, wanted);
        context.Out.WriteLine($"Total reclaimed space: {Human.Size(freed, 4)}");
        return ExitCodes.Success;
    }

    // The layers of the cache go with those of images; then what led to them.
    private long PruneImagesAndCache(CommandContext context, Func<Storage.Image, bool> wanted)
    {
        var root = context.Global.RootOf(context);
        var isKept = KeptOf(context);
        var kept = CacheFolder.List(root).Where(isKept).ToList();
        long freed;
        var there = new HashSet<Digest>();
        using (var store = StoreAccess.Open(context))
        {
            freed = PruneImagesCommand.Run(context, store, _all, wanted, () => StoreAccess.LayersInUse(context).Concat(kept.Select(static e => e.Layer)));
            foreach (var entry in CacheFolder.List(root))
            {
                if (store.Layers.TryGet(entry.Layer) is not null) there.Add(entry.Layer);
            }
        }
        var before = DiskUsage.Of(null, CacheFolder.PathOf(root));
        var forgotten = _all && _filters.IsEmpty ? CacheFolder.Forget(root, null) : CacheFolder.Forget(root, e => isKept(e) || there.Contains(e.Layer));
        if (forgotten.Count > 0)
        {
            context.Out.WriteLine("Deleted build cache objects:");
            foreach (var key in forgotten) context.Out.WriteLine(key.Hex[..25]);
            context.Out.WriteLine();
        }
        return freed + Math.Max(0, before - DiskUsage.Of(null, CacheFolder.PathOf(root)));
    }

    // Steps have no labels: who asks for some means none of them.
    private Func<CacheEntry, bool> KeptOf(CommandContext context)
    {
        if (_filters.Names("label") || _filters.Names("label!")) return static _ => true;
        var until = _filters.Until(context.Clock);
        return entry => ImageRow.Time(entry.Created) >= until;
    }

    private string Warning()
    {
        List<string> lines = ["all stopped containers"];
        if (_volumes) lines.Add("all anonymous volumes not used by at least one container");
        lines.Add(_all ? "all images without at least one container associated to them" : "all dangling images");
        lines.Add(_all ? "all build cache" : "unused build cache");
        var text = "This will remove:\n" + string.Concat(lines.Select(static l => $"  - {l}\n"));
        if (!_filters.IsEmpty) text += "\n  Items to be pruned will be filtered with:\n" + string.Concat(_filters.Texts.Select(static f => $"  - {f}\n"));
        return text;
    }
}
