using CrunSharp.Oci;
using CrunSharp.Oci.Images;
using Descriptor = CrunSharp.Oci.Images.Descriptor;

namespace CrunSharp.Storage;

/// <summary>What the store knows about a layer: <c>layers/HEX/layer.json</c>.</summary>
internal sealed record LayerRecord
{
    private const int MostForms = 4;

    public required Digest DiffId { get; init; }

    /// <summary>Bytes of all files.</summary>
    public required long Size { get; init; }

    public required long Entries { get; init; }

    /// <summary>Bytes of the tar that has the diffID.</summary>
    public required long TarSize { get; init; }

    /// <summary>Whether the tar is a function of the directory; else it can only be had from the blob.</summary>
    public required bool Own { get; init; }

    /// <summary>The layer's compressed form, if there is one in the store.</summary>
    public Descriptor? Blob { get; init; }

    /// <summary>Further compressed forms, which somebody asked for; the newest last.</summary>
    public IReadOnlyList<LayerForm>? Forms { get; init; }

    /// <summary>All compressed forms.</summary>
    public IEnumerable<Descriptor> Descriptors => [.. Blob is null ? [] : (Descriptor[])[Blob], .. (Forms ?? []).Select(static f => f.Blob)];

    /// <summary>The digests of all compressed forms.</summary>
    public IEnumerable<Digest> Blobs => Descriptors.Select(static blob => blob.Digest);

    /// <summary>Directories without an entry of their own.</summary>
    public IReadOnlyList<string>? Implied { get; init; }

    /// <summary>Whether the layer hides all that is beneath it.</summary>
    public bool HidesAll { get; init; }

    /// <summary>
    /// The digest of the tar that the directory would be, where that is not the layer's own; null until a check has found out.
    /// </summary>
    public Digest? Tree { get; init; }

    /// <summary>Which boot of the host wrote it.</summary>
    public required string BootId { get; init; }

    /// <summary>Whether all of it is known to survive a power cut.</summary>
    public bool Synced { get; init; }

    /// <summary>A form in which the layer may go out; null when there is none of that kind.</summary>
    /// <param name="how">How it has to be compressed; null for anyhow.</param>
    public Descriptor? FindForm(LayerCompression? how)
    {
        var own = Blob?.MediaType switch { MediaTypes.LayerGzip => CompressionKind.Gzip, MediaTypes.LayerZstd => CompressionKind.Zstd, _ => CompressionKind.None };
        if (how is not { } wanted) return own == CompressionKind.None ? null : Blob;
        // A blob that was not made here may be of any level.
        if (own == wanted.Kind && (wanted.Level is null || (Own && own == CompressionKind.Gzip && wanted.Level == LayerCompression.UsualGzip))) return Blob;
        foreach (var form in Forms ?? [])
        {
            if (form.Kind == wanted.Kind && (wanted.Level ?? form.Level) == form.Level) return form.Blob;
        }
        return null;
    }

    /// <summary>The record with a form that was just made.</summary>
    public LayerRecord With(LayerCompression how, Descriptor blob)
    {
        if (Blob is null && Own && how == LayerCompression.Usual) return this with { Blob = blob };
        LayerForm made = new() { Kind = how.Kind, Level = how.ActualLevel, Blob = blob };
        return this with { Forms = [.. (Forms ?? []).Where(f => (f.Kind, f.Level) != (made.Kind, made.Level)).TakeLast(MostForms - 1), made] };
    }
}

/// <summary>A compressed form of a layer.</summary>
internal sealed record LayerForm
{
    public required CompressionKind Kind { get; init; }

    public required int Level { get; init; }

    public required Descriptor Blob { get; init; }

    /// <summary>How manifests name a compressed form.</summary>
    public static Descriptor Describe(Digest digest, long size, CompressionKind kind) => new()
    {
        MediaType = kind switch
        {
            CompressionKind.Gzip => MediaTypes.LayerGzip,
            CompressionKind.Zstd => MediaTypes.LayerZstd,
            CompressionKind.None => MediaTypes.Layer,
            _ => $"{MediaTypes.Layer}+{kind.ToString().ToLowerInvariant()}",
        },
        Digest = digest,
        Size = size,
    };
}
