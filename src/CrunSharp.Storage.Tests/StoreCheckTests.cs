using System.IO.Compression;
using System.Text;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;

namespace CrunSharp.Storage.Tests;

public class StoreCheckTests : TemporaryFolder
{
    private string _store = "";

    [SetUp]
    public void NameStore() => _store = Folder + "/store";

    [Test]
    public void A_store_without_damage_is_clean([Values] bool quick)
    {
        using (var store = OpenStore())
        {
            Make(store, "own", isCompressed: false);
            Make(store, "foreign", isCompressed: true);
        }
        for (var times = 0; times < 2; times++)
        {
            var report = Check(quick: quick);
            Assert.That(Lines(report), Is.Empty);
            Assert.That((report.Images, report.Names, report.Layers), Is.EqualTo((2, 2, 2)));
        }
    }

    private static readonly (string What, Action<StoreCheckTests, Image> Damage, string Finding, string Repair, bool Stays)[] Damages =
    [
        ("a bit of an own layer", static (t, i) => t.Flip(t.LayerFile(i)), "Layer its directory was changed: its tar has the digest *", "removed*", false),
        ("a bit of a foreign layer", static (t, i) => t.Flip(t.LayerFile(i)), "Layer its directory was changed: it is not what its blob unpacks to", "unpacked again from its blob", true),
        ("a file less in a foreign layer", static (t, i) => File.Delete(t.LayerFile(i)), "Layer its directory was changed*", "unpacked again*", true),
        ("a file more in a foreign layer", static (t, i) => File.WriteAllText(t.LayerFile(i) + "2", ""), "Layer its directory was changed*", "unpacked again*", true),
        ("a mode in a foreign layer", static (t, i) => File.SetUnixFileMode(t.LayerFile(i), UnixFileMode.UserRead), "Layer its directory was changed*", "unpacked again*", true),
        ("a directory less in a foreign layer", static (t, i) => Directory.Delete(t.LayerPath(i) + "/diff", true), "Layer its directory is missing", "unpacked again*", true),
        ("the record of an own layer", static (t, i) => File.WriteAllText(t.LayerRecord(i), "{"), "Layer its record is damaged or missing", "its directory is right: its record was written anew", true),
        ("the record of a foreign layer", static (t, i) => File.WriteAllText(t.LayerRecord(i), ""), "Layer its record is damaged or missing", "unpacked again*", true),
        ("a foreign layer less", static (t, i) => Directory.Delete(t.LayerPath(i), true), "Layer it is missing", "unpacked again*", true),
        ("an own layer less", static (t, i) => Directory.Delete(t.LayerPath(i), true), "Image layer * is not in the store", "removed: load or build it again", false),
        ("a file for a foreign layer", static (t, i) => { Directory.Delete(t.LayerPath(i), true); File.WriteAllText(t.LayerPath(i), ""); }, "Layer it is no directory", "unpacked again*", true),
        ("a link for a foreign layer", static (t, i) => t.Swap(t.LayerPath(i)), "Layer it is no directory", "unpacked again*", true),
        ("a link for the files of a foreign layer", static (t, i) => t.Swap(t.LayerPath(i) + "/diff"), "Layer its directory is missing", "unpacked again*", true),
        ("a file for the files of an own layer", static (t, i) => { Directory.Delete(t.LayerPath(i) + "/diff", true); File.WriteAllText(t.LayerPath(i) + "/diff", ""); }, "Layer its directory is missing", "removed: it cannot be made anew", false),
        ("a link for a directory in a foreign layer", static (t, i) => t.Swap(t.LayerPath(i) + "/diff/dir"), "Layer its directory was changed*", "unpacked again*", true),
        ("a directory for the record of a foreign layer", static (t, i) => { File.Delete(t.LayerRecord(i)); Directory.CreateDirectory(t.LayerRecord(i)); }, "Layer *", "unpacked again*", true),
        ("a directory for a configuration", static (t, i) => { File.Delete(t.Blob(i.Id)); Directory.CreateDirectory(t.Blob(i.Id)); }, "Blob it is no file", "removed", false),
        ("a link for a foreign layer's blob", static (t, i) => { File.Delete(t.Blob(t.BlobOf(i))); File.CreateSymbolicLink(t.Blob(t.BlobOf(i)), "/etc/passwd"); }, "Blob it is no file", "removed", false),
        ("a pipe for a foreign layer's blob", static (t, i) => { File.Delete(t.Blob(t.BlobOf(i))); Shell.Run($"mkfifo {t.Blob(t.BlobOf(i))}"); }, "Blob it is no file", "removed", false),
        ("a directory for the record of an image", static (t, i) => { File.Delete($"{t._store}/images/{i.Id.Hex}.json"); Directory.CreateDirectory($"{t._store}/images/{i.Id.Hex}.json"); }, "Image its record is damaged", "written anew", true),
        ("a directory for a name", static (t, _) => { var name = Directory.GetFiles(t._store + "/names")[0]; File.Delete(name); Directory.CreateDirectory(name); }, "Name its file is damaged", "removed", true),
        ("a bit of a configuration", static (t, i) => t.Flip(t.Blob(i.Id)), "Blob its bytes have the digest *", "removed", false),
        ("the end of a configuration", static (t, i) => File.WriteAllText(t.Blob(i.Id), "{}"), "Blob its bytes have the digest *", "removed", false),
        ("a configuration less", static (t, i) => File.Delete(t.Blob(i.Id)), "Image content * is not in the store", "removed: load or build it again", false),
        ("a bit of a foreign layer's blob", static (t, i) => t.Flip(t.Blob(t.BlobOf(i))), "Blob its bytes have the digest *", "removed", false),
        ("a foreign layer's blob less", static (t, i) => File.Delete(t.Blob(t.BlobOf(i))), "Layer its blob * is damaged or missing", "removed: it cannot be made anew", false),
        ("the manifest of a foreign image", static (t, i) => t.Flip(t.Blob(i.ManifestDigest!.Value)), "Blob its bytes*", "removed", true),
        ("the record of an own image", static (t, i) => File.WriteAllText($"{t._store}/images/{i.Id.Hex}.json", "null"), "Image its record is damaged", "written anew", true),
        ("the record of a foreign image", static (t, i) => File.WriteAllText($"{t._store}/images/{i.Id.Hex}.json", "null"), "Image its record is damaged", "written anew", true),
        ("the name of an own image", static (t, _) => File.WriteAllText(Directory.GetFiles(t._store + "/names")[0], ""), "Name its file is damaged", "removed", true),
        ("the target of an own name", static (t, i) => File.Delete($"{t._store}/images/{i.Id.Hex}.json"), "Name its image * is not in the store", "removed", false),
        ("another's name of an own image", static (t, _) => File.Move(Directory.GetFiles(t._store + "/names")[0], t._store + "/names/other"), "Name its file is another name's", "removed", true),
        ("an own stray file", static (t, _) => File.WriteAllText(t._store + "/blobs/sha256/notes", ""), "Leftover nothing of this store has such a name", "removed", true),
        ("an own image that went", static (t, i) => { File.Delete($"{t._store}/images/{i.Id.Hex}.json"); Directory.Delete(t._store + "/names", true); }, "Unused layer that nothing refers to", "removed", false),
    ];

