using CrunSharp.Build.Cache;
using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Commands.Disk;
using CrunSharp.Cli.Commands.Images;
using CrunSharp.Cli.Options;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci;
using CrunSharp.Storage;

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
        long freed = 0;
        var gone = new List<BuilderItem>();
        foreach (var item in items.Where(i => i.IsSelected(Filters, until) && !i.InUse && (_all || i is { Shared: false, Type: not BuilderItem.CacheMount })).OrderBy(static i => i.Moment))
        {
            if (total <= limit) break;
            if (!TryRemove(context, store, root, item)) continue;
            gone.Add(item);
            total -= item.Size;
            if (!item.Shared) freed += item.Size;
        }
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
        var limit = _most ?? (_free is null ? 0 : long.MaxValue);
        if (_free is { } wanted)
        {
            using var directory = FileAt.OpenDirectory(root);
            var missing = wanted - OpenFile.FreeBytes(directory);
            if (missing > 0) limit = Math.Min(limit, Math.Max(0, total - missing));
        }
        return Math.Max(limit, _reserved ?? 0);
    }

    private static bool TryRemove(CommandContext context, Store store, string root, BuilderItem item)
    {
        switch (item)
        {
            case { Layer: { } layer }:
                CacheFolder.Forget(root, entry => entry.Layer != layer);
                GarbageCollector.Collect(store, () => StoreAccess.LayersToKeep(context), [layer], []);
                return true;
            case { Type: BuilderItem.CacheMount }:
                try
                {
                    NamedCaches.Remove(root, item.Id);
                    return true;
                }
                catch (CrunException error) when (error.Kind is ErrorKind.WrongState or ErrorKind.NotFound)
                {
                    return false; // a build has just taken it, or it is gone
                }
            default:
                CacheFolder.Empty(root, item.Id);
                return true;
        }
    }
}
