using CrunSharp.Oci;
using CrunSharp.Oci.Images;

namespace CrunSharp.Storage.Tests.Archives;

/// <summary>Other programs read what we write, and we read what they write.</summary>
public class ArchiveInteropTests : TemporaryFolder
{
    [Test]
    public void A_docker_archive_comes_back_whole()
    {
        using var store = OpenStore();
        var image = MakeImage(store, "web:1", 1);
        SaveDocker(store, image, "a.tar");
        SaveDocker(store, image, "b.tar");
        Assert.That(File.ReadAllBytes(Folder + "/a.tar"), Is.EqualTo(File.ReadAllBytes(Folder + "/b.tar")));

        using var other = Store.Open(Folder + "/other");
        var loaded = ImageArchive.Load(other, File.OpenRead(Folder + "/a.tar"));
        Assert.Multiple(() =>
        {
            Assert.That(loaded.Single().Image.Id, Is.EqualTo(image.Id));
            Assert.That(loaded.Single().Names.Single().Familiar, Is.EqualTo("web:1"));
            Assert.That(Trees.List(other.Layers.Get(image.DiffIds[0]).Path), Is.EqualTo(Trees.List(store.Layers.Get(image.DiffIds[0]).Path)));
            Assert.That(other.Layers.Get(image.DiffIds[0]).Blob, Is.Null, "the tar is a function of the directory");
        });
    }

    [TestCase("gzip")]
    [TestCase("zstd")]
    [TestCase("xz")]
    [TestCase("bzip2")]
    public void A_compressed_archive_is_recognised_by_its_content(string program)
    {
        Shell.Need(program);
        using var store = OpenStore();
        var image = MakeImage(store, "web:1", 2);
        SaveDocker(store, image, "a.tar");
        Shell.Run($"{program} -c {Folder}/a.tar > {Folder}/a.packed");
        using var other = Store.Open(Folder + "/other");
        Assert.That(ImageArchive.Load(other, File.OpenRead(Folder + "/a.packed")).Single().Image.Id, Is.EqualTo(image.Id));
    }

    [Test]
    public void An_oci_layout_comes_back_whole([Values] bool directory)
    {
        using var store = OpenStore();
        var image = MakeImage(store, "web:1", 3);
        using var other = Store.Open(Folder + "/other");
        IReadOnlyList<NamedImage> loaded;
        if (directory)
        {
            OciLayout.SaveDirectory(store, [new(image, image.Names)], Folder + "/oci");
            loaded = ImageArchive.LoadDirectory(other, Folder + "/oci");
        }
        else
        {
            using (var file = File.OpenWrite(Folder + "/oci.tar")) OciLayout.Save(store, [new(image, image.Names)], file);
            loaded = ImageArchive.Load(other, File.OpenRead(Folder + "/oci.tar"));
        }
        var layer = other.Layers.Get(image.DiffIds[0]);
        Assert.Multiple(() =>
        {
            Assert.That(loaded.Single().Image.Id, Is.EqualTo(image.Id));
            Assert.That(loaded.Single().Names.Single().Familiar, Is.EqualTo("web:1"));
            Assert.That(layer.BlobDescriptor!.MediaType, Is.EqualTo(MediaTypes.LayerGzip));
            Assert.That(loaded.Single().Image.ManifestDigest, Is.Not.Null);
        });
        using var tar = new MemoryStream();
        other.Layers.WriteTar(layer, tar);
        Assert.That(Digest.Of(tar.ToArray()), Is.EqualTo(image.DiffIds[0]));
    }

    [Test]
    public void Skopeo_and_umoci_read_our_docker_archive()
    {
        Shell.Need("skopeo");
        Shell.Need("umoci");
        using var store = OpenStore();
        var image = MakeImage(store, "web:1", 4, plain: true);
        SaveDocker(store, image, "a.tar");
        Shell.Run($"skopeo --tmpdir {Folder} copy docker-archive:{Folder}/a.tar oci:{Folder}/oci:web");
        Shell.Run($"umoci unpack --image {Folder}/oci:web {Folder}/bundle");
        Assert.That(Trees.List(Folder + "/bundle/rootfs"), Is.EqualTo(Trees.List(store.Layers.Get(image.DiffIds[0]).Path)));
    }