    public static IEnumerable<string> Names => Damages.Select(static d => d.What);

    [TestCaseSource(nameof(Names))]
    public void Damage_is_found_mended_and_gone(string what)
    {
        var (_, damage, finding, repair, stays) = Damages.Single(d => d.What == what);
        string tag;
        using (var store = OpenStore())
        {
            var isForeign = what.Contains("foreign", StringComparison.Ordinal);
            var image = Make(store, "web", isForeign);
            damage(this, image);
            tag = image.Id.ToString();
        }
        Assert.That(Lines(Check()), Has.Some.Matches<string>(line => Matches(line!, finding)), "check");
        var mended = Check(repair: true);
        Assert.That(mended.Findings, Has.All.Property("IsMended").True);
        Assert.That(mended.Findings.Select(static f => $"{f.Kind} {f.Problem}").Zip(mended.Findings.Select(static f => f.Repair!)),
            Has.Some.Matches<(string, string)>(l => Matches(l.Item1, finding) && Matches(l.Item2, repair)), string.Join('\n', mended.Findings));
        Assert.That(Lines(Check()), Is.Empty, "check after the repair");
        using var later = OpenStore();
        var kept = later.Images.TryResolve(tag);
        Assert.That(kept is not null, Is.EqualTo(stays));
        if (kept is not null) Assert.That(File.ReadAllText(kept.GetLayers()[0].Path + "/dir/file"), Is.EqualTo("content of web"));
    }

    [Test]
    public void A_layer_that_a_container_runs_on_is_kept([Values] bool runs)
    {
        Digest layer;
        using (var store = OpenStore())
        {
            var image = Make(store, "web", isCompressed: false);
            layer = image.DiffIds[0];
            Flip(LayerFile(image));
        }
        var report = Check(repair: true, uses: [new LayerUse(layer, "container c", true, runs)]);
        Assert.That(report.Findings.Select(static f => f.Repair), Is.EqualTo((string[])[runs ? "kept while container c runs on it" : "kept for container c: it cannot be made anew"]));
        Assert.That(Directory.Exists($"{_store}/layers/{layer.Hex}"));
    }

