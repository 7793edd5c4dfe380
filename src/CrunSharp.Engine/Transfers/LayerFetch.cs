using System.Runtime.InteropServices;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;
using CrunSharp.Registry;
using CrunSharp.Storage;

namespace CrunSharp.Engine.Transfers;

/// <summary>Brings layers into the store, several at once: each is checked, decompressed and unpacked while it arrives.</summary>
internal sealed class LayerFetch(Store store, Repository repository, bool hasMirrors, IPullProgress progress)
{
    // While one waits for the network, another has something to unpack.
    private static int MostAtOnce => Math.Clamp(Environment.ProcessorCount * 2, 3, 6);

    private Exception? _failure;

    /// <summary>Brings all layers, or none is left half done.</summary>
    /// <exception cref="CrunException">One cannot be had, or is not what was promised; the others were ended.</exception>
    public async Task RunAsync(IReadOnlyList<Descriptor> blobs, IReadOnlyList<Digest> diffIds, CancellationToken cancellationToken)
    {
        var missing = new List<(Descriptor Blob, Digest DiffId)>();
        foreach (var (blob, diffId) in blobs.Zip(diffIds))
        {
            if (TryHold(diffId)) progress.Report(blob, LayerStage.Exists, 0);
            else if (!missing.Exists(m => m.DiffId == diffId && m.Blob.Digest == blob.Digest)) missing.Add((blob, diffId));
        }
        foreach (var (blob, _) in missing) progress.Report(blob, LayerStage.Waiting, 0);
        if (missing.Count == 0) return;
        // The largest first, so that it is not the last one alone.
        CollectionsMarshal.AsSpan(missing).Sort(static (a, b) => b.Blob.Size.CompareTo(a.Blob.Size));
        await RunAllAsync(missing, cancellationToken).ConfigureAwait(false);
    }

    private async Task RunAllAsync(List<(Descriptor Blob, Digest DiffId)> missing, CancellationToken cancellationToken)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var next = -1;
        var workers = new Task[Math.Min(MostAtOnce, missing.Count)];
        // A thread each: unpacking blocks.
        for (var i = 0; i < workers.Length; i++)
            workers[i] = Task.Factory.StartNew(Work, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        await Task.WhenAll(workers).ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
        if (_failure is not null) System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(_failure);

        void Work()
        {
            try
            {
                while (Interlocked.Increment(ref next) is var mine && mine < missing.Count)
                    FetchAsync(missing[mine].Blob, missing[mine].DiffId, ending.Token).GetAwaiter().GetResult();
            }
            catch (Exception error)
            {
                // What comes after it was ended by it.
                Interlocked.CompareExchange(ref _failure, error, null);
                ending.Cancel();
            }
        }
    }

    private async Task FetchAsync(Descriptor blob, Digest diffId, CancellationToken cancellationToken)
    {
        using var claim = await store.ClaimAsync(blob.Digest, cancellationToken).ConfigureAwait(false);
        if (TryHold(diffId))
        {
            progress.Report(blob, LayerStage.Exists, 0);
            return;
        }
        for (var skipsMirrors = false; ; skipsMirrors = true)
        {
            try
            {
                if (store.Content.Contains(blob.Digest)) store.Layers.Apply(store.Content.Open(blob.Digest), diffId, blob.Digest);
                else await ReceiveAsync(claim, (blob, diffId), skipsMirrors, cancellationToken).ConfigureAwait(false);
                progress.Report(blob, LayerStage.Complete, blob.Size);
                return;
            }
            catch (CrunException error) when (error.Kind == ErrorKind.Integrity && hasMirrors && !skipsMirrors)
            {
                progress.Warning($"a mirror has other bytes: {error.Message}");
            }
            catch (CrunException error) when (!error.Message.Contains(blob.Digest.Hex, StringComparison.Ordinal))
            {
                throw error.Within($"layer {blob.Digest}");
            }
        }
    }

    // What an earlier pull left of the blob is not fetched again, unless it turns out to be wrong.
    private async Task ReceiveAsync(TransferClaim claim, (Descriptor Blob, Digest DiffId) layer, bool skipsMirrors, CancellationToken cancellationToken)
    {
        using var arrived = claim.Resume(layer.Blob.Size);
        try
        {
            await ReceiveAsync(arrived, layer, skipsMirrors, cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (_failure is { } cause)
        {
            arrived.Blame(cause); // who refuses a layer has no use for the image's others
            throw;
        }
        catch (CrunException error) when (arrived is { Count: > 0, IsSpoilt: true } && error.Kind != ErrorKind.System)
        {
            arrived.Restart();
            await ReceiveAsync(arrived, layer, skipsMirrors, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task ReceiveAsync(PartialBlob arrived, (Descriptor Blob, Digest DiffId) layer, bool skipsMirrors, CancellationToken cancellationToken)
    {
        var (blob, count) = (layer.Blob, arrived.Count);
        var how = new BlobOptions { From = count, LeavesDigestToReader = true, SkipsMirrors = skipsMirrors, Progress = Count };
        var rest = count == blob.Size ? Stream.Null : await repository.Blobs.OpenAsync(blob, how, cancellationToken).ConfigureAwait(false);
        store.Layers.ApplyResumed(arrived, rest, layer.DiffId, blob.Digest, blob.Size);

        void Count(int bytes)
        {
            count += bytes;
            progress.Report(blob, count < blob.Size ? LayerStage.Downloading : LayerStage.Extracting, count);
        }
    }

    private bool TryHold(Digest diffId)
    {
        try
        {
            if (store.Layers.TryGet(diffId) is null) return false;
            store.Layers.Pin([diffId]);
            return true;
        }
        catch (CrunException error) when (error.Kind is ErrorKind.NotFound or ErrorKind.Integrity)
        {
            return false; // it was removed meanwhile, or what is left of it after a power cut is of no use
        }
    }
}
