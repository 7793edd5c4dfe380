using System.Runtime.InteropServices;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;

namespace CrunSharp.Storage;

/// <summary>Images by the digests of their configurations, and their names.</summary>
public sealed class ImageStore
{
    private readonly StoreDirectories _directories;
    private readonly NameFiles _names;

    internal ImageStore(StoreDirectories directories, ContentStore content, LayerStore layers)
    {
        (_directories, Content, Layers) = (directories, content, layers);
        _names = new NameFiles(directories);
    }

    internal ContentStore Content { get; }

    internal LayerStore Layers { get; }

    internal NameFiles NameFiles => _names;

    /// <summary>
    /// Finds an image by <c>name</c>, <c>name:tag</c>, <c>name@digest</c>, <c>sha256:ID</c> or the first digits of its id;
    /// null when there is none.
    /// </summary>
    /// <exception cref="CrunException">Several images' ids begin with these digits.</exception>
    public Image? TryResolve(string nameOrId)
    {
        if (Digest.TryParse(nameOrId, out var id) || Digest.TryParseHex(nameOrId, out id)) return TryGet(id);
        if (ImageReference.TryParse(nameOrId, out var name) && TryResolve(name) is { } image) return image;
        var prefix = nameOrId.StartsWith("sha256:", StringComparison.Ordinal) ? nameOrId["sha256:".Length..] : nameOrId;
        return prefix.Length is > 0 and < 64 && !prefix.AsSpan().ContainsAnyExcept("0123456789abcdef") ? TryResolvePrefix(prefix) : null;
    }

    /// <summary>Finds an image by its name; null when there is none.</summary>
    public Image? TryResolve(ImageReference name)
    {
        if (_names.TryRead(name) is { } entry) return TryGet(entry.Id);
        if (name.Digest is not { } digest) return null;
        // name@digest stands for the image of that repository whose manifest (or configuration) has the digest.
        foreach (var (known, knownId, _) in _names.List())
        {
            if (known.Host == name.Host && known.Path == name.Path && TryGet(knownId) is { } image
                && (known.Digest == digest || image.ManifestDigest == digest || image.Id == digest)) return image;
        }
        return null;
    }

    /// <summary>Finds an image as <see cref="TryResolve(string)"/> does, and after it those that its name stands for on other platforms; none when there is none.</summary>
    /// <exception cref="CrunException">Several images' ids begin with these digits.</exception>
    public IReadOnlyList<Image> ResolveAll(string nameOrId)
    {
        if (TryResolve(nameOrId) is not { } image) return [];
        return ImageReference.TryParse(nameOrId, out var name) && _names.TryRead(name) is { } entry && entry.Id == image.Id ? WithOthers(image, entry) : [image];
    }

    /// <summary>The images for all platforms that a name stands for, the one that it usually means first.</summary>
    public IReadOnlyList<Image> ResolveAll(ImageReference name) =>
        _names.TryRead(name) is { } entry && TryGet(entry.Id) is { } image ? WithOthers(image, entry) : TryResolve(name) is { } found ? [found] : [];

    private List<Image> WithOthers(Image image, NameEntry entry)
    {
        List<Image> all = [image];
        foreach (var id in entry.Others)
        {
            // One that was removed by its id is none of them any more.
            if (TryGet(id) is { } other) all.Add(other);
        }
        return all;
    }

    /// <summary>Finds an image as <see cref="TryResolve(string)"/> does.</summary>
    /// <exception cref="CrunException">There is none, or the digits are ambiguous.</exception>
    public Image Resolve(string nameOrId) => TryResolve(nameOrId)
        ?? throw CrunException.NotFound($"No such image: {(ImageReference.TryParse(nameOrId, out var name) ? name.Familiar : nameOrId)}");

    /// <summary>All images, the newest first, with the names that they have now.</summary>
    public IReadOnlyList<Image> List()
    {
        var names = new Dictionary<Digest, List<ImageReference>>();
        var otherNames = new Dictionary<Digest, List<ImageReference>>();
        foreach (var (name, id, others) in _names.List())
        {
            Add(names, id, name);
            foreach (var other in others) Add(otherNames, other, name);
        }
        var sizes = new Dictionary<Digest, long>();
        var ids = Ids().ToArray();
        var found = new Image?[ids.Length];
        AllCores.For(ids.Length, i =>
        {
            if (TryReadRecord(ids[i]) is not { } record) return;
            found[i] = new Image(this, record) { KnownNames = names.GetValueOrDefault(ids[i]) ?? [], KnownOtherNames = otherNames.GetValueOrDefault(ids[i]) ?? [], LayerSizes = sizes };
            _ = found[i]!.Created;
        });
        var images = new List<Image>();
        foreach (var image in found)
        {
            if (image is not null) images.Add(image);
        }
        CollectionsMarshal.AsSpan(images).Sort(static (a, b) => Nullable.Compare(b.Created, a.Created) is not 0 and var order ? order : string.CompareOrdinal(a.Id.Hex, b.Id.Hex));
        return images;

        static void Add(Dictionary<Digest, List<ImageReference>> names, Digest id, ImageReference name)
        {
            if (!names.TryGetValue(id, out var own)) names.Add(id, own = []);
            own.Add(name);
        }
    }

