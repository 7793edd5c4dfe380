using CrunSharp.Oci;
using CrunSharp.Oci.Images;

namespace CrunSharp.Storage;

/// <summary>
/// Docker's archives: <c>docker save</c>. What is written is an OCI layout with uncompressed layers as well, as Docker
/// has done since version 25, so that everyone finds something to read in it.
/// </summary>
public static class DockerArchive
{
    private const int MostImages = 1000;
    private const string NameAnnotation = "io.containerd.image.name";

    /// <summary>Writes images; the same images give the same bytes.</summary>
    /// <param name="store">The store.</param>
    /// <param name="images">The images and the names that they shall have in the archive.</param>
    /// <param name="output">Where to.</param>
    /// <exception cref="CrunException">A layer is missing or damaged; what was written has to be thrown away.</exception>
    public static void Save(Store store, IReadOnlyList<NamedImage> images, Stream output)
    {
        var manifests = new List<Descriptor>();
        var entries = new List<DockerArchiveImage>();
        var documents = new Dictionary<Digest, ReadOnlyMemory<byte>>();
        foreach (var named in images)
        {
            manifests.AddRange(OciLayout.Describe(named, NameAnnotation, Document, AddDocument));
            var (image, names) = named;
            entries.Add(new DockerArchiveImage
            {
                Config = ArchiveSource.PathOf(image.Id),
                RepoTags = names.Count == 0 ? null : [.. names.Where(static n => n.Tag is not null).Select(static n => n.Familiar)],
                Layers = [.. image.DiffIds.Select(ArchiveSource.PathOf)],
            });
        }

        var target = new TarTarget(output);
        OciLayout.AddVersion(target);
        OciLayout.AddIndex(target, manifests);
        target.Add("manifest.json", StoreJson.ArchiveImages.Format(entries));
        foreach (var (digest, document) in documents) target.AddBlob(digest, document.Length, stream => stream.Write(document.Span));
        foreach (var image in images.SelectMany(static named => named.Others.Prepend(named.Image)))
        {
            foreach (var layer in image.GetLayers()) target.AddBlob(layer.DiffId, layer.TarSize, stream => store.Layers.WriteTar(layer, stream));
        }
        target.Finish();

        void AddDocument(Digest digest, ReadOnlyMemory<byte> content) => documents[digest] = content;

        byte[] Document(Image image)
        {
            var layers = image.GetLayers();
            documents[image.Id] = image.RawConfig;
            return ImageJson.Write(new ImageManifest
            {
                MediaType = MediaTypes.Manifest,
                Config = new Descriptor { MediaType = MediaTypes.Config, Digest = image.Id, Size = image.RawConfig.Length },
                Layers = [.. layers.Select(static l => new Descriptor { MediaType = MediaTypes.Layer, Digest = l.DiffId, Size = l.TarSize })],
            });
        }
    }

    internal static IReadOnlyList<NamedImage> Load(Store store, ArchiveSource archive, byte[] manifest, Platform? platform)
    {
        var loaded = new List<NamedImage>();
        foreach (var entry in ReadList(manifest))
        {
            var rawConfig = archive.Read(entry.Config, ImageArchive.MostConfigBytes);
            CheckName(entry.Config, Digest.Of(rawConfig));
            var config = ImageJson.ReadConfig(rawConfig);
            if (!ImageArchive.IsFor(config, platform)) continue;
            var diffIds = config.Rootfs.DiffIds;
            if (entry.Layers.Count != diffIds.Count)
                throw CrunException.Integrity($"the archive has {entry.Layers.Count} layers for an image of {diffIds.Count}", $"load {entry.Config}");
            for (var i = 0; i < diffIds.Count; i++) store.Layers.ApplyKeeping(archive.Open(entry.Layers[i]), diffIds[i]);
            // The image is named once it would survive a power cut.
            store.Sync();
            ImageReference[] names = [.. (entry.RepoTags ?? []).Select(ImageReference.Parse)];
            loaded.Add(new NamedImage(store.Images.Add(rawConfig, names), names));
        }
        return loaded.Count > 0 || platform is null ? loaded : throw ImageArchive.NoneFor(platform);
    }

    internal static IReadOnlyList<DockerArchiveImage> ReadList(byte[] manifest)
    {
        var list = StoreJson.ArchiveImages.Parse(manifest, "manifest.json", "load");
        return list.Count is > 0 and <= MostImages ? list : throw CrunException.Integrity($"manifest.json lists {list.Count} images", "load");
    }

    // The file is named after its digest, if it is named after a digest at all.
    private static void CheckName(string path, Digest actual)
    {
        var name = path[(path.LastIndexOf('/') + 1)..];
        if (name.EndsWith(".json", StringComparison.Ordinal)) name = name[..^".json".Length];
        if (Digest.TryParseHex(name, out var promised) && promised != actual)
            throw CrunException.Integrity($"the configuration's digest is {actual} where {promised} was promised", $"load {path}");
    }
}
