using System.Runtime.InteropServices;
using CrunSharp.Build.Cache;
using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Commands.Images;
using CrunSharp.Cli.Options;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci;
using CrunSharp.Storage;

namespace CrunSharp.Cli.Commands.Builds;

/// <summary>Something that builds keep to be quicker next time.</summary>
/// <param name="Id">Its id: the layer's digest in hex, a cache's id, or a folder's name.</param>
/// <param name="Type">BuildKit's word for the kind: <c>regular</c>, <c>exec.cachemount</c>, <c>source.local</c>, <c>source.http</c>.</param>
/// <param name="Description">What it is.</param>
/// <param name="Size">Bytes on the disk.</param>
/// <param name="Created">When it was made; null when nobody knows.</param>
/// <param name="LastUsed">When a build last used it; null when nobody knows.</param>
/// <param name="UsageCount">How many steps give it.</param>
/// <param name="Shared">Whether images or containers have it too, so that nothing is freed.</param>
/// <param name="InUse">Whether a build has it at this moment.</param>
internal sealed record BuilderItem(string Id, string Type, string Description, long Size, DateTimeOffset? Created, DateTimeOffset? LastUsed, int UsageCount, bool Shared, bool InUse)
{
    public const string Regular = "regular";
    public const string CacheMount = "exec.cachemount";
    public const string Contexts = "source.local";
    public const string Downloads = "source.http";

    /// <summary>The names of filters, and of which kind they are.</summary>
    public static readonly string[] Filters = ["description", "id", "inuse", "private", "shared", "type", "until"];

    /// <summary>The layer, of a step.</summary>
    public Digest? Layer { get; init; }

    /// <summary>When it was last of use.</summary>
    public DateTimeOffset Moment => LastUsed ?? Created ?? DateTimeOffset.UnixEpoch;

    /// <summary>Whether filters select it.</summary>
    public bool IsSelected(Filters filters, DateTimeOffset? until) => filters.Holds("id", text => Id.StartsWith(text, StringComparison.Ordinal))
        && filters.Holds("type", text => text == Type) && filters.Holds("description", text => Description.Contains(text, StringComparison.Ordinal))
        && filters.Holds("shared", text => CrunSharp.Cli.Options.Filters.IsTrue("shared", text) == Shared) && filters.Holds("private", text => CrunSharp.Cli.Options.Filters.IsTrue("private", text) != Shared)
        && filters.Holds("inuse", text => CrunSharp.Cli.Options.Filters.IsTrue("inuse", text) == InUse) && !(until is { } moment && Moment >= moment);
}

/// <summary>All that builds keep. Together it is what <c>du</c> says of the cache and its layers, but for records and directories.</summary>
internal static class BuilderSpace
{
    /// <summary>Measures it.</summary>
    /// <param name="context">The command's world.</param>
    /// <param name="store">The store.</param>
    public static List<BuilderItem> Of(CommandContext context, Store store)
    {
        var root = context.Global.RootOf(context);
        var usage = StoreUsage.Of(store);
        var shared = usage.Images.Where(static i => i.Image.Damage is null).SelectMany(static i => i.Image.DiffIds).Concat(StoreAccess.LayersInUse(context)).ToHashSet();
        var items = new List<BuilderItem>();
        foreach (var steps in CacheFolder.List(root).Where(e => usage.Has(e.Layer)).GroupBy(static e => e.Layer))
        {
            var created = steps.Min(static e => ImageRow.Time(e.Created));
            items.Add(new BuilderItem(steps.Key.Hex, BuilderItem.Regular, steps.First().Title, usage.SizeOf([], [steps.Key]), created,
                steps.Max(static e => e.LastUsed), steps.Count(), shared.Contains(steps.Key), InUse: false)
            { Layer = steps.Key });
        }
        foreach (var cache in NamedCaches.List(root))
            items.Add(new BuilderItem(cache.Id, BuilderItem.CacheMount, $"cache mount {cache.Id}", cache.Size, null, cache.LastUsed, 1, Shared: false, cache.InUse));
        foreach (var (folder, type, what) in (ReadOnlySpan<(string, string, string)>)[("contexts", BuilderItem.Contexts, "what files of contexts hashed to"), ("downloads", BuilderItem.Downloads, "downloads of ADD and contexts")])
        {
            var path = $"{CacheFolder.PathOf(root)}/{folder}";
            if (FileAt.TryStatus(null, path) is { } status && DiskUsage.Below(null, path) is > 0 and var size)
                items.Add(new BuilderItem(folder, type, what, size, null, DateTimeOffset.FromUnixTimeSeconds(status.Modified.Seconds), 1, Shared: false, InUse: false));
        }
        CollectionsMarshal.AsSpan(items).Sort(static (a, b) => b.Size != a.Size ? b.Size.CompareTo(a.Size) : string.CompareOrdinal(a.Id, b.Id));
        return items;
    }
}
