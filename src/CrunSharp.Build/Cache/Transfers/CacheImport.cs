using CrunSharp.Build.Graph;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;
using CrunSharp.Storage;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Build.Cache.Transfers;

/// <summary>
/// A cache from elsewhere. Its records are read when the first step is not known here; a layer comes when its step hits. What
/// is damaged, hostile or cannot be had is a warning and no hit.
/// </summary>
/// <param name="store">Where layers go.</param>
/// <param name="cache">The local cache, which remembers what was found.</param>
/// <param name="place">Where the other one is.</param>
/// <param name="shown">What people call it.</param>
/// <param name="show">Shows that something is fetched, until the result is disposed.</param>
/// <param name="warn">Gets a line for what went wrong.</param>
/// <param name="clock">The time.</param>
internal sealed class CacheImport(Store store, BuildCache cache, CachePlace place, string shown, Func<string, IDisposable> show, Action<string> warn, TimeProvider clock) : IDisposable
{
    private readonly Lock _lock = new();
    private Task<Dictionary<Digest, CachedResult>>? _results;
    private IReadOnlyList<CachedMount> _mounts = [];
    private HashSet<Digest>? _steps;

    /// <summary>Whether a step was ever done, on whatever parent.</summary>
    public async Task<bool> WasDoneAsync(Digest withoutParent, CancellationToken cancellationToken)
    {
        var results = await ResultsAsync(cancellationToken).ConfigureAwait(false);
        lock (_lock) return (_steps ??= [.. results.Values.Select(static r => r.WithoutParent)]).Contains(withoutParent);
    }

    /// <summary>Brings the result of a step into the store and the local cache; false when there is none, or it is too old.</summary>
    public async Task<bool> TryBringAsync(CacheKey key, Digest on, TimeSpan? mostAge, CancellationToken cancellationToken)
    {
        var results = await ResultsAsync(cancellationToken).ConfigureAwait(false);
        if (!results.TryGetValue(on, out var result) || result.WithoutParent != key.WithoutParent()) return false;
        var record = new CacheRecord { DiffId = result.DiffId, Created = result.Created, Parts = key.Parts };
        if (record.IsOlderThan(mostAge, clock.GetUtcNow())) return false;
        try
        {
            using (var claim = await store.ClaimAsync(result.Blob.Digest, cancellationToken).ConfigureAwait(false))
            {
                if (store.Layers.TryGet(result.DiffId) is null) await FetchAsync(result, cancellationToken).ConfigureAwait(false);
            }
            cache.Put(on, result.WithoutParent, record);
            return true;
        }
        catch (Exception error) when (error is CrunException or IOException)
        {
            warn($"ignored a layer of the cache {shown}: {CrunException.Of(error).Message}");
            return false;
        }
    }

    /// <summary>Fills a cache mount that is made; false when it is not in this cache.</summary>
    /// <param name="id">Its id.</param>
    /// <param name="directory">Its directory, empty; it is empty again when its files cannot be had.</param>
    /// <param name="cancellationToken">Stops it.</param>
    public bool TryFill(string id, SafeFileHandle directory, CancellationToken cancellationToken)
    {
        ResultsAsync(cancellationToken).GetAwaiter().GetResult();
        if (_mounts.FirstOrDefault(mount => mount.Id == id) is not { } found) return false;
        try
        {
            using var shownStep = show($"fetch the cache {id} from {shown}");
            var blob = found.Descriptor;
            // All of it is verified before any of it is there.
            using (var whole = new VerifyingStream(place.OpenAsync(blob, cancellationToken).GetAwaiter().GetResult(), blob.Digest, blob.Size, $"blob {blob.Digest}")) whole.CopyTo(Stream.Null);
            NamedCaches.Unpack(directory, place.OpenAsync(blob, cancellationToken).GetAwaiter().GetResult(), $"cache {id}", store.Limits, cancellationToken);
            return true;
        }
        catch (Exception error) when (error is CrunException or IOException)
        {
            warn($"ignored the cache {id} of {shown}: {CrunException.Of(error).Message}");
            foreach (var name in FileAt.List(directory)) FileAt.RemoveTree(directory, name);
            return false;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => place.Dispose();

    // A thread of its own: unpacking blocks. Both digests are verified on the way.
    private Task FetchAsync(CachedResult result, CancellationToken cancellationToken) => Task.Factory.StartNew(() =>
    {
        using var shownStep = show($"fetch {result.Blob.Digest} from {shown}");
        store.Layers.ApplyKeeping(place.OpenAsync(result.Blob, cancellationToken).GetAwaiter().GetResult(), result.DiffId, result.Blob.Digest, result.Blob.Size);
    }, cancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private Task<Dictionary<Digest, CachedResult>> ResultsAsync(CancellationToken cancellationToken)
    {
        lock (_lock) return _results ??= ReadAsync(cancellationToken);
    }

    private async Task<Dictionary<Digest, CachedResult>> ReadAsync(CancellationToken cancellationToken)
    {
        using var shownStep = show($"importing cache manifest from {shown}");
        try
        {
            var manifest = await place.ReadManifestAsync(cancellationToken).ConfigureAwait(false);
            var descriptor = ConfigOf(manifest) ?? throw CrunException.Invalid("it has no build cache");
            if (descriptor.Size > CacheConfig.MostBytes) throw CrunException.Integrity($"its configuration has {descriptor.Size} bytes, more than {CacheConfig.MostBytes}");
            await using var stream = new VerifyingStream(await place.OpenAsync(descriptor, cancellationToken).ConfigureAwait(false), descriptor.Digest, descriptor.Size, $"cache configuration {descriptor.Digest}");
            using var content = new MemoryStream();
            await stream.CopyToAsync(content, cancellationToken).ConfigureAwait(false);
            var config = CacheConfig.Parse(content.GetBuffer().AsSpan(0, (int)content.Length));
            _mounts = config.Mounts;
            return config.Results();
        }
        catch (Exception error) when (error is CrunException or IOException)
        {
            warn($"ignored the cache {shown}: {CrunException.Of(error).Message}");
            return [];
        }
    }

    // The configuration of a manifest, or one of the entries of an index.
    private static Descriptor? ConfigOf(byte[] document)
    {
        try
        {
            return ManifestReader.Read(document).Config is { MediaType: CacheConfig.MediaType } config ? config : null;
        }
        catch (CrunException)
        {
            return ManifestReader.ReadIndex(document).Manifests.FirstOrDefault(static m => m.MediaType == CacheConfig.MediaType);
        }
    }
}
