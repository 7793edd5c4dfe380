using System.Collections.Concurrent;
using CrunSharp.Build.Graph;
using CrunSharp.Build.Progress;
using CrunSharp.Oci;
using CrunSharp.Storage;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Build.Cache.Transfers;

/// <summary>The caches that a build takes steps from, and those that it writes.</summary>
/// <param name="store">The store.</param>
/// <param name="cache">The local cache.</param>
/// <param name="request">What is built.</param>
/// <param name="progress">Is told what happens.</param>
/// <param name="show">Shows that something is fetched, until the result is disposed.</param>
/// <param name="clock">The time.</param>
internal sealed class CacheTransfers(Store store, BuildCache cache, BuildRequest request, IBuildProgress progress, Func<string, IDisposable> show, TimeProvider clock) : IDisposable
{
    private readonly ConcurrentBag<ExportedStep> _steps = [];
    private readonly IReadOnlyList<CacheImport> _imports =
        [.. request.CacheFrom.Select(from => new CacheImport(store, cache, CachePlace.Open(from, request.OpenRegistry), from.Shown, show, progress.Warning, clock))];

    /// <summary>Remembers a step for the caches that are written.</summary>
    public void Note(CacheKey key, IReadOnlyList<BuiltLayer> parents, BuiltLayer layer)
    {
        if (request.CacheTo.Count > 0) _steps.Add(new ExportedStep(key, parents, layer));
    }

    /// <summary>Looks for a step in the caches from elsewhere; then the local one has it.</summary>
    /// <param name="key">The step.</param>
    /// <param name="parent">Gets the digests of the layers that it is done on.</param>
    /// <param name="cancellationToken">Stops it.</param>
    public async Task<bool> TryBringAsync(CacheKey key, Func<Task<IReadOnlyList<Digest>>> parent, CancellationToken cancellationToken)
    {
        foreach (var import in _imports)
        {
            if (!await import.WasDoneAsync(key.WithoutParent(), cancellationToken).ConfigureAwait(false)) continue;
            if (await import.TryBringAsync(key, key.On(await parent().ConfigureAwait(false)), request.CacheTtl, cancellationToken).ConfigureAwait(false)) return true;
        }
        return false;
    }

    /// <summary>Fills a cache mount that is made, if a cache from elsewhere has it.</summary>
    /// <param name="id">Its id.</param>
    /// <param name="directory">Its directory, empty.</param>
    /// <param name="cancellationToken">Stops it.</param>
    public bool TryFill(string id, SafeFileHandle directory, CancellationToken cancellationToken)
    {
        foreach (var import in _imports)
        {
            if (import.TryFill(id, directory, cancellationToken)) return true;
        }
        return false;
    }

    /// <summary>Writes the caches.</summary>
    /// <param name="images">The layers of what was built.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="CrunException">One cannot be written, and is not to be ignored.</exception>
    public async Task ExportAsync(IEnumerable<BuiltLayer> images, CancellationToken cancellationToken)
    {
        var inImage = images.ToHashSet(ReferenceEqualityComparer.Instance);
        foreach (var to in request.CacheTo)
        {
            using var shown = show($"exporting cache to {to.Shown}");
            try
            {
                await FetchingStep.WatchAsync(shown, async () =>
                {
                    using var place = CachePlace.Open(to, request.OpenRegistry);
                    await new CacheExport(store).RunAsync(place, to, [.. _steps.Where(step => to.IsMax || inImage.Contains(step.Layer))], cancellationToken).ConfigureAwait(false);
                    return true;
                }).ConfigureAwait(false);
            }
            catch (Exception error) when (error is CrunException or IOException)
            {
                var failure = CrunException.Of(error).Within($"export cache to {to.Shown}");
                if (!to.IgnoresErrors) throw failure;
                progress.Warning($"ignored: {failure.Message}");
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var import in _imports) import.Dispose();
    }
}
