using System.Text.Json;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;
using Descriptor = CrunSharp.Oci.Images.Descriptor;

namespace CrunSharp.Storage;

/// <summary>OCI image layouts, as a tar or a directory; layers are compressed with gzip, or as they came.</summary>
/// <seealso href="https://github.com/opencontainers/image-spec/blob/main/image-layout.md"/>
public static class OciLayout
{
    private const int MostDepth = 4;
    private const int MostPlatforms = 64;
    private const string NameAnnotation = "org.opencontainers.image.ref.name";
    private const string ContainerdNameAnnotation = "io.containerd.image.name";

    /// <summary>Writes images as a tar; the same images give the same bytes.</summary>
    /// <param name="store">The store.</param>
    /// <param name="images">The images and the names that they shall have in the layout.</param>
    /// <param name="output">Where to.</param>
    /// <exception cref="CrunException">A layer is missing or damaged; what was written has to be thrown away.</exception>
    public static void Save(Store store, IReadOnlyList<NamedImage> images, Stream output)
    {
        var archive = new StartedArchive(output);
        Save(store, images, archive.Target, layer => archive.AddLayer(store, layer, null, CancellationToken.None));
        archive.Target.Finish();
    }

    /// <summary>Writes images into a directory, which is made if it is missing. Its index is replaced, its blobs stay.</summary>
    /// <param name="store">The store.</param>
    /// <param name="images">The images and the names that they shall have in the layout.</param>
    /// <param name="path">The directory.</param>
    /// <exception cref="CrunException">A layer is missing or damaged.</exception>
    public static void SaveDirectory(Store store, IReadOnlyList<NamedImage> images, string path)
    {
        FileAt.MakeDirectories(path, 0x1ed);
        using var directory = FileAt.OpenDirectory(path);
        var target = new DirectoryTarget(directory);
        AddVersion(target);
        Save(store, images, target, layer => store.Layers.Compress(layer));
    }

    /// <summary>Brings one image of a layout's directory into the store without a name or a record of its own.</summary>
    /// <param name="store">The store; it holds the layers until it is closed.</param>
    /// <param name="path">The directory.</param>
    /// <param name="tag">The tag that the index has for it; null for <c>latest</c>, or the only image that there is.</param>
    /// <param name="digest">The digest of its manifest, or of an index that leads to it; null to go by the tag.</param>
    /// <exception cref="CrunException">It is not there, damaged or hostile.</exception>
    public static Image Import(Store store, string path, string? tag, Digest? digest)
    {
        try
        {
            using var archive = new DirectoryArchive(FileAt.OpenDirectory(path));
            CheckVersion(archive.Read("oci-layout", 4096));
            var named = digest is { } wanted ? DescriptorOf(archive, wanted) : FindTagged(archive, tag);
            var descriptor = TryFind(archive, named, Platform.Host, 0) ?? throw ImageArchive.NoneFor(Platform.Host);
            var (rawManifest, rawConfig) = Apply(store, archive, descriptor, null) ?? throw ImageArchive.NoneFor(Platform.Host);
            ConfigCheck.Check(ImageJson.ReadConfig(rawConfig));
            return new Image(store.Images, new ImageRecord { Id = Digest.Of(rawConfig), Manifest = store.Content.Add(rawManifest) }, rawConfig);
        }
        catch (CrunException error)
        {
            throw error.Within($"OCI layout {path}");
        }
    }

    private static Descriptor FindTagged(ArchiveSource archive, string? tag)
    {
        var index = ManifestReader.ReadIndex(archive.Read("index.json", ManifestReader.MostBytes));
        foreach (var descriptor in index.Manifests)
        {
            if (descriptor.Annotations is { } annotations && ((annotations.TryGetValue(NameAnnotation, out var name) && IsTagged(name, tag ?? "latest"))
                || (annotations.TryGetValue(ContainerdNameAnnotation, out name) && IsTagged(name, tag ?? "latest")))) return descriptor;
        }
        if (tag is null && index.Manifests.DistinctBy(static d => d.Digest).Count() == 1) return index.Manifests[0];
        throw CrunException.NotFound(tag is null ? "it has several images, and none is named latest: say which (:TAG or @DIGEST)" : $"it has no image with the tag {tag}");
    }

