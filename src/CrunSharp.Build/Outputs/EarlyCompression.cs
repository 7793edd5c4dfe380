using CrunSharp.Storage;

namespace CrunSharp.Build.Outputs;

/// <summary>
/// Compresses layers as soon as they are made, while the build goes on, for outputs that want them so: at the end only the
/// last one is left to do, which an archive takes while it is compressed. One after the other, as one keeps all processors busy.
/// </summary>
internal sealed class EarlyCompression(Store store, OutputRequest request, CancellationToken cancellationToken)
{
    private readonly Lock _lock = new();
    private readonly OutputSpec[] _outputs = [.. request.Outputs.Where(output => output.NewLayers is not null && !output.RewriteTimestamp && !request.Squash)];
    private Task _last = Task.CompletedTask;

    /// <summary>Takes a layer of the image.</summary>
    /// <param name="layer">The layer, when its digest is known.</param>
    /// <param name="isNew">Whether this build, or one before, made it; else it is the base image's.</param>
    /// <param name="isLast">Whether the image has no layer above it.</param>
    public void Add(Task<Layer> layer, bool isNew, bool isLast)
    {
        if (_outputs.Length == 0 || (isLast && Array.Exists(_outputs, static output => output.TakesLayersEarly))) return;
        lock (_lock) _last = CompressAsync(_last, layer, isNew);
    }

    /// <summary>Waits for all that was taken. What failed is done again, and fails, where it is needed.</summary>
    public async Task FinishAsync() => await _last.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    private async Task CompressAsync(Task before, Task<Layer> layer, bool isNew)
    {
        await before.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        var made = await layer.ConfigureAwait(false);
        // A thread of its own: it waits for those of the pool.
        await Task.Factory.StartNew(() =>
        {
            foreach (var output in _outputs)
                store.Layers.Compress(made, isNew || output.Compression.IsForced ? output.NewLayers : null, cancellationToken: cancellationToken);
        }, cancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default).ConfigureAwait(false);
    }
}
