using CrunSharp.Engine.Transfers;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;
using CrunSharp.Storage;

namespace CrunSharp.Build.Outputs;

/// <summary>The documents of an image, for one platform or several, in the form in which one output wants it.</summary>
internal sealed class ImageDocuments
{
    private readonly Dictionary<Digest, ReadOnlyMemory<byte>> _all = [];
    private readonly List<PushedDocument> _blobs = [];
    private readonly List<PushedDocument> _manifests = [];
    private readonly List<OutgoingImage> _images = [];
    private readonly List<PushedLayer> _layers = [];
    private readonly Store _store;
    private readonly OutputSpec _output;
    private readonly IReadOnlyList<Annotation> _annotations;
    private StartedArchive? _archive;

    private ImageDocuments(Store store, OutputSpec output, IReadOnlyList<Annotation> annotations) => (_store, _output, _annotations) = (store, output, annotations);

    /// <summary>What the name stands for: a manifest, or an index.</summary>
    public Descriptor Root { get; private set; } = null!;

    /// <summary>The bytes of <see cref="Root"/>.</summary>
    public byte[] RawRoot { get; private set; } = [];

    /// <summary>The manifests of the images, in their order.</summary>
    public List<ReadOnlyMemory<byte>> RawManifests { get; } = [];

    /// <summary>Makes the documents; layers are compressed now unless they are already.</summary>
    /// <param name="store">Where layers are.</param>
    /// <param name="output">The output.</param>
    /// <param name="images">The images.</param>
    /// <param name="annotations">Notes of all outputs.</param>
    /// <param name="provenance">Tells how an image was made, whose manifest is given; null where nothing is told.</param>
    /// <param name="archive">Gets the compressed layers, as long as they are its first; null for none.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="CrunException">A note is for something that there is not.</exception>
    public static ImageDocuments Make(Store store, OutputSpec output, IReadOnlyList<BuiltImage> images, IReadOnlyList<Annotation> annotations,
        Func<BuiltImage, Digest, Statement>? provenance, StartedArchive? archive, CancellationToken cancellationToken)
    {
        var documents = new ImageDocuments(store, output, [.. output.Annotations, .. annotations]) { _archive = archive };
        var hasIndex = images.Count > 1 || provenance is not null;
        if (!hasIndex && documents._annotations.FirstOrDefault(static a => a.Place is AnnotationPlace.Index or AnnotationPlace.IndexDescriptor) is { } lost)
            throw CrunException.Invalid($"there is no index that could have the annotation {lost.Key}: it takes several platforms, or --provenance");
        var entries = new List<Descriptor>();
        var statements = new List<Descriptor>();
        foreach (var image in images)
        {
            var (manifest, content) = documents.AddImage(image, cancellationToken);
            entries.Add(manifest);
            documents.RawManifests.Add(content);
            if (provenance is not null) statements.Add(documents.AddStatement(provenance(image, manifest.Digest), manifest.Digest));
            if (!hasIndex) (documents.Root, documents.RawRoot) = (manifest, content);
        }
        if (hasIndex) documents.AddIndex([.. entries, .. statements]);
        return documents;
    }

    /// <summary>As an archive has it.</summary>
    /// <param name="names">The image's names.</param>
    public OutgoingArchive Archive(IReadOnlyList<ImageReference> names) => new()
    {
        Roots = [.. OciLayout.Named(Root, names)],
        Documents = _all,
        Images = _images.ConvertAll(image => image with { Names = names }),
        IsForDocker = _output.Type == OutputType.Docker,
    };

    /// <summary>As a registry gets it.</summary>
    public PushedContent Content() => new(_layers, _blobs, _manifests.FindAll(manifest => !manifest.Content.Span.SequenceEqual(RawRoot)), new PushedDocument(Root.MediaType, RawRoot));

    private (Descriptor Manifest, byte[] Content) AddImage(BuiltImage image, CancellationToken cancellationToken)
    {
        var layers = new List<OutgoingLayer>();
        for (var i = 0; i < image.Layers.Count; i++) layers.Add(Outgoing(image.Layers[i], isNew: i >= image.BaseCount, cancellationToken));
        AddBlob(image.RawConfig, ConfigType);
        _images.Add(new OutgoingImage(image.Id, [], layers));
        for (var i = 0; i < layers.Count; i++)
        {
            var (blob, plain) = layers[i];
            _layers.Add(new PushedLayer(image.Layers[i].DiffId, blob, () => plain is null ? _store.Content.Open(blob.Digest) : new WrittenStream(tar => _store.Layers.WriteTar(plain, tar))));
        }
        var content = ImageJson.Write(new ImageManifest
        {
            MediaType = ManifestType,
            Config = new Descriptor { MediaType = ConfigType, Digest = image.Id, Size = image.RawConfig.Length },
            Layers = layers.ConvertAll(static layer => layer.Blob),
            Annotations = NotesOf(AnnotationPlace.Manifest, image.Platform),
        });
        return (AddManifest(ManifestType, content) with { Platform = image.Platform, Annotations = NotesOf(AnnotationPlace.ManifestDescriptor, image.Platform) }, content);
    }

