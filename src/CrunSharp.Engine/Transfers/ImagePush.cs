using CrunSharp.Oci;
using CrunSharp.Oci.Images;
using CrunSharp.Registry;
using CrunSharp.Storage;

namespace CrunSharp.Engine.Transfers;

/// <summary>Sends images from the store to a registry: only what is not there yet.</summary>
/// <param name="store">The store.</param>
/// <param name="client">The registry.</param>
/// <param name="progress">Hears how it goes on.</param>
public sealed class ImagePush(Store store, RegistryClient client, IPushProgress progress)
{
    private const int MostAtOnce = 5;

    /// <summary>Pushes an image; afterwards it has its digest in the repository as a further name.</summary>
    /// <param name="image">The image.</param>
    /// <param name="name">The name that it shall have in the registry, with a tag.</param>
    /// <param name="compression">How layers shall be compressed; null for as they are, and with gzip those that are not.</param>
    /// <param name="cancellationToken">Ends it; what was sent completely stays there, and is not sent again.</param>
    /// <returns>The manifest. It is the one that the image came with where all of it is still here and no form was asked for, and else always the same.</returns>
    /// <exception cref="CrunException">The registry refuses it or cannot be reached, or a layer is damaged; the name in the registry has not changed.</exception>
    public async Task<Descriptor> RunAsync(Image image, ImageReference name, LayerCompression? compression, CancellationToken cancellationToken)
    {
        var (manifest, _) = await SendAsync(image, name, compression, name.Tag, cancellationToken).ConfigureAwait(false);
        // One of several that a name stands for stays that.
        if (image.Names.Count > 0 || image.OtherNames.Count == 0) store.Images.Tag(image.Id, WithDigest(name, manifest.Digest));
        return manifest;
    }

    /// <summary>Pushes an image for several platforms, and an index of them; afterwards they have its digest in the repository as a further name.</summary>
    /// <param name="images">The images, of which the first is what the name means without a platform.</param>
    /// <param name="name">The name that they shall have in the registry, with a tag.</param>
    /// <param name="compression">How layers shall be compressed; null for as they are, and with gzip those that are not.</param>
    /// <param name="cancellationToken">Ends it; what was sent completely stays there, and is not sent again.</param>
    /// <returns>The index; the manifest where there is only one image.</returns>
    /// <exception cref="CrunException">The registry refuses it or cannot be reached, or a layer is damaged; the name in the registry has not changed.</exception>
    public async Task<Descriptor> RunAllAsync(IReadOnlyList<Image> images, ImageReference name, LayerCompression? compression, CancellationToken cancellationToken)
    {
        if (images.Count == 1) return await RunAsync(images[0], name, compression, cancellationToken).ConfigureAwait(false);
        var manifests = new List<Descriptor>();
        foreach (var image in images)
        {
            var (_, content) = await SendAsync(image, name, compression, null, cancellationToken).ConfigureAwait(false);
            manifests.Add(OutgoingManifest.Describe(image, content));
        }
        var index = OutgoingManifest.Index(manifests);
        var digest = await client.Repository(name).Manifests.PutAsync(name.Tag!, MediaTypes.Index, index, cancellationToken).ConfigureAwait(false);
        store.Images.Tag(images[0].Id, WithDigest(name, digest), [.. images.Skip(1).Select(static image => image.Id)]);
        return new Descriptor { MediaType = MediaTypes.Index, Digest = digest, Size = index.Length };
    }

