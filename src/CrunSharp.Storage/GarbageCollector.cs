using CrunSharp.Kernel.Files;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Storage;

/// <summary>What a collection removed.</summary>
/// <param name="Layers">The diffIDs of layers.</param>
/// <param name="Contents">The digests of content.</param>
/// <param name="Bytes">How many bytes that were.</param>
public sealed record Collected(IReadOnlyList<Digest> Layers, IReadOnlyList<Digest> Contents, long Bytes);

/// <summary>
/// Removes layers and content that nothing refers to. A candidate is locked first, and then looked for among all that
/// is referred to; so what another process is about to refer to, and has pinned, stays.
/// </summary>
public static class GarbageCollector
{
    // One lock is one open file.
    private const int BatchSize = 128;

    /// <summary>Collects all garbage of a store.</summary>
    /// <param name="store">The store.</param>
    /// <param name="otherRoots">
    /// What is in use besides images: the diffIDs of containers' and build caches' layers, and digests of content. It is asked
    /// several times, as it may change meanwhile.
    /// </param>
    public static Collected Collect(Store store, Func<IEnumerable<Digest>> otherRoots) => Run(store, otherRoots, removes: true);

    /// <summary>Collects all garbage of a store, or only finds it.</summary>
    internal static Collected Run(Store store, Func<IEnumerable<Digest>> otherRoots, bool removes) =>
        Run(store, otherRoots, Names(store.Directories.Layers), Names(store.Directories.Blobs), removes);

    /// <summary>Collects those of these layers and contents that are garbage.</summary>
    /// <param name="store">The store.</param>
    /// <param name="otherRoots">What is in use besides images.</param>
    /// <param name="layers">Layers to look at.</param>
    /// <param name="contents">Content to look at; the blobs of layers that are removed are looked at as well.</param>
    public static Collected Collect(Store store, Func<IEnumerable<Digest>> otherRoots, IEnumerable<Digest> layers, IEnumerable<Digest> contents) =>
        Run(store, otherRoots, layers, contents, removes: true);

    private static Collected Run(Store store, Func<IEnumerable<Digest>> otherRoots, IEnumerable<Digest> layers, IEnumerable<Digest> contents, bool removes)
    {
        var blobs = new HashSet<Digest>(contents);
        var removedLayers = new List<Digest>();
        var removedContents = new List<Digest>();
        long bytes = 0;
        Sweep(store, store.Directories.Layers, layers, () => Mark(store, otherRoots), diffId =>
        {
            var record = store.Layers.TryReadRecord(diffId);
            blobs.UnionWith(record?.Blobs ?? []);
            bytes += record?.Size ?? 0;
            if (removes) RemoveLayer(store, diffId);
            removedLayers.Add(diffId);
        });
        Sweep(store, store.Directories.Blobs, blobs, () => MarkBlobs(store, otherRoots, removes ? [] : removedLayers), digest =>
        {
            bytes += store.Content.SizeOf(digest) ?? 0;
            if (removes) FileAt.Remove(store.Directories.Blobs, digest.Hex);
            removedContents.Add(digest);
        });
        return new Collected(removedLayers, removedContents, bytes);
    }

    private static void Sweep(Store store, SafeFileHandle directory, IEnumerable<Digest> candidates, Func<HashSet<Digest>> mark, Action<Digest> remove)
    {
        var used = mark();
        var garbage = candidates.Where(c => !used.Contains(c)).Distinct().ToList();
        foreach (var batch in garbage.Chunk(BatchSize))
        {
            var locked = new List<(Digest Digest, FileLock Held)>();
            try
            {
                foreach (var candidate in batch)
                {
                    store.Pins.Release(directory, candidate.Hex);
                    if (FileLock.TryExisting(directory, candidate.Hex, shared: false, wait: false) is { } held) locked.Add((candidate, held));
                }
                if (locked.Count == 0) continue;
                used = mark();
                foreach (var (candidate, _) in locked)
                {
                    if (!used.Contains(candidate)) remove(candidate);
                }
            }
            finally
            {
                foreach (var (_, held) in locked) held.Dispose();
            }
        }
    }

    /// <summary>Removes a layer that the caller has locked.</summary>
    internal static void RemoveLayer(Store store, Digest diffId)
    {
        using var draft = store.Drafts.Begin();
        // The name goes at once; a process that is killed while the files go leaves a draft, which is swept.
        FileAt.TryRename(store.Directories.Layers, diffId.Hex, draft.Handle, LayerDraft.LayerName);
    }

    private static HashSet<Digest> Mark(Store store, Func<IEnumerable<Digest>> otherRoots)
    {
        var used = new HashSet<Digest>();
        foreach (var id in store.Images.Ids())
        {
            used.Add(id);
            if (store.Images.TryGet(id) is not { } image) continue;
            foreach (var diffId in image.TryGetDiffIds() ?? []) MarkLayer(store, diffId, used);
            if (image.ManifestDigest is { } manifest) used.Add(manifest);
            foreach (var layer in image.TryReadManifest()?.Layers ?? []) used.Add(layer.Digest);
        }
        foreach (var root in otherRoots()) MarkLayer(store, root, used);
        return used;
    }

    // A layer that is there keeps its blob: though no image has it now, who has pinned it may be about to make one of it.
    private static HashSet<Digest> MarkBlobs(Store store, Func<IEnumerable<Digest>> otherRoots, List<Digest> without)
    {
        var used = Mark(store, otherRoots);
        foreach (var diffId in Names(store.Directories.Layers))
        {
            if (!without.Contains(diffId)) used.UnionWith(store.Layers.TryReadRecord(diffId)?.Blobs ?? []);
        }
        return used;
    }

    private static void MarkLayer(Store store, Digest diffId, HashSet<Digest> used)
    {
        if (used.Add(diffId)) used.UnionWith(store.Layers.TryReadRecord(diffId)?.Blobs ?? []);
    }

    private static IEnumerable<Digest> Names(SafeFileHandle directory)
    {
        foreach (var name in FileAt.List(directory))
        {
            if (Digest.TryParseHex(name, out var digest)) yield return digest;
        }
    }
}