    // The annotation is a tag, or a whole name.
    private static bool IsTagged(string name, string tag) => name == tag || name.EndsWith(":" + tag, StringComparison.Ordinal);

    private static Descriptor DescriptorOf(ArchiveSource archive, Digest digest)
    {
        var content = archive.TryRead(ArchiveSource.PathOf(digest), ManifestReader.MostBytes) ?? throw CrunException.NotFound($"it has no {digest}");
        if (Digest.Of(content) != digest) throw CrunException.Integrity($"the content of {digest} has another digest");
        using var document = ParseDocument(content, digest);
        var isIndex = document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty("manifests", out _);
        var stated = document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty("mediaType", out var type) && type.ValueKind == JsonValueKind.String ? type.GetString() : null;
        return new Descriptor { MediaType = stated ?? (isIndex ? MediaTypes.Index : MediaTypes.Manifest), Digest = digest, Size = content.Length };
    }

    private static JsonDocument ParseDocument(byte[] content, Digest digest)
    {
        try
        {
            return JsonDocument.Parse(content);
        }
        catch (JsonException error)
        {
            throw CrunException.Integrity($"{digest} is malformed", inner: error);
        }
    }

    internal static IReadOnlyList<NamedImage> Load(Store store, ArchiveSource archive, byte[] layout, Platform? platform)
    {
        CheckVersion(layout);
        var index = ManifestReader.ReadIndex(archive.Read("index.json", ManifestReader.MostBytes));
        var loaded = new List<NamedImage>();
        foreach (var descriptor in index.Manifests)
        {
            if (TryFind(archive, descriptor, platform ?? Platform.Host, 0) is not { } manifest) continue;
            var names = NamesOf(descriptor);
            var same = loaded.FindIndex(l => l.Image.ManifestDigest == manifest.Digest);
            if (same < 0)
            {
                IReadOnlyList<Descriptor> others = platform is null ? [.. OthersOf(archive, descriptor, manifest.Digest, 0).Take(MostPlatforms)] : [];
                if (TryLoad(store, archive, [manifest, .. others], names, platform) is { } image) loaded.Add(new NamedImage(image, names));
                continue;
            }
            // The layout lists an image once for each of its names.
            foreach (var name in names) store.Images.Tag(loaded[same].Image.Id, name, store.Images.OthersOf(loaded[same].Names[0]));
            loaded[same] = new NamedImage(loaded[same].Image, [.. loaded[same].Names, .. names]);
        }
        return loaded.Count > 0 ? loaded : throw ImageArchive.NoneFor(platform ?? Platform.Host);
    }

    /// <summary>The entries of an index for an image and its names: its manifest, or an index where it is for several platforms.</summary>
    /// <param name="named">The image.</param>
    /// <param name="nameAnnotation">The annotation that has the whole name; null where the usual one has it.</param>
    /// <param name="manifestOf">Makes an image's manifest.</param>
    /// <param name="add">Takes documents.</param>
    internal static IEnumerable<Descriptor> Describe(NamedImage named, string? nameAnnotation, Func<Image, byte[]> manifestOf, Action<Digest, ReadOnlyMemory<byte>> add)
    {
        List<Descriptor> manifests = [.. named.Others.Prepend(named.Image).Select(image =>
        {
            var raw = manifestOf(image);
            add(Digest.Of(raw), raw);
            return OutgoingManifest.Describe(image, raw);
        })];
        var root = manifests[0];
        if (manifests.Count > 1)
        {
            var index = OutgoingManifest.Index(manifests);
            root = new Descriptor { MediaType = MediaTypes.Index, Digest = Digest.Of(index), Size = index.Length };
            add(root.Digest, index);
        }
        if (named.Names.Count == 0) yield return root;
        foreach (var name in named.Names)
        {
            var annotations = new SortedDictionary<string, string>(StringComparer.Ordinal);
            if (nameAnnotation is null) annotations[NameAnnotation] = name.Familiar;
            else
            {
                annotations[nameAnnotation] = name.ToString();
                if (name.Tag is { } tag) annotations[NameAnnotation] = tag;
            }
            yield return root with { Annotations = annotations };
        }
    }

