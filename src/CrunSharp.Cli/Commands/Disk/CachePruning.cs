using CrunSharp.Build.Cache;
using CrunSharp.Build.History;
using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Commands.Builds;
using CrunSharp.Cli.Commands.Images;
using CrunSharp.Cli.Options;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci;

namespace CrunSharp.Cli.Commands.Disk;

/// <summary>Removes what the build cache has.</summary>
internal static class CachePruning
{
    /// <summary>Removes images and what the build cache has: the layers of the cache go with those of images; then what led to them.</summary>
    /// <param name="context">Where it is said.</param>
    /// <param name="all">Whether all of the cache goes, with cache mounts.</param>
    /// <param name="filters">What goes, by when it was made.</param>
    /// <param name="allImages">Whether images that have a name go.</param>
    /// <param name="wantedImages">Which images go.</param>
    public static long Run(CommandContext context, bool all, Filters filters, bool allImages, Func<Storage.Image, bool> wantedImages)
    {
        var root = context.Global.RootOf(context);
        var isKept = KeptOf(context, filters);
        var kept = CacheFolder.List(root).Where(isKept).ToList();
        long freed;
        var there = new HashSet<Digest>();
        using (var store = StoreAccess.Open(context))
        {
            freed = PruneImagesCommand.Run(context, store, allImages, wantedImages, () => StoreAccess.LayersInUse(context).Concat(kept.Select(static e => e.Layer)));
            foreach (var entry in CacheFolder.List(root))
            {
                if (store.Layers.TryGet(entry.Layer) is not null) there.Add(entry.Layer);
            }
        }
        var before = DiskUsage.Of(null, CacheFolder.PathOf(root));
        ForgetBuilds(context, root, all, filters);
        var forgotten = all && filters.IsEmpty ? CacheFolder.Forget(root, null) : CacheFolder.Forget(root, e => isKept(e) || there.Contains(e.Layer));
        if (forgotten.Count > 0)
        {
            context.Out.WriteLine("Deleted build cache objects:");
            foreach (var key in forgotten) context.Out.WriteLine(key.Hex[..25]);
            context.Out.WriteLine();
        }
        return freed + Math.Max(0, before - DiskUsage.Of(null, CacheFolder.PathOf(root)));
    }

    // The history goes with all of the cache, or as far as a time says.
    private static void ForgetBuilds(CommandContext context, string root, bool all, Filters filters)
    {
        var until = filters.Until(context.Clock);
        if (filters.IsEmpty ? all : until is not null && filters.Texts.Count() == 1) BuildHistory.Remove(root, until is { } moment ? record => BuildTimes.Started(record) < moment : null);
    }

    // Steps have no labels: who asks for some means none of them.
    private static Func<CacheEntry, bool> KeptOf(CommandContext context, Filters filters)
    {
        if (filters.Names("label") || filters.Names("label!")) return static _ => true;
        var until = filters.Until(context.Clock);
        return entry => ImageRow.Time(entry.Created) >= until;
    }
}
