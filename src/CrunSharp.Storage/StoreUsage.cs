using System.Collections.Concurrent;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Storage;

/// <summary>How large an image is: the files of its layers, as <see cref="Image.Size"/> counts them.</summary>
/// <param name="Image">The image.</param>
/// <param name="Size">All of its layers, in bytes; 0 when it is damaged.</param>
/// <param name="Shared">Those that other images have as well.</param>
public sealed record ImageUsage(Image Image, long Size, long Shared);

/// <summary>How much room images, layers and content take on the disk, as <c>du</c> counts it; what several images share, once.</summary>
public sealed class StoreUsage
{
    private readonly Dictionary<Digest, long> _layers;
    private readonly Dictionary<Digest, long> _contents;
    private readonly Store _store;

    private StoreUsage(Store store)
    {
        _store = store;
        var directories = store.Directories;
        _layers = Measure(directories.Layers);
        _contents = Measure(directories.Blobs);
        Images = Describe();
        Total = _layers.Values.Sum() + _contents.Values.Sum()
            + (directories.Root is var root ? DiskUsage.Of(root, "images") + DiskUsage.Of(root, "names") + DiskUsage.Of(root, "tmp") : 0);
    }

    /// <summary>All images, the newest first, with the sizes that <c>images</c> shows.</summary>
    public IReadOnlyList<ImageUsage> Images { get; }

    /// <summary>All layers and content, records and drafts.</summary>
    /// <value>Bytes.</value>
    public long Total { get; }

    /// <summary>Measures a store, on all cores.</summary>
    /// <exception cref="CrunException">The store cannot be read.</exception>
    public static StoreUsage Of(Store store) => new(store);

    /// <summary>The room of a layer; 0 when it is not there.</summary>
    public long SizeOf(Digest layer) => _layers.GetValueOrDefault(layer);

    /// <summary>Whether a layer is there.</summary>
    public bool Has(Digest layer) => _layers.ContainsKey(layer);

    /// <summary>The room of all that these images and layers need.</summary>
    /// <param name="images">Ids of images.</param>
    /// <param name="layers">The diffIDs of layers.</param>
    public long SizeOf(IEnumerable<Digest> images, IEnumerable<Digest> layers)
    {
        var wanted = images.ToHashSet();
        var parts = new HashSet<Digest>();
        foreach (var image in Images)
        {
            if (wanted.Contains(image.Image.Id)) parts.UnionWith(PartsOf(image.Image));
        }
        foreach (var layer in layers) parts.UnionWith(PartsOf(layer));
        return parts.Sum(SizeOfPart);
    }

    private static Dictionary<Digest, long> Measure(SafeFileHandle directory)
    {
        var sizes = new ConcurrentDictionary<Digest, long>();
        Parallel.ForEach(FileAt.List(directory), new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }, name =>
        {
            if (Digest.TryParseHex(name, out var digest)) sizes[digest] = DiskUsage.Of(directory, name);
        });
        return new Dictionary<Digest, long>(sizes);
    }

    private List<ImageUsage> Describe()
    {
        var images = _store.Images.List();
        var uses = new Dictionary<Digest, int>();
        foreach (var image in images)
        {
            foreach (var layer in (image.TryGetDiffIds() ?? []).Distinct()) uses[layer] = uses.GetValueOrDefault(layer) + 1;
        }
        return [.. images.Select(image => new ImageUsage(image, image.Damage is null ? image.Size : 0,
            (image.TryGetDiffIds() ?? []).Where(layer => uses[layer] > 1).Sum(image.SizeOf)))];
    }

    private HashSet<Digest> PartsOf(Image image)
    {
        HashSet<Digest> parts = [image.Id];
        foreach (var diffId in image.TryGetDiffIds() ?? []) parts.UnionWith(PartsOf(diffId));
        if (image.ManifestDigest is { } manifest) parts.Add(manifest);
        foreach (var layer in image.TryReadManifest()?.Layers ?? []) parts.Add(layer.Digest);
        return parts;
    }

    private IEnumerable<Digest> PartsOf(Digest layer)
    {
        yield return layer;
        foreach (var blob in _store.Layers.TryReadRecord(layer)?.Blobs ?? []) yield return blob;
    }

    // A layer that came as a bare tar has the digest of its blob.
    private long SizeOfPart(Digest part) => _layers.GetValueOrDefault(part) + _contents.GetValueOrDefault(part);
}
