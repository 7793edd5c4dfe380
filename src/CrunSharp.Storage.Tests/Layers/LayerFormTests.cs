using CrunSharp.Oci;
using CrunSharp.Oci.Images;

namespace CrunSharp.Storage.Tests.Layers;

public sealed class LayerFormTests : TemporaryFolder
{
    private static readonly LayerCompression Zstd = new(CompressionKind.Zstd);

    private static Layer Make(Store store)
    {
        using var draft = store.Layers.Begin();
        File.WriteAllText(draft.Path + "/text", string.Concat(Enumerable.Range(0, 200_000)));
        return store.Layers.Commit(draft);
    }

    [Test]
    public void A_form_that_was_asked_for_is_kept_beside_the_usual_one_and_made_once()
    {
        using var store = Store.Open(Folder);
        var layer = Make(store);
        var zstd = store.Layers.Compress(layer, Zstd);
        var usual = store.Layers.Compress(layer);
        var best = store.Layers.Compress(layer, new LayerCompression(CompressionKind.Gzip, 9));
        Assert.Multiple(() =>
        {
            Assert.That((zstd.MediaType, usual.MediaType, best.MediaType), Is.EqualTo((MediaTypes.LayerZstd, MediaTypes.LayerGzip, MediaTypes.LayerGzip)));
            Assert.That(best.Digest, Is.Not.EqualTo(usual.Digest));
            Assert.That(store.Layers.Compress(layer), Is.EqualTo(usual), "the usual form stays the usual one");
            Assert.That(store.Layers.Compress(layer, new LayerCompression(CompressionKind.Gzip)), Is.EqualTo(usual), "any level will do");
            Assert.That(store.Layers.Compress(layer, LayerCompression.Usual), Is.EqualTo(usual));
        });
        var files = Blobs();
        Assert.That(files, Has.Length.EqualTo(3));
        var before = files.ToDictionary(static f => f, File.GetLastWriteTimeUtc);
        Assert.That(store.Layers.Compress(layer, Zstd), Is.EqualTo(zstd));
        Assert.That(store.Layers.Compress(layer, new LayerCompression(CompressionKind.Zstd, 3)), Is.EqualTo(zstd), "3 is the usual level");
        Assert.That(Blobs().ToDictionary(static f => f, File.GetLastWriteTimeUtc), Is.EqualTo(before), "nothing is made anew");
    }

    [Test]
    public void Forms_live_and_die_with_their_layer()
    {
        using (var store = Store.Open(Folder))
        {
            var layer = Make(store);
            for (var level = 1; level < 7; level++) store.Layers.Compress(layer, new LayerCompression(CompressionKind.Zstd, level));
        }
        using var again = Store.Open(Folder);
        var diffId = Digest.Parse("sha256:" + Path.GetFileName(Directory.GetDirectories(Folder + "/layers").Single()));
        Assert.That(StoreCheck.Run(again, new CheckOptions { Uses = () => [new LayerUse(diffId, "test", IsNeeded: true, IsRunning: false)] }).Findings.Select(static f => f.Kind), Has.All.EqualTo(FindingKind.Unused), "older forms");
        GarbageCollector.Collect(again, () => [diffId]);
        Assert.That(Blobs(), Has.Length.EqualTo(4), "the latest four");
        GarbageCollector.Collect(again, () => []);
        Assert.That(Blobs(), Is.Empty);
    }

    [TestCase(CompressionKind.Gzip, 10)]
    [TestCase(CompressionKind.Gzip, -1)]
    [TestCase(CompressionKind.Zstd, 0)]
    [TestCase(CompressionKind.Zstd, 23)]
    [TestCase(CompressionKind.Xz, null)]
    public void A_form_that_there_is_not_is_refused(CompressionKind kind, int? level) =>
        Assert.That(() => new LayerCompression(kind, level).Checked(), Throws.TypeOf<CrunException>().With.Property("Kind").EqualTo(ErrorKind.InvalidInput));

    private string[] Blobs() => Directory.GetFiles(Folder, "*", SearchOption.AllDirectories).Where(static f => f.Contains("/blobs/", StringComparison.Ordinal)).ToArray();
}