    [Test]
    public void What_another_process_has_pinned_is_left_alone()
    {
        using var builder = OpenStore();
        var image = Make(builder, "web", isCompressed: true);
        Flip(LayerFile(image));
        Assert.That(Check(repair: true).Findings.Select(static f => f.Repair), Is.EqualTo((string[])["in use by another process: try again later"]));
        using var other = OpenStore();
        var layer = MakeTree(other);
        Assert.That(Check(repair: true).Findings, Has.None.Property("Kind").EqualTo(FindingKind.Unused));
        Assert.That(Directory.Exists(layer.Path));
    }

    [Test]
    public void Layers_that_only_a_cache_or_container_uses_are_wanted()
    {
        Layer layer;
        using (var store = OpenStore()) layer = MakeTree(store);
        Assert.That(Check(repair: true, uses: [new LayerUse(layer.DiffId, "build cache", false, false)]).Findings, Is.Empty);
        Assert.That(Lines(Check()), Is.EqualTo((string[])["Unused layer that nothing refers to"]));
        Check(repair: true);
        Assert.That(Directory.Exists(layer.Path), Is.False);
        Assert.That(Lines(Check(uses: [new LayerUse(layer.DiffId, "container c", true, false)])), Is.EqualTo((string[])[$"Container layer {layer.DiffId} is not in the store"]));
    }

    [Test]
    public void A_quick_check_looks_at_sizes()
    {
        using (var store = OpenStore())
        {
            var own = Make(store, "own", isCompressed: false);
            File.AppendAllText(LayerFile(own), "x");
            var foreign = Make(store, "foreign", isCompressed: true);
            File.AppendAllText(Blob(BlobOf(foreign)), "x");
        }
        Assert.That(Lines(Check(quick: true)), Has.One.Matches("^Blob it has .* bytes where .* were promised$").And.One.Matches("^Layer its files have .* bytes where .* were recorded$"));
    }

    [Test]
    public void A_layer_of_another_boot_is_right_or_made_anew([Values] bool isRight)
    {
        using (var store = OpenStore())
        {
            var image = Make(store, "web", isCompressed: true);
            var record = File.ReadAllText(LayerRecord(image));
            File.WriteAllText(LayerRecord(image), System.Text.RegularExpressions.Regex.Replace(record, "\"bootId\":\"[^\"]*\"", "\"bootId\":\"other\"").Replace("\"synced\":true", "\"synced\":false"));
            if (!isRight) File.WriteAllText(LayerFile(image), "");
        }
        Assert.That(Check(repair: true).Findings.Select(static f => f.Repair), Is.EqualTo((string[])[isRight ? "it is right, and marked so" : "unpacked again from its blob"]));
        Assert.That(Lines(Check()), Is.Empty);
    }

    [Test]
    public void Any_tree_survives_its_check([Range(1, 5)] int seed)
    {
        using (var store = OpenStore())
        {
            using var draft = store.Layers.Begin();
            Trees.Fill(draft.Path, seed, 200);
            var made = store.Layers.Commit(draft);
            using var tar = new MemoryStream();
            store.Layers.WriteTar(made, tar);
            var config = Encoding.UTF8.GetBytes($$$"""{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":["{{{made.DiffId}}}"]}}""");
            store.Images.Add(config, [ImageReference.Parse("tree")]);
            using var other = Store.Open(Folder + "/other");
            other.Layers.ApplyKeeping(new MemoryStream(Gzip(tar.ToArray())), made.DiffId);
            other.Images.Add(config, [ImageReference.Parse("tree")]);
        }
        foreach (var name in (string[])["store", "other"])
        {
            using var store = Store.Open($"{Folder}/{name}");
            foreach (var quick in (bool[])[true, false])
                Assert.That(Lines(StoreCheck.Run(store, new CheckOptions { Quick = quick })), Is.Empty, name);
        }
    }

    [Test]
    public void What_killed_processes_left_goes_and_is_no_finding()
    {
        string layer;
        using (var store = OpenStore()) layer = LayerPath(Make(store, "web", isCompressed: true));
        var dead = int.MaxValue.ToString("x");
        Directory.CreateDirectory(_store + "/tmp/1-2-3/layer");
        string[] left = [$"{_store}/names/.x.{dead}-1.tmp", $"{_store}/images/.x.{dead}-1.tmp", $"{layer}/.layer.json.{dead}-1.tmp", $"{_store}/tmp/transfer-{new string('a', 64)}"];
        foreach (var file in left) File.WriteAllText(file, "");
        Assert.That(Lines(Check()), Is.Empty);
        Assert.That(left.Where(File.Exists), Is.Empty);
        Assert.That(Directory.GetFileSystemEntries(_store + "/tmp"), Is.Empty);
    }

