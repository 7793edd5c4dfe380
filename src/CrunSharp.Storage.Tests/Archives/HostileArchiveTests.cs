using System.Text;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;
using CrunSharp.Storage.Tar;

namespace CrunSharp.Storage.Tests.Archives;

/// <summary>Archives that promise one thing and have another, or want to be read outside of themselves.</summary>
public class HostileArchiveTests : TemporaryFolder
{
    private static readonly byte[] Layer = TestTar.Of(("f", "x"));
    private static readonly Digest LayerDigest = Digest.Of(Layer);

    [Test]
    public void A_docker_archive_with_another_layer_than_the_configuration_says_is_refused() =>
        Refuses(Docker(Config(Digest.Of("other"u8)), "c.json", ["l.tar"]), "was promised");

    [Test]
    public void A_docker_archive_with_more_layers_than_the_configuration_is_refused() =>
        Refuses(Docker(Config(LayerDigest), "c.json", ["l.tar", "l.tar"]), "2 layers for an image of 1");

    [Test]
    public void A_docker_archive_with_fewer_layers_than_the_configuration_is_refused() =>
        Refuses(Docker(Config(LayerDigest, LayerDigest), "c.json", ["l.tar"]), "1 layers for an image of 2");

    [Test]
    public void A_configuration_under_another_digest_is_refused() =>
        Refuses(Docker(Config(LayerDigest), new string('a', 64) + ".json", ["l.tar"]), "was promised");

    [TestCase("../../../../etc/passwd")]
    [TestCase("a/../../x")]
    public void A_docker_archive_whose_paths_climb_is_refused(string path)
    {
        Refuses(Docker(Config(LayerDigest), "c.json", [path]), "leads upwards");
        Refuses(Docker(Config(LayerDigest), "c.json", ["l.tar"], configPath: path), "leads upwards");
    }

    [Test]
    public void A_link_in_a_docker_archive_stays_in_it()
    {
        Refuses(Docker(Config(LayerDigest), "c.json", ["link"], w => TestTar.Entry(w, TarKind.SymbolicLink, "link", Folder + "/outside")), "has no file");
        Refuses(Docker(Config(LayerDigest), "c.json", ["a/link"], w => TestTar.Entry(w, TarKind.SymbolicLink, "a/link", "../../outside")), "has no file");
        Refuses(Docker(Config(LayerDigest), "c.json", ["link"], w => TestTar.Entry(w, TarKind.SymbolicLink, "link", "link")), "links");
    }

    [Test]
    public void A_link_to_a_layer_that_is_there_already_is_followed()
    {
        using var store = OpenStore();
        var archive = Docker(Config(LayerDigest, LayerDigest), "c.json", ["l.tar", "a/layer.tar"], w => TestTar.Entry(w, TarKind.SymbolicLink, "a/layer.tar", "../l.tar"));
        Assert.That(ImageArchive.Load(store, new MemoryStream(archive)).Single().Image.DiffIds, Has.Count.EqualTo(2));
    }

    [TestCase("[]", "lists 0 images")]
    [TestCase("{", "malformed")]
    [TestCase("[{\"Config\":null,\"Layers\":[]}]", "malformed")]
    [TestCase("[{\"Layers\":[]}]", "malformed")]
    [TestCase("[{\"Config\":\"none.json\",\"Layers\":[]}]", "has no file")]
    [TestCase("[{\"Config\":\"c.json\",\"RepoTags\":[\"UPPER:x\"],\"Layers\":[\"l.tar\"]}]", "lowercase")]
    public void A_bad_list_is_refused(string manifest, string reason) =>
        Refuses(TestTar.Of(("manifest.json", manifest), ("c.json", Config(LayerDigest)), ("l.tar", Encoding.Latin1.GetString(Layer))), reason);

    [Test]
    public void An_archive_of_neither_kind_is_refused() => Refuses(TestTar.Of(("x", "y")), "neither");