    /// <summary>The entries of an index for an image with these names: one for each name, as others read it.</summary>
    /// <param name="plain">The entry without a name.</param>
    /// <param name="names">The names; none for an entry without one.</param>
    public static IEnumerable<Descriptor> Named(Descriptor plain, IReadOnlyList<ImageReference> names) => names.Count == 0 ? [plain] : names.Select(name =>
    {
        var annotations = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (key, value) in plain.Annotations ?? new Dictionary<string, string>()) annotations[key] = value;
        annotations[ContainerdNameAnnotation] = name.ToString();
        annotations[NameAnnotation] = name.Tag ?? name.Familiar;
        return plain with { Annotations = annotations };
    });

    internal static void AddVersion(ArchiveTarget target) => target.Add("oci-layout", """{"imageLayoutVersion":"1.0.0"}"""u8.ToArray());

    internal static void AddIndex(ArchiveTarget target, IReadOnlyList<Descriptor> manifests)
    {
        target.Add("index.json", ImageJson.Write(new ImageIndex { MediaType = MediaTypes.Index, Manifests = manifests }));
    }

    private static void Save(Store store, IReadOnlyList<NamedImage> images, ArchiveTarget target, Func<Layer, Descriptor> compress)
    {
        var manifests = new List<Descriptor>();
        foreach (var named in images) manifests.AddRange(Describe(named, null, AddImage, (digest, content) => target.AddBlob(digest, content.Length, stream => stream.Write(content.Span))));
        AddIndex(target, manifests);

        byte[] AddImage(Image image)
        {
            var raw = OutgoingManifest.TryKept(store, image) ?? OutgoingManifest.Of(image, [.. image.GetLayers().Select(compress)]);
            foreach (var layer in ManifestReader.Read(raw).Layers) OutgoingArchive.AddLayer(store, target, layer, null);
            target.AddBlob(image.Id, image.RawConfig.Length, stream => stream.Write(image.RawConfig.Span));
            return raw;
        }
    }

    private static Image? TryLoad(Store store, ArchiveSource archive, IReadOnlyList<Descriptor> descriptors, IReadOnlyList<ImageReference> names, Platform? platform)
    {
        var images = new List<(ReadOnlyMemory<byte>, ReadOnlyMemory<byte>)>();
        foreach (var descriptor in descriptors)
        {
            if (Apply(store, archive, descriptor, platform) is not var (rawManifest, rawConfig)) return null;
            images.Add((rawConfig, rawManifest));
        }
        // The image is named once it would survive a power cut.
        store.Sync();
        return store.Images.AddAll(images, names);
    }

    // What an index has for other platforms, as far as it is in the archive: many have only one of them.
    private static IEnumerable<Descriptor> OthersOf(ArchiveSource archive, Descriptor descriptor, Digest chosen, int depth)
    {
        if (descriptor.MediaType is MediaTypes.Manifest or MediaTypes.DockerManifest)
            return depth > 0 && descriptor.Digest != chosen && descriptor.Platform is { Os: not "unknown" } && IsWhole(archive, descriptor) ? [descriptor] : [];
        if (descriptor.MediaType is not (MediaTypes.Index or MediaTypes.DockerManifestList) || depth == MostDepth || !Has(archive, descriptor.Digest)) return [];
        return ManifestReader.ReadIndex(archive.Read(descriptor, ManifestReader.MostBytes), descriptor.MediaType).Manifests
            .SelectMany(inner => OthersOf(archive, inner, chosen, depth + 1)).DistinctBy(static found => found.Digest);
    }

    private static bool IsWhole(ArchiveSource archive, Descriptor descriptor)
    {
        if (!Has(archive, descriptor.Digest)) return false;
        var manifest = ManifestReader.Read(archive.Read(descriptor, ManifestReader.MostBytes), descriptor.MediaType);
        return manifest.Layers.Append(manifest.Config).All(part => Has(archive, part.Digest));
    }

    private static bool Has(ArchiveSource archive, Digest digest)
    {
        using var file = archive.TryOpen(ArchiveSource.PathOf(digest));
        return file is not null;
    }

    // Unpacks its layers; its documents. Null when it is for another platform.
    private static (byte[] Manifest, byte[] Config)? Apply(Store store, ArchiveSource archive, Descriptor descriptor, Platform? platform)
    {
        var rawManifest = archive.Read(descriptor, ManifestReader.MostBytes);
        var manifest = ManifestReader.Read(rawManifest, descriptor.MediaType);
        if (manifest.Config.MediaType is not (MediaTypes.Config or MediaTypes.DockerConfig))
            throw CrunException.Integrity($"it is no image but \"{manifest.Config.MediaType}\"", $"load {descriptor.Digest}");
        var rawConfig = archive.Read(manifest.Config, ImageArchive.MostConfigBytes);
        var config = ImageJson.ReadConfig(rawConfig);
        if (!ImageArchive.IsFor(config, platform)) return null;
        var diffIds = config.Rootfs.DiffIds;
        if (manifest.Layers.Count != diffIds.Count)
            throw CrunException.Integrity($"the manifest has {manifest.Layers.Count} layers for an image of {diffIds.Count}", $"load {descriptor.Digest}");
        for (var i = 0; i < diffIds.Count; i++)
        {
            var layer = manifest.Layers[i];
            store.Layers.ApplyKeeping(archive.Open(ArchiveSource.PathOf(layer.Digest)), diffIds[i], layer.Digest, layer.Size);
        }
        return (rawManifest, rawConfig);
    }

    // The manifest for a platform, behind as many indexes as there are.
    private static Descriptor? TryFind(ArchiveSource archive, Descriptor descriptor, Platform platform, int depth)
    {
        if (descriptor.MediaType is MediaTypes.Manifest or MediaTypes.DockerManifest)
            return depth == 0 || ImageArchive.IsFor(descriptor.Platform, platform) ? descriptor : null;
        if (descriptor.MediaType is not (MediaTypes.Index or MediaTypes.DockerManifestList)) return null;
        if (depth == MostDepth) throw CrunException.Integrity($"indexes are nested more than {MostDepth} deep", "load");
        var index = ManifestReader.ReadIndex(archive.Read(descriptor, ManifestReader.MostBytes), descriptor.MediaType);
        foreach (var inner in index.Manifests)
        {
            if (TryFind(archive, inner, platform, depth + 1) is { } found) return found;
        }
        return null;
    }

    // A name without a colon or slash is most often just a tag, which names no image.
    private static ImageReference[] NamesOf(Descriptor descriptor)
    {
        if (descriptor.Annotations is not { } annotations) return [];
        if (annotations.TryGetValue(ContainerdNameAnnotation, out var full)) return [ImageReference.Parse(full)];
        return annotations.TryGetValue(NameAnnotation, out var name) && name.AsSpan().ContainsAny(':', '/') ? [ImageReference.Parse(name)] : [];
    }

    private static void CheckVersion(byte[] layout)
    {
        try
        {
            using var document = JsonDocument.Parse(layout);
            var version = document.RootElement.TryGetProperty("imageLayoutVersion", out var value) ? value.GetString() : null;
            if (version != "1.0.0") throw CrunException.Unsupported($"the layout has version \"{version}\", not 1.0.0", "load");
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw CrunException.Integrity("oci-layout is malformed", "load", error);
        }
    }
}