    [Test]
    public void Umoci_reads_our_oci_layout_and_we_read_what_skopeo_makes_of_it()
    {
        Shell.Need("skopeo");
        Shell.Need("umoci");
        using var store = OpenStore();
        var image = MakeImage(store, "web:1", 5, plain: true);
        OciLayout.SaveDirectory(store, [new(image, [ImageReference.Parse("web:1")])], Folder + "/oci");
        Shell.Run($"umoci unpack --image {Folder}/oci:web:1 {Folder}/bundle || umoci ls --layout {Folder}/oci");
        Shell.Run($"skopeo --tmpdir {Folder} copy oci:{Folder}/oci:web:1 docker-archive:{Folder}/back.tar:example.org/back:2");
        Shell.Run($"skopeo --tmpdir {Folder} copy oci:{Folder}/oci:web:1 oci-archive:{Folder}/back.oci.tar:example.org/back:3");
        using var other = Store.Open(Folder + "/other");
        var docker = ImageArchive.Load(other, File.OpenRead(Folder + "/back.tar")).Single();
        var oci = ImageArchive.Load(other, File.OpenRead(Folder + "/back.oci.tar")).Single();
        Assert.Multiple(() =>
        {
            Assert.That(docker.Names.Single().Familiar, Is.EqualTo("example.org/back:2"));
            Assert.That(oci.Names.Single().Familiar, Is.EqualTo("example.org/back:3"));
            Assert.That(docker.Image.DiffIds, Is.EqualTo(image.DiffIds));
            Assert.That(oci.Image.Id, Is.EqualTo(image.Id));
        });
    }

    [TestCase(CompressionKind.Gzip, null)]
    [TestCase(CompressionKind.Gzip, 9)]
    [TestCase(CompressionKind.Gzip, 0)]
    [TestCase(CompressionKind.Zstd, null)]
    [TestCase(CompressionKind.Zstd, 19)]
    public void A_layer_compresses_to_the_same_bytes_on_any_number_of_processors(CompressionKind kind, int? level)
    {
        var content = new byte[5_300_000];
        new Random(1).NextBytes(content.AsSpan(0, 2_000_000));
        byte[] Packed(int workers)
        {
            using var output = new MemoryStream();
            using (var gzip = new DeterministicCompressStream(output, new LayerCompression(kind, level), workers))
            {
                gzip.Write(content);
                gzip.Finish();
            }
            return output.ToArray();
        }
        var one = Packed(1);
        Assert.That(Packed(2), Is.EqualTo(one));
        Assert.That(Packed(7), Is.EqualTo(one));
        using var unpacked = new MemoryStream();
        Compression.Open(new MemoryStream(one)).CopyTo(unpacked);
        Assert.That(unpacked.ToArray(), Is.EqualTo(content));
        if (kind != CompressionKind.Gzip) return;
        File.WriteAllBytes(Folder + "/x.gz", one);
        Assert.That(Shell.Run($"gzip -dc {Folder}/x.gz | sha256sum")[..64], Is.EqualTo(Digest.Of(content).Hex));
    }

    internal static Image MakeImage(Store store, string name, int seed, bool plain = false)
    {
        using var draft = store.Layers.Begin();
        if (plain)
        {
            Directory.CreateDirectory(draft.Path + "/etc/sub");
            File.WriteAllText(draft.Path + "/etc/hello", new string('h', 3_000_000));
            File.WriteAllText(draft.Path + "/etc/sub/x", "x");
            Shell.Run($"cd {draft.Path} && ln etc/hello linked && ln -s /etc/hello soft && mkfifo etc/fifo && chown 7:8 etc/sub/x && chmod 4711 etc/sub/x");
        }
        else Trees.Fill(draft.Path, seed, 60);
        var layer = store.Layers.Commit(draft);
        var config = new ImageConfig
        {
            Created = "2024-01-01T00:00:00Z",
            Architecture = "amd64",
            Os = "linux",
            Config = new ContainerConfig { Env = ["PATH=/bin"], Cmd = ["/bin/true"] },
            Rootfs = new RootFs { DiffIds = [layer.DiffId] },
            History = [new HistoryEntry { CreatedBy = "test" }],
        };
        return store.Images.Add(ImageJson.Write(config), [ImageReference.Parse(name)]);
    }

    private void SaveDocker(Store store, Image image, string file)
    {
        using var output = File.OpenWrite($"{Folder}/{file}");
        DockerArchive.Save(store, [new(image, image.Names)], output);
    }
}