    [TestCase("PATH", "Env")]
    [TestCase("=x", "Env")]
    public void An_environment_that_is_none_is_refused(string variable, string reason)
    {
        var config = Config(LayerDigest, env: variable);
        Refuses(Docker(config, "c.json", ["l.tar"]), reason);
    }

    [Test]
    public void An_oci_layout_comes_through_when_all_is_right()
    {
        using var store = OpenStore();
        Assert.That(ImageArchive.LoadDirectory(store, Oci()).Single().Image.DiffIds, Is.EqualTo(new[] { LayerDigest }));
    }

    [Test]
    public void A_layer_of_another_size_or_digest_than_described_is_refused()
    {
        RefusesDirectory(Oci(layerSize: Layer.Length + 1), "where");
        RefusesDirectory(Oci(layerSize: Layer.Length - 1), "more than");
        RefusesDirectory(Oci(layerSize: -1), "negative");
        RefusesDirectory(Oci(layerDigest: Digest.Of("another"u8).ToString()), "was promised");
        RefusesDirectory(Oci(layerDigest: "sha256:../../../../../../etc/passwd"), "malformed");
        RefusesDirectory(Oci(layerDigest: "md5:00"), "malformed");
        RefusesDirectory(Oci(layers: 2), "2 layers for an image of 1");
    }

    [Test]
    public void A_document_that_is_both_manifest_and_index_is_refused()
    {
        RefusesDirectory(Oci(manifestExtra: ",\"manifests\":[]"), "both layers and manifests");
        RefusesDirectory(Oci(indexExtra: ",\"layers\":[]"), "both layers and manifests");
        RefusesDirectory(Oci(manifestExtra: ",\"mediaType\":\"application/vnd.oci.image.index.v1+json\""), "says that it is");
        RefusesDirectory(Oci(manifestType: "application/vnd.docker.distribution.manifest.v2+json", manifestExtra: ",\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\""), "announced");
    }

    [Test]
    public void Links_in_an_oci_layout_are_not_followed()
    {
        var path = Oci();
        var blob = $"{path}/blobs/sha256/{LayerDigest.Hex}";
        File.Move(blob, Folder + "/outside");
        File.CreateSymbolicLink(blob, Folder + "/outside");
        RefusesDirectory(path, "cannot be opened within");

        path = Oci();
        Directory.Move(path + "/blobs", Folder + "/blobs");
        File.CreateSymbolicLink(path + "/blobs", Folder + "/blobs");
        RefusesDirectory(path, "cannot be opened within");

        path = Oci();
        File.Delete(path + "/index.json");
        Shell.Run($"mkfifo {path}/index.json");
        RefusesDirectory(path, "no regular file");
    }

    [Test]
    public void Zeros_without_end_are_an_empty_archive()
    {
        using var store = OpenStore();
        using var zeros = new Zeros([], long.MaxValue);
        Assert.That(() => ImageArchive.Load(store, zeros), Throws.TypeOf<CrunException>().With.Message.Contains("neither an oci-layout nor a manifest.json"));
        Assert.That(zeros.Count, Is.LessThan(100L << 20));
        LeavesNothing(store);
    }

    [Test]
    public void What_follows_an_archive_in_a_pipe_is_read_so_that_nobody_fails_to_write_it()
    {
        using var store = OpenStore();
        using var input = new Zeros(Docker(Config(LayerDigest), "c.json", ["l.tar"]), 5 << 20);
        Assert.That(ImageArchive.Load(store, input), Has.Count.EqualTo(1));
        Assert.That(input.Count, Is.EqualTo(5 << 20));
    }

    private void Refuses(byte[] archive, string reason)
    {
        using var store = OpenStore();
        Assert.That(() => ImageArchive.Load(store, new MemoryStream(archive)), Throws.TypeOf<CrunException>().With.Message.Contains(reason));
        LeavesNothing(store);
    }