    /// <summary>Adds an image; the one that is there already is given the names.</summary>
    /// <param name="rawConfig">The configuration's bytes; their digest is the image's id.</param>
    /// <param name="names">Names to give to it.</param>
    /// <param name="rawManifest">The bytes of the manifest that it came with, if it came with one.</param>
    /// <exception cref="CrunException">A layer is missing, or the manifest is another image's.</exception>
    public Image Add(ReadOnlySpan<byte> rawConfig, IReadOnlyList<ImageReference> names, ReadOnlySpan<byte> rawManifest = default)
    {
        var record = Keep(rawConfig, rawManifest);
        using var alone = HoldNames();
        WriteMerged(record);
        foreach (var name in names) Give(record.Id, name, []);
        return new Image(this, TryReadRecord(record.Id)!, rawConfig.ToArray());
    }

    /// <summary>Adds the images of several platforms under the same names.</summary>
    /// <param name="images">Configurations with their manifests, empty where there is none; the names stand for the first unless a platform is asked for.</param>
    /// <param name="names">Names to give to them.</param>
    /// <exception cref="CrunException">A layer is missing, or a manifest is another image's.</exception>
    public Image AddAll(IReadOnlyList<(ReadOnlyMemory<byte> RawConfig, ReadOnlyMemory<byte> RawManifest)> images, IReadOnlyList<ImageReference> names)
    {
        var records = images.Select(image => Keep(image.RawConfig.Span, image.RawManifest.Span)).ToList();
        using var alone = HoldNames();
        foreach (var record in records) WriteMerged(record);
        foreach (var name in names) Give(records[0].Id, name, [.. records.Skip(1).Select(static record => record.Id)]);
        return new Image(this, TryReadRecord(records[0].Id)!, images[0].RawConfig.ToArray());
    }

    private ImageRecord Keep(ReadOnlySpan<byte> rawConfig, ReadOnlySpan<byte> rawManifest)
    {
        var config = ImageJson.ReadConfig(rawConfig);
        ConfigCheck.Check(config);
        Layers.Pin(config.Rootfs.DiffIds);
        var id = Content.Add(rawConfig);
        Digest? manifestDigest = null;
        if (!rawManifest.IsEmpty)
        {
            var manifest = ManifestReader.Read(rawManifest);
            if (manifest.Config.Digest != id) throw CrunException.Integrity($"the manifest is of image {manifest.Config.Digest}, not of {id}");
            if (manifest.Layers.Count != config.Rootfs.DiffIds.Count)
                throw CrunException.Integrity($"the manifest has {manifest.Layers.Count} layers, the configuration {config.Rootfs.DiffIds.Count}");
            manifestDigest = Content.Add(rawManifest);
        }
        return new ImageRecord { Id = id, Manifest = manifestDigest };
    }

    private void WriteMerged(ImageRecord record)
    {
        var old = TryReadRecord(record.Id);
        if (old is null || (record.Manifest is not null && old.Manifest != record.Manifest))
            Write(record with { Manifest = record.Manifest ?? old?.Manifest, LastTagged = old?.LastTagged });
    }

    /// <summary>An image that the store does not keep, for who only writes it elsewhere. Its layers stay until the store is closed.</summary>
    /// <param name="rawConfig">The configuration's bytes; their digest is the image's id.</param>
    /// <exception cref="CrunException">The configuration is none, or a layer is missing.</exception>
    public Image Unkept(ReadOnlySpan<byte> rawConfig)
    {
        var config = ImageJson.ReadConfig(rawConfig);
        ConfigCheck.Check(config);
        Layers.Pin(config.Rootfs.DiffIds);
        return new Image(this, new ImageRecord { Id = Digest.Of(rawConfig) }, rawConfig.ToArray()) { KnownNames = [] };
    }

