using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;
using Descriptor = CrunSharp.Oci.Images.Descriptor;

namespace CrunSharp.Storage;

/// <summary>A layer as an archive has it.</summary>
/// <param name="Blob">The form in which it goes out.</param>
/// <param name="Layer">The layer, where its uncompressed tar goes out; null where the store has the blob.</param>
public sealed record OutgoingLayer(Descriptor Blob, Layer? Layer);

/// <summary>An image in a Docker archive.</summary>
/// <param name="Config">The digest of its configuration, which is among the documents.</param>
/// <param name="Names">Its names.</param>
/// <param name="Layers">Its layers, from the base up.</param>
public sealed record OutgoingImage(Digest Config, IReadOnlyList<ImageReference> Names, IReadOnlyList<OutgoingLayer> Layers);

/// <summary>What an archive holds: images with their documents, and whatever else there is about them.</summary>
public sealed record OutgoingArchive
{
    private const int MostKept = 1000;
    private const string NameAnnotation = "org.opencontainers.image.ref.name";

    /// <summary>The entries of the index.</summary>
    public required IReadOnlyList<Descriptor> Roots { get; init; }

    /// <summary>Manifests, indexes, configurations and attestations.</summary>
    public required IReadOnlyDictionary<Digest, ReadOnlyMemory<byte>> Documents { get; init; }

    /// <summary>The images.</summary>
    public required IReadOnlyList<OutgoingImage> Images { get; init; }

    /// <summary>Whether there is also a list of the images for readers of Docker archives.</summary>
    public bool IsForDocker { get; init; }

    /// <summary>Writes it as a tar: first the layers, last the index.</summary>
    /// <param name="store">Where the layers are.</param>
    /// <param name="started">The tar, which may have the first of the layers.</param>
    /// <exception cref="CrunException">A layer is missing or damaged; what was written has to be thrown away.</exception>
    public void Write(Store store, StartedArchive started)
    {
        var target = started.Target;
        AddBlobs(store, target);
        if (IsForDocker)
        {
            target.Add("manifest.json", StoreJson.ArchiveImages.Format([.. Images.Select(static image => new DockerArchiveImage
            {
                Config = ArchiveSource.PathOf(image.Config),
                RepoTags = image.Names.Count == 0 ? null : [.. image.Names.Select(static name => name.Familiar)],
                Layers = [.. image.Layers.Select(static layer => ArchiveSource.PathOf(layer.Blob.Digest))],
            })]));
        }
        OciLayout.AddIndex(target, Roots);
        target.Finish();
    }

    /// <summary>Writes it into a directory, which is made if it is missing. Entries of other names stay in its index, and its blobs.</summary>
    /// <param name="store">Where the layers are.</param>
    /// <param name="path">The directory.</param>
    /// <exception cref="CrunException">A layer is missing or damaged, or the directory cannot be written; its index is then as it was.</exception>
    public void WriteDirectory(Store store, string path)
    {
        FileAt.MakeDirectories(path, 0x1ed);
        using var directory = FileAt.OpenDirectory(path);
        var kept = Kept(directory);
        var target = new DirectoryTarget(directory);
        AddBlobs(store, target);
        OciLayout.AddVersion(target);
        OciLayout.AddIndex(target, [.. kept, .. Roots]);
    }

    // The index comes last: it names nothing that is not there.
    private void AddBlobs(Store store, ArchiveTarget target)
    {
        foreach (var (blob, layer) in Images.SelectMany(static image => image.Layers)) AddLayer(store, target, blob, layer);
        foreach (var (digest, document) in Documents) target.AddBlob(digest, document.Length, stream => stream.Write(document.Span));
    }

    /// <summary>Adds a layer unless it is there.</summary>
    /// <param name="store">Where it is.</param>
    /// <param name="target">Where to.</param>
    /// <param name="blob">The form in which it goes out.</param>
    /// <param name="layer">The layer, where its uncompressed tar goes out; null where the store has the blob.</param>
    internal static void AddLayer(Store store, ArchiveTarget target, Descriptor blob, Layer? layer) => target.AddBlob(blob.Digest, blob.Size, stream =>
    {
        if (layer is not null)
        {
            store.Layers.WriteTar(layer, stream);
            return;
        }
        using var content = store.Content.Open(blob.Digest);
        content.CopyTo(stream, 256 * 1024);
    });

    // What is no index of a layout is not ours to replace.
    private IEnumerable<Descriptor> Kept(SafeFileHandle directory)
    {
        using var file = FileAt.TryOpen(directory, "index.json", OpenFlags.O_RDONLY | OpenFlags.O_NOFOLLOW | OpenFlags.O_NONBLOCK, out var errno);
        if (file is null && errno == Errno.ENOENT) return [];
        if (file is null || FileAt.Status(file).Kind != FileKind.Regular || OpenFile.ReadAll(file, ManifestReader.MostBytes, out _) is not { } content)
            throw CrunException.Invalid("index.json in it is no index", $"write {FileAt.PathOf(directory)}");
        var mine = Roots.Select(NameOf).ToHashSet(StringComparer.Ordinal);
        var kept = ManifestReader.ReadIndex(content).Manifests.Where(entry => !mine.Contains(NameOf(entry))).ToList();
        return kept.Count <= MostKept ? kept : throw CrunException.Invalid($"index.json in it has more than {MostKept} entries", $"write {FileAt.PathOf(directory)}");
    }

    private static string NameOf(Descriptor entry) => entry.Annotations?.GetValueOrDefault(NameAnnotation) ?? "";
}
