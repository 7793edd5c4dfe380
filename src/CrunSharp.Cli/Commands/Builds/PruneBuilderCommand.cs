using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Commands.Disk;
using CrunSharp.Cli.Commands.Images;
using CrunSharp.Cli.Options;
using CrunSharp.Kernel.Files;

namespace CrunSharp.Cli.Commands.Builds;

/// <summary><c>builder prune</c>: removes what builds left to be quicker next time.</summary>
internal sealed class PruneBuilderCommand() : PruningCommand(BuilderItem.Filters)
{
    private static readonly Option[] Table = TableOf<PruneBuilderCommand>("Only those with until=time, id=…, type=…, shared=true, private=true, inuse=true or description=…",
        new Flag<PruneBuilderCommand>("all", 'a', "Also what images use, and cache mounts", static (o, v) => o._all = v),
        new Value<PruneBuilderCommand>("keep-storage", '\0', "bytes", "The same as --reserved-space", static (o, v) => o._reserved = Numbers.Bytes(v)) { Hidden = true },
        new Value<PruneBuilderCommand>("max-used-space", '\0', "bytes", "Remove the oldest until no more than this is taken", static (o, v) => o._most = Numbers.Bytes(v)),
        new Value<PruneBuilderCommand>("min-free-space", '\0', "bytes", "Remove the oldest until this is free on the disk", static (o, v) => o._free = Numbers.Bytes(v)),
        new Value<PruneBuilderCommand>("reserved-space", '\0', "bytes", "Keep the newest up to this size", static (o, v) => o._reserved = Numbers.Bytes(v)));

    private bool _all;
    private long? _most, _free, _reserved;

    public override Option[] Options => Table;

    protected override string Warning => _all ? "This will remove all build cache." : "This will remove all dangling build cache.";

    private bool IsChoosing => (_most ?? _free ?? _reserved) is not null || BuilderItem.Filters.Any(name => name != "until" && Filters.Names(name));

    protected override long Remove(CommandContext context) => IsChoosing ? RemoveChosen(context) : CachePruning.Run(context, _all, Filters, allImages: false, static _ => false);

    // The longest unused first.
    private long RemoveChosen(CommandContext context)
    {
        var root = context.Global.RootOf(context);
        var until = Filters.Until(context.Clock);
        using var store = StoreAccess.Open(context);
        var items = BuilderSpace.Of(context, store);
        var total = items.Sum(static i => i.Size);
        var limit = LimitOf(root, total);
        var chosen = new List<BuilderItem>();
        foreach (var item in items.Where(i => i.IsSelected(Filters, until) && !i.InUse && (_all || i is { Shared: false, Type: not BuilderItem.CacheMount })).OrderBy(static i => i.Moment))
        {
            if (total <= limit) break;
            chosen.Add(item);
            total -= item.Size;
        }
        var gone = CacheCollection.Remove(context, store, root, chosen);
        var freed = gone.Where(static item => !item.Shared).Sum(static item => item.Size);
        if (gone.Count == 0) return 0;
        context.Out.WriteLine("Deleted build cache objects:");
        foreach (var item in gone) context.Out.WriteLine(item.Layer is null ? item.Id : item.Id[..25]);
        context.Out.WriteLine();
        return freed;
    }

    // What may stay, in bytes; without a limit of space nothing of what was chosen.
    private long LimitOf(string root, long total)
    {
        if ((_most ?? _free ?? _reserved) is null) return -1;
        using var directory = FileAt.OpenDirectory(root);
        return new CacheBounds(_reserved ?? 0, _most, _free).LimitOf(total, OpenFile.FreeBytes(directory));
    }
}