    /// <summary>Gives an image a name; the image that had it loses it.</summary>
    /// <param name="id">The image.</param>
    /// <param name="name">The name.</param>
    /// <param name="others">Images for other platforms that the name stands for as well; null for none.</param>
    /// <exception cref="CrunException">There is no such image.</exception>
    public void Tag(Digest id, ImageReference name, IReadOnlyList<Digest>? others = null)
    {
        using var alone = HoldNames();
        Give(id, name, others ?? []);
    }

    private void Give(Digest id, ImageReference name, IReadOnlyList<Digest> others)
    {
        var record = TryReadRecord(id) ?? throw CrunException.NotFound($"No such image: {id}");
        _names.Write(new NameEntry(name, id, others));
        Write(record with { LastTagged = TimeProvider.System.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss.fffffff'Z'") });
    }

    /// <summary>Takes a name away; false when no image had it.</summary>
    public bool Untag(ImageReference name) => _names.Remove(name);

    /// <summary>Removes an image and its names. Its layers go when the garbage is collected.</summary>
    /// <returns>False when there was no such image.</returns>
    public bool Remove(Digest id)
    {
        using var alone = HoldNames();
        foreach (var name in NamesOf(id)) _names.Remove(name);
        return FileAt.Remove(_directories.Images, FileName(id));
    }

    /// <summary>Removes an image unless it has a name, which another process may be giving it at this moment.</summary>
    /// <returns>False when it stays, or there was no such image.</returns>
    internal bool RemoveUnnamed(Digest id)
    {
        using var alone = HoldNames();
        return NamesOf(id).Count == 0 && OtherNamesOf(id).Count == 0 && FileAt.Remove(_directories.Images, FileName(id));
    }

    // Who makes an image or names it, and who removes it since it has no name, come one after the other.
    private FileLock HoldNames()
    {
        _ = _directories.Names;
        return FileLock.TryExisting(_directories.Root, "names", shared: false, wait: true) ?? throw CrunException.NotFound($"{_directories.RootPath}/names was removed");
    }

    internal IReadOnlyList<ImageReference> NamesOf(Digest id) => [.. _names.List().Where(entry => entry.Id == id).Select(static entry => entry.Name)];

    internal IReadOnlyList<ImageReference> OtherNamesOf(Digest id) => [.. _names.List().Where(entry => entry.Others.Contains(id)).Select(static entry => entry.Name)];

    /// <summary>The images for other platforms that a name stands for.</summary>
    internal IReadOnlyList<Digest> OthersOf(ImageReference name) => _names.TryRead(name)?.Others ?? [];

    internal IEnumerable<Digest> Ids()
    {
        foreach (var file in FileAt.List(_directories.Images))
        {
            if (file.EndsWith(".json", StringComparison.Ordinal) && Digest.TryParseHex(file[..^".json".Length], out var id)) yield return id;
        }
    }

    internal Image? TryGet(Digest id) => TryReadRecord(id) is { } record ? new Image(this, record) : null;

    internal ImageRecord? TryReadRecord(Digest id)
    {
        try
        {
            return ReadRecord(id);
        }
        catch (CrunException error) when (error.Kind is ErrorKind.Integrity or ErrorKind.InvalidInput)
        {
            // The name of the file is the image's identity, and its content has a digest: what is lost was beside it.
            return new ImageRecord { Id = id };
        }
    }

    /// <summary>Whether there is a record, and nothing of it is lost.</summary>
    internal bool HasWholeRecord(Digest id)
    {
        try
        {
            return ReadRecord(id) is not null;
        }
        catch (CrunException error) when (error.Kind is ErrorKind.Integrity or ErrorKind.InvalidInput)
        {
            return false;
        }
    }

    private ImageRecord? ReadRecord(Digest id)
    {
        var json = AtomicFile.TryRead(_directories.Images, FileName(id), 1024 * 1024);
        if (json is null) return null;
        return StoreJson.Image.Parse(json, "record", $"read image {id}") is var record && record.Id == id
            ? record : throw CrunException.Integrity("the record is another image's", $"read image {id}");
    }

    internal void Write(ImageRecord record) =>
        AtomicFile.Write(_directories.Images, FileName(record.Id), StoreJson.Image.Format(record), durable: true);

    private Image? TryResolvePrefix(string prefix)
    {
        Digest? found = null;
        foreach (var id in Ids())
        {
            if (!id.Hex.StartsWith(prefix, StringComparison.Ordinal)) continue;
            if (found is not null) throw CrunException.Invalid($"image id \"{prefix}\" is ambiguous: several images' ids begin so");
            found = id;
        }
        return found is { } only ? TryGet(only) : null;
    }

    private static string FileName(Digest id) => $"{id.Hex}.json";
}