    // Sends an image, and its manifest under a tag, or under its digest alone.
    private async Task<(Descriptor Manifest, byte[] Content)> SendAsync(Image image, ImageReference name, LayerCompression? compression, string? tag, CancellationToken cancellationToken)
    {
        var repository = client.Repository(name);
        var kept = compression is null ? OutgoingManifest.TryKept(store, image) : null;
        var blobs = kept is null ? new Descriptor[image.DiffIds.Count] : [.. ManifestReader.Read(kept).Layers];
        if (kept is null) store.Layers.Pin(image.DiffIds);
        var sources = new MountSources(store, name);
        // From the top down, as Docker lists them; a layer may be in an image twice.
        var order = Enumerable.Range(0, blobs.Length).Reverse().DistinctBy(i => image.DiffIds[i]).ToArray();
        foreach (var i in order) progress.Report(image.DiffIds[i], new PushState(PushStage.Preparing));
        using var compressing = new SemaphoreSlim(1); // one layer keeps all processors busy
        var options = new ParallelOptions { MaxDegreeOfParallelism = MostAtOnce, CancellationToken = cancellationToken };
        await Parallel.ForEachAsync(order, options, async (i, cancel) =>
        {
            var layer = image.DiffIds[i];
            if (blobs[i] is null)
            {
                var early = new EarlyUpload(repository, cancel);
                await using var _ = early.ConfigureAwait(false);
                // What another repository may have is not sent before that was asked.
                blobs[i] = await CompressAsync(layer, compression, sources.Of(layer).Count == 0 ? early : null, compressing, cancel).ConfigureAwait(false);
                if (await early.FinishAsync(blobs[i]).ConfigureAwait(false))
                {
                    progress.Report(layer, new PushState(PushStage.Pushed, blobs[i].Size, blobs[i].Size));
                    return;
                }
            }
            await PushLayerAsync(repository, layer, blobs[i], sources, cancel).ConfigureAwait(false);
        }).ConfigureAwait(false);
        for (var i = 0; i < blobs.Length; i++) blobs[i] ??= blobs[order.First(other => image.DiffIds[other] == image.DiffIds[i])];
        var manifest = kept ?? OutgoingManifest.Of(image, blobs);
        var content = ManifestReader.Read(manifest);
        await repository.Blobs.PushAsync(content.Config, _ => ValueTask.FromResult<Stream>(new MemoryStream(image.RawConfig.ToArray(), writable: false)), null, cancellationToken).ConfigureAwait(false);
        var type = content.MediaType ?? (content.Config.MediaType == MediaTypes.DockerConfig ? MediaTypes.DockerManifest : MediaTypes.Manifest);
        var digest = await repository.Manifests.PutAsync(tag ?? Digest.Of(manifest).ToString(), type, manifest, cancellationToken).ConfigureAwait(false);
        return (new Descriptor { MediaType = type, Digest = digest, Size = manifest.Length }, manifest);
    }

    private static ImageReference WithDigest(ImageReference name, Digest digest) => ImageReference.Parse($"{name.Host}/{name.Path}@{digest}");

    private async Task<Descriptor> CompressAsync(Digest diffId, LayerCompression? compression, Stream? copy, SemaphoreSlim compressing, CancellationToken cancellationToken)
    {
        await compressing.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            // A thread of its own: it waits for those of the pool.
            return await Task.Factory.StartNew(() => store.Layers.Compress(store.Layers.Get(diffId), compression, copy, cancellationToken),
                CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default).ConfigureAwait(false);
        }
        finally
        {
            compressing.Release();
        }
    }

    private async Task PushLayerAsync(Repository repository, Digest layer, Descriptor blob, MountSources sources, CancellationToken cancellationToken)
    {
        var sent = 0L;
        var how = new PushOptions { MountFrom = sources.Of(layer), Progress = Count };
        var result = await repository.Blobs.PushAsync(blob, _ => ValueTask.FromResult(store.Content.Open(blob.Digest)), how, cancellationToken).ConfigureAwait(false);
        progress.Report(layer, result.Outcome switch
        {
            PushOutcome.AlreadyExists => new PushState(PushStage.Exists, 0, blob.Size),
            PushOutcome.Mounted => new PushState(PushStage.Mounted, 0, blob.Size, result.From),
            _ => new PushState(PushStage.Pushed, blob.Size, blob.Size),
        });

        void Count(long bytes)
        {
            sent += bytes;
            progress.Report(layer, new PushState(PushStage.Pushing, sent, blob.Size));
        }
    }
}
