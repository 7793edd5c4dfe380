using System.Formats.Tar;
using System.IO.Compression;
using System.Text;
using CrunSharp.Engine.Transfers;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;
using CrunSharp.Registry;
using CrunSharp.Storage;

namespace CrunSharp.Engine.Tests.Transfers;

/// <summary>A store and a registry with images that tests make.</summary>
public abstract class PullFixture
{
    private protected RegistryStub Registry { get; private set; } = null!;

    private protected Store Store { get; private set; } = null!;

    private protected Heard Progress { get; private set; } = null!;

    private protected string Root { get; private set; } = "";

    [SetUp]
    public void Begin()
    {
        Root = Directory.CreateTempSubdirectory("crun-pull-").FullName;
        (Registry, Store, Progress) = (new RegistryStub(), Store.Open(Root), new Heard());
    }

    [TearDown]
    public void End()
    {
        Registry.Dispose();
        Store.Dispose();
        FileAt.RemoveTree(null, Root);
    }

    private protected async Task<PullResult> Pull(string name, string? platform = null, CancellationToken cancellationToken = default)
    {
        var options = new RegistryOptions();
        using var client = new RegistryClient(Registry.Host, options);
        return await new ImagePull(Store, client, options, Progress)
            .RunAsync(ImageReference.Parse($"{Registry.Host}/{name}"), platform is null ? null : PlatformChoice.Parse(platform), cancellationToken);
    }

    private protected string Refusal(string name, string? platform = null) => Assert.Throws<CrunException>(() => Pull(name, platform).GetAwaiter().GetResult())!.Message;

    /// <summary>Puts an image into the registry, with one file in each layer; its manifest's descriptor.</summary>
    private protected Descriptor AddImage(string tag, int layers = 3, string architecture = "amd64", Func<ImageManifest, ImageManifest>? change = null)
    {
        var (blobs, diffIds) = (new List<Descriptor>(), new List<Digest>());
        for (var i = 0; i < layers; i++)
        {
            var tar = Tar($"file-{i}", $"{architecture} {tag} {i}\n");
            diffIds.Add(Digest.Of(tar));
            using var gzip = new MemoryStream();
            using (var compress = new GZipStream(gzip, CompressionLevel.Fastest, leaveOpen: true)) compress.Write(tar);
            blobs.Add(AddBlob(gzip.ToArray(), MediaTypes.LayerGzip));
        }
        var config = ImageJson.Write(new ImageConfig { Architecture = architecture, Os = "linux", Rootfs = new RootFs { DiffIds = diffIds } });
        var manifest = new ImageManifest { MediaType = MediaTypes.Manifest, Config = AddBlob(config, MediaTypes.Config), Layers = blobs };
        return AddManifest(tag, MediaTypes.Manifest, ImageJson.Write(change is null ? manifest : change(manifest)));
    }

    private protected Descriptor AddIndex(string tag, params Descriptor[] manifests) =>
        AddManifest(tag, MediaTypes.Index, ImageJson.Write(new ImageIndex { MediaType = MediaTypes.Index, Manifests = manifests }));

    private protected Descriptor AddManifest(string tag, string type, byte[] bytes)
    {
        var digest = Digest.Of(bytes);
        foreach (var reference in (string[])[tag, digest.ToString()]) Registry.Content[$"/v2/web/manifests/{reference}"] = (type, bytes);
        return new Descriptor { MediaType = type, Digest = digest, Size = bytes.Length };
    }

    private protected static string PathOf(Descriptor blob) => $"/v2/web/blobs/{blob.Digest}";

    /// <summary>Where a blob is kept that has not arrived as a whole.</summary>
    private protected string PartialOf(Descriptor blob) => $"{Root}/tmp/partial-{blob.Digest.Hex}";

    private protected IReadOnlyList<Descriptor> LayersOf(Descriptor manifest) =>
        ImageJson.ReadManifest(Registry.Content[$"/v2/web/manifests/{manifest.Digest}"].Bytes).Layers;

    private protected void AssertNothingIsLeft() => Assert.Multiple(() =>
    {
        Assert.That(Directory.Exists($"{Root}/tmp") ? Directory.GetFileSystemEntries($"{Root}/tmp") : [], Is.Empty);
        Assert.That(Store.Images.List(), Is.Empty);
    });

    private Descriptor AddBlob(byte[] bytes, string type)
    {
        var blob = new Descriptor { MediaType = type, Digest = Digest.Of(bytes), Size = bytes.Length };
        Registry.Content[PathOf(blob)] = ("application/octet-stream", bytes);
        return blob;
    }

    private static byte[] Tar(string name, string text)
    {
        using var bytes = new MemoryStream();
        using (var tar = new TarWriter(bytes, TarEntryFormat.Pax, leaveOpen: true))
        {
            tar.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(Encoding.UTF8.GetBytes(text)) });
            var noise = new byte[200_000];
            new Random(name.Length + text.GetHashCode(StringComparison.Ordinal)).NextBytes(noise);
            tar.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, name + ".noise") { DataStream = new MemoryStream(noise) });
        }
        return bytes.ToArray();
    }

    internal sealed class Heard : IPullProgress
    {
        public List<string> Lines { get; } = [];

        public void Pulling(ImageReference name) => Add($"pulling {name.Tag}");

        public void Layers(IReadOnlyList<Descriptor> layers) => Add($"{layers.Count} layers");

        public void Report(Descriptor layer, LayerStage stage, long arrived) => Add($"{stage} {layer.Digest}");

        public void Warning(string text) => Add($"warning: {text}");

        public int Count(LayerStage stage)
        {
            lock (Lines) return Lines.Where(line => line.StartsWith($"{stage} ", StringComparison.Ordinal)).Distinct().Count();
        }

        private void Add(string line)
        {
            lock (Lines) Lines.Add(line);
        }
    }
}
