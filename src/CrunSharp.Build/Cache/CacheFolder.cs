using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;

namespace CrunSharp.Build.Cache;

/// <summary>A result of a step that the build cache remembers.</summary>
/// <param name="Key">The step's key.</param>
/// <param name="Layer">The layer that it gave.</param>
/// <param name="Created">When it was done, RFC 3339.</param>
public sealed record CacheEntry(Digest Key, Digest Layer, string Created)
{
    /// <summary>The instruction, as far as the key tells it.</summary>
    public string Title { get; init; } = "";

    /// <summary>When a build last took it, or made it.</summary>
    public DateTimeOffset LastUsed { get; init; }
}

/// <summary>The build cache of a store, for those who do not build.</summary>
public static class CacheFolder
{
    private const OpenFlags Folder = OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY | OpenFlags.O_NOFOLLOW;

    /// <summary>The cache's path.</summary>
    /// <param name="store">The store's directory.</param>
    public static string PathOf(string store) => Path.Combine(store, "cache");

    /// <summary>The results that have layers. What cannot be read is no result.</summary>
    /// <param name="store">The store's directory.</param>
    public static IReadOnlyList<CacheEntry> List(string store)
    {
        var entries = new List<CacheEntry>();
        if (FileAt.TryStatus(null, PathOf(store)) is null) return entries;
        using var cache = BuildCache.Open(store);
        foreach (var key in Keys(store))
        {
            if (cache.TryGet(key) is { DiffId: { } layer } record) entries.Add(new CacheEntry(key, layer, record.Created) { Title = TitleOf(record), LastUsed = cache.LastUsed(key) });
        }
        return entries;
    }

    /// <summary>Forgets results, so that the steps are done again; it may be done while builds run.</summary>
    /// <param name="store">The store's directory.</param>
    /// <param name="isWanted">Which results stay; null to forget all, and what files of contexts hashed to, what was downloaded, and the cache mounts that are not in use.</param>
    /// <returns>The keys that were forgotten.</returns>
    public static IReadOnlyList<Digest> Forget(string store, Func<CacheEntry, bool>? isWanted)
    {
        var forgotten = new List<Digest>();
        foreach (var entry in List(store))
        {
            if (isWanted?.Invoke(entry) == true) continue;
            using var folder = FileAt.TryOpen(null, $"{PathOf(store)}/{entry.Key.Hex[..2]}", Folder, out _);
            if (folder is not null && FileAt.Remove(folder, entry.Key.Hex)) forgotten.Add(entry.Key);
        }
        if (isWanted is not null) return forgotten;
        CacheMounts.RemoveUnused(store);
        foreach (var name in (string[])["contexts", "downloads", StepTraces.FolderName]) Empty(store, name);
        return forgotten;
    }

    /// <summary>Empties one of the cache's folders: <c>contexts</c> or <c>downloads</c>.</summary>
    /// <param name="store">The store's directory.</param>
    /// <param name="name">The folder.</param>
    public static void Empty(string store, string name)
    {
        using var folder = FileAt.TryOpen(null, $"{PathOf(store)}/{name}", Folder, out _);
        if (folder is null) return;
        foreach (var file in FileAt.List(folder)) FileAt.Remove(folder, file);
    }

    private static string TitleOf(CacheRecord record)
    {
        const int most = 120;
        var title = $"{record.Parts.GetValueOrDefault("op")} {record.Parts.GetValueOrDefault("args") ?? record.Parts.GetValueOrDefault("path") ?? record.Parts.GetValueOrDefault("destination")}".Trim();
        title = string.Concat(title.Select(static c => char.IsControl(c) ? ' ' : c));
        return title.Length > most ? title[..most] + "…" : title;
    }

    private static IEnumerable<Digest> Keys(string store)
    {
        using var top = FileAt.TryOpen(null, PathOf(store), Folder, out _);
        if (top is null) yield break;
        foreach (var name in FileAt.List(top))
        {
            if (name.Length != 2) continue;
            using var folder = FileAt.TryOpen(top, name, Folder, out _);
            if (folder is null) continue;
            foreach (var file in FileAt.List(folder))
            {
                if (Digest.TryParseHex(file, out var key)) yield return key;
            }
        }
    }
}
