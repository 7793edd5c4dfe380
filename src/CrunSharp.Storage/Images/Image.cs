using System.Globalization;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;

namespace CrunSharp.Storage;

/// <summary>An image in the store. Parts that cost a look at the disk are read when they are asked for.</summary>
public sealed class Image
{
    private const int MostConfigBytes = 8 * 1024 * 1024;
    private readonly ImageStore _store;
    private readonly ImageRecord _record;
    private byte[]? _rawConfig;
    private ImageConfig? _config;
    private DateTimeOffset? _created;
    private bool _isCreatedKnown;

    internal Image(ImageStore store, ImageRecord record, byte[]? rawConfig = null) => (_store, _record, _rawConfig) = (store, record, rawConfig);

    /// <summary>The image's id: the digest of its configuration.</summary>
    public Digest Id => _record.Id;

    /// <summary>The configuration's bytes, as they came.</summary>
    /// <exception cref="CrunException">They are damaged or missing.</exception>
    public ReadOnlyMemory<byte> RawConfig => _rawConfig ??= _store.Content.Read(Id, MostConfigBytes);

    /// <summary>The configuration.</summary>
    /// <exception cref="CrunException">It is damaged or missing.</exception>
    public ImageConfig Config => _config ??= ImageJson.ReadConfig(RawConfig.Span);

    /// <summary>The image's names, tags and digests, sorted.</summary>
    public IReadOnlyList<ImageReference> Names => KnownNames ??= _store.NamesOf(Id);

    /// <summary>Names that stand for another platform's image first, and for this one where its platform is asked for.</summary>
    public IReadOnlyList<ImageReference> OtherNames => KnownOtherNames ??= _store.OtherNamesOf(Id);

    internal IReadOnlyList<ImageReference>? KnownOtherNames { get; set; }

    /// <summary>The names, once they were asked for or by who lists all images.</summary>
    internal IReadOnlyList<ImageReference>? KnownNames { get; set; }

    /// <summary>The sizes of layers that images of one list share.</summary>
    internal Dictionary<Digest, long>? LayerSizes { get; init; }

    /// <summary>The digests of the layers' uncompressed tars, from the base up.</summary>
    public IReadOnlyList<Digest> DiffIds => Config.Rootfs.DiffIds;

    /// <summary>When the image was made; null when it does not say, or is damaged.</summary>
    public DateTimeOffset? Created
    {
        get
        {
            if (_isCreatedKnown) return _created;
            if (Damage is null && DateTimeOffset.TryParse(Config.Created, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time)) _created = time;
            _isCreatedKnown = true;
            return _created;
        }
    }

    /// <summary>Why the image is of no use but to be removed; null when it is whole as far as its configuration goes.</summary>
    public CrunException? Damage
    {
        get
        {
            try
            {
                _ = Config;
                return null;
            }
            catch (CrunException error) when (error.Kind is ErrorKind.Integrity or ErrorKind.NotFound)
            {
                return error;
            }
        }
    }

    /// <summary>As <see cref="DiffIds"/>; null when the configuration is damaged or missing, so that the image is of no use.</summary>
    internal IReadOnlyList<Digest>? TryGetDiffIds() => Damage is null ? DiffIds : null;

    /// <summary>The manifest that the image came with; null when there is none, or it is damaged.</summary>
    internal ImageManifest? TryReadManifest()
    {
        try
        {
            return ReadRawManifest() is { } raw ? ManifestReader.Read(raw) : null;
        }
        catch (CrunException error) when (error.Kind is ErrorKind.Integrity or ErrorKind.NotFound)
        {
            return null;
        }
    }

    /// <summary>How many bytes the files of all layers have; layers that are missing count as 0.</summary>
    public long Size
    {
        get
        {
            long size = 0;
            foreach (var diffId in DiffIds) size += SizeOf(diffId);
            return size;
        }
    }

    /// <summary>The digest of the manifest that the image came with; null when it was made here.</summary>
    public Digest? ManifestDigest => _record.Manifest;

    /// <summary>The manifest's bytes, as they came; null when the image was made here.</summary>
    public byte[]? ReadRawManifest() => _record.Manifest is { } digest ? _store.Content.Read(digest, MostConfigBytes) : null;

    /// <summary>When the image was last given a name, RFC 3339; null when it never was.</summary>
    public string? LastTagged => _record.LastTagged;

    /// <summary>The image's layers, from the base up.</summary>
    /// <exception cref="CrunException">One is missing.</exception>
    public IReadOnlyList<Layer> GetLayers()
    {
        var layers = new Layer[DiffIds.Count];
        for (var i = 0; i < layers.Length; i++) layers[i] = _store.Layers.Get(DiffIds[i]);
        return layers;
    }

    /// <summary>How many bytes the files of a layer have; 0 when it is missing.</summary>
    internal long SizeOf(Digest diffId)
    {
        if (LayerSizes?.TryGetValue(diffId, out var known) == true) return known;
        var size = _store.Layers.TryReadRecord(diffId)?.Size ?? 0;
        LayerSizes?.Add(diffId, size);
        return size;
    }
}
