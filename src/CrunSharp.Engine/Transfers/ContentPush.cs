using CrunSharp.Oci;
using CrunSharp.Oci.Images;
using CrunSharp.Registry;
using CrunSharp.Storage;

namespace CrunSharp.Engine.Transfers;

/// <summary>A document that goes to a registry as it is.</summary>
/// <param name="MediaType">Its type.</param>
/// <param name="Content">Its bytes.</param>
public sealed record PushedDocument(string MediaType, ReadOnlyMemory<byte> Content);

/// <summary>A layer that goes to a registry.</summary>
/// <param name="DiffId">The layer.</param>
/// <param name="Blob">The form in which it goes.</param>
/// <param name="Open">Opens its bytes.</param>
public sealed record PushedLayer(Digest DiffId, Descriptor Blob, Func<Stream> Open);

/// <summary>What goes to a registry: images for one or several platforms, with all that is about them.</summary>
/// <param name="Layers">The layers.</param>
/// <param name="Blobs">Configurations, attestations.</param>
/// <param name="Manifests">Manifests that are known by their digests, each after those that it names.</param>
/// <param name="Root">What the name stands for afterwards.</param>
public sealed record PushedContent(IReadOnlyList<PushedLayer> Layers, IReadOnlyList<PushedDocument> Blobs, IReadOnlyList<PushedDocument> Manifests, PushedDocument Root);

/// <summary>Sends prepared content to a registry: only what is not there yet, and the name last.</summary>
/// <param name="store">The store, which knows where layers are already.</param>
/// <param name="client">The registry.</param>
/// <param name="progress">Hears how it goes on, by the digests of the blobs; null for nobody.</param>
public sealed class ContentPush(Store store, RegistryClient client, IPushProgress? progress = null)
{
    private const int MostAtOnce = 5;

    /// <summary>Sends it.</summary>
    /// <param name="content">What to send.</param>
    /// <param name="name">The name in the registry.</param>
    /// <param name="byDigest">Whether the name gets no tag.</param>
    /// <param name="cancellationToken">Ends it; what was sent completely stays there, and is not sent again.</param>
    /// <exception cref="CrunException">The registry refuses it or cannot be reached; the name in the registry has not changed.</exception>
    public async Task RunAsync(PushedContent content, ImageReference name, bool byDigest, CancellationToken cancellationToken)
    {
        var repository = client.Repository(name);
        var sources = new MountSources(store, name);
        var options = new ParallelOptions { MaxDegreeOfParallelism = MostAtOnce, CancellationToken = cancellationToken };
        await Parallel.ForEachAsync(content.Layers.DistinctBy(static layer => layer.Blob.Digest), options, async (layer, cancel) =>
            await PushAsync(repository, layer, sources, cancel).ConfigureAwait(false)).ConfigureAwait(false);
        foreach (var blob in content.Blobs)
        {
            var descriptor = new Descriptor { MediaType = blob.MediaType, Digest = Digest.Of(blob.Content.Span), Size = blob.Content.Length };
            await repository.Blobs.PushAsync(descriptor, _ => ValueTask.FromResult<Stream>(new MemoryStream(blob.Content.ToArray(), writable: false)), null, cancellationToken).ConfigureAwait(false);
        }
        foreach (var manifest in content.Manifests)
            await repository.Manifests.PutAsync(Digest.Of(manifest.Content.Span).ToString(), manifest.MediaType, manifest.Content, cancellationToken).ConfigureAwait(false);
        var reference = byDigest ? Digest.Of(content.Root.Content.Span).ToString() : name.Tag!;
        await repository.Manifests.PutAsync(reference, content.Root.MediaType, content.Root.Content, cancellationToken).ConfigureAwait(false);
    }

    private async Task PushAsync(Repository repository, PushedLayer layer, MountSources sources, CancellationToken cancellationToken)
    {
        const long leastShown = 1 << 20;
        var (sent, shown) = (0L, 0L);
        progress?.Report(layer.Blob.Digest, new PushState(PushStage.Pushing, 0, layer.Blob.Size));
        var how = new PushOptions { MountFrom = sources.Of(layer.DiffId), Progress = progress is null ? null : Count };
        var result = await repository.Blobs.PushAsync(layer.Blob, _ => ValueTask.FromResult(layer.Open()), how, cancellationToken).ConfigureAwait(false);
        progress?.Report(layer.Blob.Digest, result.Outcome switch
        {
            PushOutcome.AlreadyExists => new PushState(PushStage.Exists, 0, layer.Blob.Size),
            PushOutcome.Mounted => new PushState(PushStage.Mounted, 0, layer.Blob.Size, result.From),
            _ => new PushState(PushStage.Pushed, layer.Blob.Size, layer.Blob.Size),
        });

        void Count(long bytes)
        {
            sent += bytes;
            if (sent - shown < leastShown) return;
            shown = sent;
            progress!.Report(layer.Blob.Digest, new PushState(PushStage.Pushing, sent, layer.Blob.Size));
        }
    }
}
