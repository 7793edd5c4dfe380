using System.Collections.Concurrent;
using CrunSharp.Build.Graph;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;
using CrunSharp.Storage;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Build.Cache.Transfers;

/// <summary>A step that was done or known in a build.</summary>
/// <param name="Key">Its key.</param>
/// <param name="Parents">The layers that it is done on; none when they do not matter.</param>
/// <param name="Layer">What it gave.</param>
internal sealed record ExportedStep(CacheKey Key, IReadOnlyList<BuiltLayer> Parents, BuiltLayer Layer);

/// <summary>Writes the results of a build's steps to another place, so that a build elsewhere need not do them.</summary>
/// <param name="store">Where the layers are.</param>
internal sealed class CacheExport(Store store)
{
    private const int MostAtOnce = 3;

    /// <summary>Writes a cache. Nothing stands for it until all of it is there.</summary>
    /// <param name="place">Where to.</param>
    /// <param name="address">How.</param>
    /// <param name="steps">The steps.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="CrunException">It cannot be written.</exception>
    public async Task RunAsync(CachePlace place, CacheAddress address, IReadOnlyCollection<ExportedStep> steps, CancellationToken cancellationToken)
    {
        using var alone = await place.BeginAsync(cancellationToken).ConfigureAwait(false);
        var keys = new SortedDictionary<string, (Digest On, Digest Without, Layer Layer, string Created)>(StringComparer.Ordinal);
        foreach (var step in steps)
        {
            var parents = await Task.WhenAll(step.Parents.Select(static parent => parent.Committed)).ConfigureAwait(false);
            var on = step.Key.On(parents.Select(static parent => parent.DiffId));
            keys.TryAdd(on.Hex, (on, step.Key.WithoutParent(), await step.Layer.Committed.ConfigureAwait(false), step.Layer.Created ?? ""));
        }
        var blobs = await PutLayersAsync(place, address, [.. keys.Values.Select(static key => key.Layer).DistinctBy(static layer => layer.DiffId)], cancellationToken).ConfigureAwait(false);
        var mounts = await PutMountsAsync(place, address, cancellationToken).ConfigureAwait(false);
        var config = (ConfigOf(keys.Values, blobs) with { Mounts = mounts }).Format();
        var descriptor = new Descriptor { MediaType = CacheConfig.MediaType, Digest = Digest.Of(config), Size = config.Length };
        await place.PutAsync(descriptor, () => new MemoryStream(config, writable: false), cancellationToken).ConfigureAwait(false);
        IReadOnlyList<Descriptor> layers = [.. blobs.Values.Concat(mounts.Select(static mount => mount.Descriptor)).DistinctBy(static blob => blob.Digest).OrderBy(static blob => blob.Digest.Hex, StringComparer.Ordinal)];
        if (address.IsIndex) await place.PublishAsync(MediaTypes.Index, ImageJson.Write(new ImageIndex { MediaType = MediaTypes.Index, Manifests = [.. layers, descriptor] }), cancellationToken).ConfigureAwait(false);
        else await place.PublishAsync(MediaTypes.Manifest, ImageJson.Write(new ImageManifest { MediaType = MediaTypes.Manifest, Config = descriptor, Layers = layers }), cancellationToken).ConfigureAwait(false);
    }

    private async Task<IReadOnlyDictionary<Digest, Descriptor>> PutLayersAsync(CachePlace place, CacheAddress address, IReadOnlyList<Layer> layers, CancellationToken cancellationToken)
    {
        var blobs = new ConcurrentDictionary<Digest, Descriptor>();
        using var compressing = new SemaphoreSlim(1); // one layer keeps all processors busy
        await Parallel.ForEachAsync(layers, new ParallelOptions { MaxDegreeOfParallelism = MostAtOnce, CancellationToken = cancellationToken }, async (layer, cancel) =>
        {
            await compressing.WaitAsync(cancel).ConfigureAwait(false);
            Descriptor blob;
            try
            {
                blob = await Task.Factory.StartNew(() => store.Layers.Compress(layer, address.Compression, null, cancel), cancel, TaskCreationOptions.LongRunning, TaskScheduler.Default).ConfigureAwait(false);
            }
            finally
            {
                compressing.Release();
            }
            await place.PutAsync(blob, () => store.Content.Open(blob.Digest), cancel).ConfigureAwait(false);
            blobs[layer.DiffId] = blob;
        }).ConfigureAwait(false);
        return blobs;
    }

    // The size and digest of a blob are known when it is written: it lies in a draft until it is sent.
    private async Task<IReadOnlyList<CachedMount>> PutMountsAsync(CachePlace place, CacheAddress address, CancellationToken cancellationToken)
    {
        const string name = "mount.tar.zst";
        var mounts = new List<CachedMount>();
        foreach (var cache in address.Mounts.Count == 0 ? [] : NamedCaches.List(store.Root))
        {
            if (!address.Mounts.Contains("*") && !address.Mounts.Contains(cache.Id)) continue;
            using var draft = store.Layers.Begin();
            using var file = FileAt.Open(draft.Directory, name, OpenFlags.O_RDWR | OpenFlags.O_CREAT | OpenFlags.O_EXCL | OpenFlags.O_NOFOLLOW, 0x180);
            await using (var target = new FileStream(new SafeFileHandle(file.DangerousGetHandle(), ownsHandle: false), FileAccess.Write, 0)) NamedCaches.Export(store.Root, cache.Id, target);
            Digest blob;
            using (var content = Open(draft)) blob = Digest.FromHash(await System.Security.Cryptography.SHA256.HashDataAsync(content, cancellationToken).ConfigureAwait(false));
            var mount = new CachedMount { Id = cache.Id, Blob = blob, Size = RandomAccess.GetLength(file) };
            await place.PutAsync(mount.Descriptor, () => Open(draft), cancellationToken).ConfigureAwait(false);
            mounts.Add(mount);
        }
        return mounts;

        static FileStream Open(LayerDraft draft) => new(FileAt.Open(draft.Directory, name, OpenFlags.O_RDONLY | OpenFlags.O_NOFOLLOW), FileAccess.Read, 128 * 1024);
    }

    // The same steps give the same document.
    private static CacheConfig ConfigOf(IEnumerable<(Digest On, Digest Without, Layer Layer, string Created)> steps, IReadOnlyDictionary<Digest, Descriptor> blobs)
    {
        var (layers, records) = (new List<CachedLayer>(), new List<CachedStep>());
        var (layerAt, stepAt) = (new Dictionary<Digest, int>(), new Dictionary<Digest, int>());
        foreach (var (on, without, layer, created) in steps)
        {
            if (!layerAt.TryGetValue(layer.DiffId, out var at))
            {
                var blob = blobs[layer.DiffId];
                layerAt[layer.DiffId] = at = layers.Count;
                layers.Add(new CachedLayer { Blob = blob.Digest, Notes = new LayerNotes { MediaType = blob.MediaType, DiffId = layer.DiffId, Size = blob.Size } });
            }
            if (!stepAt.TryGetValue(without, out var root))
            {
                stepAt[without] = root = records.Count;
                records.Add(new CachedStep { Digest = without });
            }
            records.Add(new CachedStep { Digest = on, Inputs = [[new StepLink { Link = root }]], Results = [new StepResult { Layer = at, Created = created }] });
        }
        return new CacheConfig { Layers = layers, Records = records };
    }
}