    // Base layers go out as they came unless they are to be compressed again.
    private OutgoingLayer Outgoing(Layer layer, bool isNew, CancellationToken cancellationToken)
    {
        var form = _output.NewLayers;
        if (form is null && (isNew || _output.Compression.IsForced || _output.Compression.Kind is null || layer.BlobDescriptor is null))
        {
            // What follows has to wait for it.
            _archive = null;
            return new OutgoingLayer(new Descriptor { MediaType = Typed(MediaTypes.Layer), Digest = layer.DiffId, Size = layer.TarSize }, layer);
        }
        var how = isNew || _output.Compression.IsForced ? form : null;
        var blob = _archive?.AddLayer(_store, layer, how, cancellationToken) ?? _store.Layers.Compress(layer, how, cancellationToken: cancellationToken);
        return new OutgoingLayer(blob with { MediaType = Typed(blob.MediaType) }, null);
    }

    private Descriptor AddStatement(Statement statement, Digest subject)
    {
        // An image that runs nowhere, whose only layer is the statement.
        var blob = AddBlob(statement.Content, Statement.MediaType);
        var config = AddBlob(ImageJson.Write(new ImageConfig
        {
            Architecture = "unknown",
            Os = "unknown",
            Config = new ContainerConfig(),
            Rootfs = new RootFs { DiffIds = [blob.Digest] },
        }), MediaTypes.Config);
        var manifest = ImageJson.Write(new ImageManifest
        {
            MediaType = MediaTypes.Manifest,
            Config = config,
            Layers = [blob with { Annotations = new Dictionary<string, string> { ["in-toto.io/predicate-type"] = statement.PredicateType } }],
        });
        return AddManifest(MediaTypes.Manifest, manifest) with
        {
            Platform = new Platform { Architecture = "unknown", Os = "unknown" },
            Annotations = new SortedDictionary<string, string>(StringComparer.Ordinal)
            {
                ["vnd.docker.reference.digest"] = subject.ToString(),
                ["vnd.docker.reference.type"] = "attestation-manifest",
            },
        };
    }

    private void AddIndex(IReadOnlyList<Descriptor> manifests)
    {
        var type = _output.HasOciTypes ? MediaTypes.Index : MediaTypes.DockerManifestList;
        RawRoot = ImageJson.Write(new ImageIndex { MediaType = type, Manifests = manifests, Annotations = NotesOf(AnnotationPlace.Index, null) });
        Root = AddManifest(type, RawRoot) with { Annotations = NotesOf(AnnotationPlace.IndexDescriptor, null) };
    }

    private Descriptor AddBlob(byte[] content, string mediaType)
    {
        var digest = Digest.Of(content);
        if (_all.TryAdd(digest, content)) _blobs.Add(new PushedDocument(mediaType, content));
        return new Descriptor { MediaType = mediaType, Digest = digest, Size = content.Length };
    }

    private Descriptor AddManifest(string mediaType, byte[] content)
    {
        var digest = Digest.Of(content);
        if (_all.TryAdd(digest, content)) _manifests.Add(new PushedDocument(mediaType, content));
        return new Descriptor { MediaType = mediaType, Digest = digest, Size = content.Length };
    }

    private SortedDictionary<string, string>? NotesOf(AnnotationPlace place, Platform? platform)
    {
        var notes = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var annotation in _annotations)
        {
            if (annotation.IsFor(place, platform)) notes[annotation.Key] = annotation.Value;
        }
        return notes.Count == 0 ? null : notes;
    }

    private string ManifestType => _output.HasOciTypes ? MediaTypes.Manifest : MediaTypes.DockerManifest;

    private string ConfigType => _output.HasOciTypes ? MediaTypes.Config : MediaTypes.DockerConfig;

    private string Typed(string layer) => _output.HasOciTypes ? layer : layer switch
    {
        MediaTypes.Layer => "application/vnd.docker.image.rootfs.diff.tar",
        MediaTypes.LayerGzip => MediaTypes.DockerLayerGzip,
        _ => layer,
    };
}
