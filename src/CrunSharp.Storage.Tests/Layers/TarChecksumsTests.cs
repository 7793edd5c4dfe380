using CrunSharp.Oci;

namespace CrunSharp.Storage.Tests.Layers;

/// <summary>A layer of ours that is compressed is compared with what it was when it was made.</summary>
public sealed class TarChecksumsTests : TemporaryFolder
{
    private const int Size = 6 * 1024 * 1024 + 17;

    private static Layer Make(Store store)
    {
        using var draft = store.Layers.Begin();
        var content = new byte[Size];
        new Random(1).NextBytes(content);
        File.WriteAllBytes(draft.Path + "/large", content);
        File.WriteAllText(draft.Path + "/small", "text");
        // All times that .NET can say.
        foreach (var file in Directory.GetFiles(draft.Path)) File.SetLastWriteTimeUtc(file, DateTime.UnixEpoch.AddSeconds(1_700_000_000));
        return store.Layers.Commit(draft);
    }

    private static string ChecksumsOf(Layer layer) => Path.Combine(Path.GetDirectoryName(layer.Path)!, "checksums");

    private static void Flip(string file, int at)
    {
        var content = File.ReadAllBytes(file);
        content[at] ^= 1;
        File.WriteAllBytes(file, content);
    }

    [TestCase("a bit", true)]
    [TestCase("a file more", true)]
    [TestCase("a file more", false)]
    [TestCase("a file less", true)]
    [TestCase("a mode", true)]
    [TestCase("a time", true)]
    [TestCase("a bit", false)]
    public void A_directory_that_was_changed_is_not_compressed(string change, bool hasChecksums)
    {
        using var store = Store.Open(Folder);
        var layer = Make(store);
        if (!hasChecksums) File.Delete(ChecksumsOf(layer));
        var large = layer.Path + "/large";
        var time = File.GetLastWriteTimeUtc(large);
        switch (change)
        {
            case "a bit":
                Flip(large, Size / 2);
                File.SetLastWriteTimeUtc(large, time);
                break;
            case "a file more": File.WriteAllText(layer.Path + "/zzz", ""); break;
            case "a file less": File.Delete(layer.Path + "/small"); break;
            case "a mode": File.SetUnixFileMode(large, UnixFileMode.UserRead); break;
            default: File.SetLastWriteTimeUtc(large, time.AddTicks(1)); break;
        }
        Assert.That(() => store.Layers.Compress(layer), Throws.TypeOf<CrunException>().With.Property("Kind").EqualTo(ErrorKind.Integrity)
            .And.Message.Contains(layer.DiffId.ToString()).And.Message.Contains("its directory was changed"));
        Assert.That(Directory.GetFiles(Folder + "/blobs/sha256"), Is.Empty);
    }

    [TestCase("missing")]
    [TestCase("cut off")]
    [TestCase("spoiled")]
    [TestCase("empty")]
    public void Checksums_that_are_no_good_are_not_asked(string state)
    {
        using var store = Store.Open(Folder);
        var layer = Make(store);
        var file = ChecksumsOf(layer);
        Assert.That(new FileInfo(file).Length, Is.EqualTo(4 * (7 + 1)));
        switch (state)
        {
            case "missing": File.Delete(file); break;
            case "cut off": File.WriteAllBytes(file, File.ReadAllBytes(file)[..8]); break;
            case "spoiled": Flip(file, 5); break;
            default: File.WriteAllBytes(file, []); break;
        }
        var blob = store.Layers.Compress(layer);
        using var other = Store.Open(Folder + "/other");
        Assert.That(other.Layers.Compress(Make(other)), Is.EqualTo(blob), "with checksums, the same bytes");
    }

    [Test]
    public void A_check_of_the_store_knows_the_file()
    {
        using (var store = Store.Open(Folder)) Make(store);
        using var again = Store.Open(Folder);
        Assert.That(StoreCheck.Run(again, new CheckOptions()).Findings.Select(static f => f.Kind), Has.None.EqualTo(FindingKind.Leftover));
    }

    [Test]
    public void A_small_layer_has_none()
    {
        using var store = Store.Open(Folder);
        using var draft = store.Layers.Begin();
        File.WriteAllText(draft.Path + "/small", "text");
        Assert.That(ChecksumsOf(store.Layers.Commit(draft)), Does.Not.Exist);
    }
}