    private void RefusesDirectory(string path, string reason)
    {
        using var store = OpenStore();
        Assert.That(() => ImageArchive.LoadDirectory(store, path), Throws.TypeOf<CrunException>().With.Message.Contains(reason));
        LeavesNothing(store);
    }

    private void LeavesNothing(Store store)
    {
        Assert.That(store.Images.List(), Is.Empty);
        Assert.That(Directory.Exists(Folder + "/store/tmp") ? Directory.GetFileSystemEntries(Folder + "/store/tmp") : [], Is.Empty);
    }

    private static string Config(Digest diffId, Digest? second = null, string env = "A=b") => $$"""
        {"architecture":"amd64","os":"linux","config":{"Env":["{{env}}"]},
         "rootfs":{"type":"layers","diff_ids":["{{diffId}}"{{(second is null ? "" : $",\"{second}\"")}}] } }
        """;

    private static byte[] Docker(string config, string configName, string[] layers, Action<TarWriter>? more = null, string? configPath = null)
    {
        var list = string.Join(",", layers.Select(l => $"\"{l}\""));
        return TestTar.Write(w =>
        {
            TestTar.File(w, configName, config);
            w.Begin(new TarEntry { Name = "l.tar", Kind = TarKind.File, Size = Layer.Length });
            w.Write(Layer);
            more?.Invoke(w);
            TestTar.File(w, "manifest.json", $"[{{\"Config\":\"{configPath ?? configName}\",\"RepoTags\":[\"web:1\"],\"Layers\":[{list}]}}]");
        });
    }

    private string Oci(long? layerSize = null, string? layerDigest = null, int layers = 1, string manifestExtra = "", string indexExtra = "",
        string manifestType = MediaTypes.Manifest)
    {
        var path = $"{Folder}/oci-{Guid.NewGuid():n}";
        Directory.CreateDirectory(path + "/blobs/sha256");
        var config = Encoding.UTF8.GetBytes(Config(LayerDigest));
        var layer = $"{{\"mediaType\":\"{MediaTypes.Layer}\",\"digest\":\"{layerDigest ?? LayerDigest.ToString()}\",\"size\":{layerSize ?? Layer.Length}}}";
        var manifest = Encoding.UTF8.GetBytes($$"""
            {"schemaVersion":2,"config":{"mediaType":"{{MediaTypes.Config}}","digest":"{{Digest.Of(config)}}","size":{{config.Length}} },
             "layers":[{{string.Join(",", Enumerable.Repeat(layer, layers))}}]{{manifestExtra}}}
            """);
        File.WriteAllText(path + "/oci-layout", """{"imageLayoutVersion":"1.0.0"}""");
        File.WriteAllText(path + "/index.json", $$"""
            {"schemaVersion":2,"manifests":[{"mediaType":"{{manifestType}}","digest":"{{Digest.Of(manifest)}}","size":{{manifest.Length}} }]{{indexExtra}}}
            """);
        foreach (var blob in new[] { config, manifest, Layer }) File.WriteAllBytes($"{path}/blobs/sha256/{Digest.Of(blob).Hex}", blob);
        if (layerDigest is not null && Digest.TryParse(layerDigest, out var other)) File.WriteAllBytes($"{path}/blobs/sha256/{other.Hex}", Layer);
        return path;
    }

    /// <summary>Some bytes, and then zeros.</summary>
    private sealed class Zeros(byte[] start, long most) : ReadStream
    {
        private readonly MemoryStream _start = new(start);

        /// <summary>How many of the zeros were read.</summary>
        public long Count { get; private set; }

        public override int Read(Span<byte> buffer)
        {
            if (_start.Read(buffer) is > 0 and var read) return read;
            var count = (int)Math.Min(buffer.Length, most - Count);
            buffer[..count].Clear();
            Count += count;
            return count;
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing) _start.Dispose();
            base.Dispose(disposing);
        }
    }
}
