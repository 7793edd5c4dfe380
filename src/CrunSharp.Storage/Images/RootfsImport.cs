using System.Globalization;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;
using CrunSharp.Storage.Tar;

namespace CrunSharp.Storage;

/// <summary>Makes an image of one layer from a root file system's tar: <c>docker import</c>.</summary>
public static class RootfsImport
{
    /// <summary>Imports a tar, compressed or not.</summary>
    /// <param name="store">The store.</param>
    /// <param name="tar">The tar; it is read to its end and disposed.</param>
    /// <param name="name">A name for the image.</param>
    /// <param name="config">How to run it: what changes the empty configuration (<c>--change</c>).</param>
    /// <param name="message">A note in the image's history.</param>
    /// <param name="platform">What it runs on; null for this host's.</param>
    /// <param name="created">When it was made; null for now.</param>
    /// <exception cref="CrunException">The tar is damaged, hostile or cut off; nothing is left of it.</exception>
    public static Image Import(Store store, Stream tar, ImageReference? name, ContainerConfig? config = null, string? message = null,
        Platform? platform = null, DateTimeOffset? created = null)
    {
        using var draft = store.Layers.Begin();
        Unpack(store, tar, draft);
        var layer = store.Layers.Commit(draft);
        store.Sync();
        var time = (created ?? TimeProvider.System.GetUtcNow()).UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fffffff'Z'", CultureInfo.InvariantCulture);
        platform ??= Platform.Host;
        var image = new ImageConfig
        {
            Created = time,
            Architecture = platform.Architecture,
            Variant = platform.Variant,
            Os = platform.Os,
            Config = config ?? new ContainerConfig(),
            Rootfs = new RootFs { DiffIds = [layer.DiffId] },
            History = [new HistoryEntry { Created = time, Comment = message ?? "Imported from -" }],
        };
        return store.Images.Add(ImageJson.Write(image), name is null ? [] : [name]);
    }

    private static void Unpack(Store store, Stream tar, LayerDraft draft)
    {
        using (tar)
        {
            var limits = store.Limits.Within(store.Directories.Root);
            using var ahead = new ReadAheadStream(limits.Decode(tar));
            using var extractor = new LayerExtractor(draft.Directory, new ExtractOptions { Limits = limits });
            var reader = new TarReader(ahead);
            extractor.Extract(reader);
            // Nobody promised a digest, so the end is the only proof that nothing is missing.
            if (!reader.HasEndMarker) throw CrunException.Integrity("the tar is cut off: it has no end", "import");
        }
    }
}
