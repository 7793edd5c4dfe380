using CrunSharp.Oci.Images;

namespace CrunSharp.Storage;

/// <summary>An archive that becomes a tar, and gets its layers while they are compressed, before it is known what else it holds.</summary>
public sealed class StartedArchive
{
    // Headers with a size in one piece end at 8 GiB.
    private const long MostTarSize = 8_000_000_000;

    /// <summary>Starts it.</summary>
    /// <param name="output">Where to; it stays the caller's.</param>
    public StartedArchive(Stream output)
    {
        CanGoBack = output.CanSeek;
        Target = new TarTarget(output);
        OciLayout.AddVersion(Target);
    }

    private bool CanGoBack { get; }

    internal TarTarget Target { get; }

    /// <summary>Compresses a layer as <see cref="LayerStore.Compress"/> does, and adds what becomes of it.</summary>
    /// <param name="store">Where the layer is.</param>
    /// <param name="layer">The layer.</param>
    /// <param name="how">How it has to be compressed; null for as it is, and with gzip if it is not.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <exception cref="Oci.CrunException">The layer's directory or blob was changed; what was written has to be thrown away.</exception>
    public Descriptor AddLayer(Store store, Layer layer, LayerCompression? how, CancellationToken cancellationToken)
    {
        Descriptor? blob = null;
        if (CanGoBack && layer.TarSize < MostTarSize) Target.AddOpen(copy => (blob = store.Layers.Compress(layer, how, copy, cancellationToken)).Digest);
        blob ??= store.Layers.Compress(layer, how, cancellationToken: cancellationToken);
        OutgoingArchive.AddLayer(store, Target, blob, null);
        return blob;
    }
}