    [Test]
    public void What_is_to_be_gone_on_with_is_no_finding()
    {
        using (var store = OpenStore()) Make(store, "web", isCompressed: true);
        var partial = $"{_store}/tmp/partial-{new string('a', 64)}";
        File.WriteAllBytes(partial, new byte[100_000]);
        Assert.That(Check(repair: true).Findings, Is.Empty);
        Assert.That(File.Exists(partial));
    }

    private static bool Matches(string? text, string pattern) => System.IO.Enumeration.FileSystemName.MatchesSimpleExpression(pattern, text, ignoreCase: false);

    private static string[] Lines(CheckReport report) => [.. report.Findings.Select(static f => $"{f.Kind} {f.Problem}")];

    private CheckReport Check(bool repair = false, bool quick = false, IReadOnlyList<LayerUse>? uses = null)
    {
        using var store = OpenStore();
        return StoreCheck.Run(store, new CheckOptions { Repair = repair, Quick = quick, Uses = () => uses ?? [] });
    }

    private static byte[] Gzip(byte[] content)
    {
        using var output = new MemoryStream();
        using (var gzip = new GZipStream(output, CompressionLevel.Fastest, leaveOpen: true)) gzip.Write(content);
        return output.ToArray();
    }

    // With a manifest when it is compressed, as from a registry.
    private static Image Make(Store store, string name, bool isCompressed)
    {
        var tar = TestTar.Of(("dir/file", $"content of {name}"), ("dir2/other", "other"));
        if (!isCompressed) tar = OwnTar(store, tar);
        var layer = store.Layers.ApplyKeeping(new MemoryStream(isCompressed ? Gzip(tar) : tar), null);
        Assert.That(layer.Blob is not null, Is.EqualTo(isCompressed));
        var config = Encoding.UTF8.GetBytes($$$"""{"architecture":"amd64","os":"linux","config":{"Cmd":["/{{{name}}}"]},"rootfs":{"type":"layers","diff_ids":["{{{layer.DiffId}}}"]}}""");
        var manifest = isCompressed ? Encoding.UTF8.GetBytes($$$"""{"schemaVersion":2,"mediaType":"{{{MediaTypes.Manifest}}}","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{{{Digest.Of(config)}}}","size":{{{config.Length}}}},"layers":[{"mediaType":"{{{MediaTypes.LayerGzip}}}","digest":"{{{layer.Blob}}}","size":{{{layer.BlobDescriptor!.Size}}}}]}""") : [];
        store.Sync();
        return store.Images.Add(config, [ImageReference.Parse(name)], manifest);
    }

    // The tar that we would write of the same files; the layer that it takes to know goes again.
    private static byte[] OwnTar(Store store, byte[] tar)
    {
        using var other = Store.Open(store.Root + "-own");
        using var draft = other.Layers.Begin();
        using (var extractor = new LayerExtractor(draft.Directory)) extractor.Extract(new Tar.TarReader(new MemoryStream(tar)));
        using var output = new MemoryStream();
        other.Layers.WriteTar(other.Layers.Commit(draft), output);
        return output.ToArray();
    }

    private static Layer MakeTree(Store store)
    {
        using var draft = store.Layers.Begin();
        File.WriteAllText(draft.Path + "/alone", "x");
        var layer = store.Layers.Commit(draft);
        store.Sync();
        return layer;
    }

    private string LayerPath(Image image) => $"{_store}/layers/{image.DiffIds[0].Hex}";

    private string LayerFile(Image image) => LayerPath(image) + "/diff/dir/file";

    private string LayerRecord(Image image) => LayerPath(image) + "/layer.json";

    private string Blob(Digest digest) => $"{_store}/blobs/sha256/{digest.Hex}";

    private Digest BlobOf(Image image) => image.GetLayers()[0].Blob!.Value;

    // A link to a copy of what is there takes its place: what is behind a link is not ours.
    private void Swap(string path)
    {
        Directory.Move(path, Folder + "/elsewhere");
        File.CreateSymbolicLink(path, Folder + "/elsewhere");
    }

    // The times stay as they are, as when a disk forgets.
    private void Flip(string path)
    {
        var time = File.GetLastWriteTimeUtc(path);
        var bytes = File.ReadAllBytes(path);
        bytes[bytes.Length / 2] ^= 1;
        File.WriteAllBytes(path, bytes);
        File.SetLastWriteTimeUtc(path, time);
    }
}
