using System.Formats.Tar;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using CrunSharp.Oci;
using CrunSharp.Registry.Tests;

namespace CrunSharp.NativeTests.Harness;

/// <summary>A registry in a world's network with the image <c>web:1</c> of two layers, and the faults that a test gives it.</summary>
internal sealed class FaultyRegistry : IAsyncDisposable
{
    public const string ManifestType = "application/vnd.oci.image.manifest.v1+json";
    public const string IndexType = "application/vnd.oci.image.index.v1+json";
    private const string ConfigType = "application/vnd.oci.image.config.v1+json";
    private const string LayerType = "application/vnd.oci.image.layer.v1.tar+gzip";
    private readonly Dictionary<string, (string Type, byte[] Bytes)> _content = [];
    private Func<SeenRequest, int, Reply?> _fault = static (_, _) => null;

    public FaultyRegistry(World world)
    {
        Server = world.Host.Run(() => new ScriptedServer(Answer));
        Small = Layer("small", RandomNumberGenerator.GetBytes(5000));
        Large = Layer("large", RandomNumberGenerator.GetBytes(600_000));
        Config = Encoding.UTF8.GetBytes($$$"""{"architecture":"amd64","os":"linux","config":{"Cmd":["/small"]},"rootfs":{"type":"layers","diff_ids":["{{{Digest.Of(Small.Tar)}}}","{{{Digest.Of(Large.Tar)}}}"]}}""");
        Manifest = ManifestOf(Config, Small.Blob, Large.Blob);
        AddBlob(Config);
        AddBlob(Small.Blob);
        AddBlob(Large.Blob);
        AddManifest("1", ManifestType, Manifest);
    }

    public ScriptedServer Server { get; }

    /// <summary>The image's name.</summary>
    public string Image => $"{Server.Host}/web:1";

    public (byte[] Tar, byte[] Blob) Small { get; }

    public (byte[] Tar, byte[] Blob) Large { get; }

    public byte[] Config { get; }

    public byte[] Manifest { get; }

    /// <summary>The requests for the large layer.</summary>
    public IReadOnlyList<SeenRequest> ForLarge
    {
        get
        {
            lock (Server.Seen) return [.. Server.Seen.Where(request => request.Target == PathOf(Large.Blob))];
        }
    }

    public static string PathOf(byte[] blob) => $"/v2/web/blobs/{Digest.Of(blob)}";

    /// <summary>Gives it another fault: an answer to a request and to how often that was made before, or null for the right one.</summary>
    public void Faults(Func<SeenRequest, int, Reply?> fault)
    {
        _fault = fault;
        lock (Server.Seen) Server.Seen.Clear();
    }

    /// <summary>Gives it a fault of one path.</summary>
    public void Faults(string path, Func<SeenRequest, int, Reply?> fault) =>
        Faults((request, times) => request.Target == path && request.Method == "GET" ? fault(request, times) : null);

    public void AddManifest(string tag, string type, byte[] bytes) =>
        _content[$"/v2/web/manifests/{tag}"] = _content[$"/v2/web/manifests/{Digest.Of(bytes)}"] = (type, bytes);

    public void AddBlob(byte[] bytes) => _content[PathOf(bytes)] = ("application/octet-stream", bytes);

    /// <summary>What is right: the content from the byte on that was asked for.</summary>
    public Reply Right(SeenRequest request)
    {
        if (!_content.TryGetValue(request.Target, out var found)) return Reply.Error(404, "MANIFEST_UNKNOWN", "manifest unknown");
        var from = request.Header("Range") is { } range ? int.Parse(range["bytes=".Length..^1]) : 0;
        string[] headers = [$"Content-Type: {found.Type}", $"Docker-Content-Digest: {Digest.Of(found.Bytes)}"];
        if (request.Method == "HEAD") return Reply.Raw(["HTTP/1.1 200 OK", .. headers, $"Content-Length: {found.Bytes.Length}"], []);
        return from == 0 ? Reply.Ok(found.Bytes, headers)
            : Reply.Of(206, found.Bytes[from..], [.. headers, $"Content-Range: bytes {from}-{found.Bytes.Length - 1}/{found.Bytes.Length}"]);
    }

    /// <summary>A manifest of these blobs.</summary>
    public static byte[] ManifestOf(byte[] config, params byte[][] layers) => Encoding.UTF8.GetBytes(
        $$"""{"schemaVersion":2,"mediaType":"{{ManifestType}}","config":{{Describe(ConfigType, config)}},"layers":[{{string.Join(',', layers.Select(static l => Describe(LayerType, l)))}}]}""");

    public static string Describe(string type, byte[] bytes) => $$"""{"mediaType":"{{type}}","digest":"{{Digest.Of(bytes)}}","size":{{bytes.Length}}}""";

    public ValueTask DisposeAsync() => Server.DisposeAsync();

    /// <summary>A layer of one file.</summary>
    public static (byte[] Tar, byte[] Blob) Layer(string name, byte[] content)
    {
        var tar = DockerArchive.LayerOf(writer => writer.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(content) }));
        using var blob = new MemoryStream();
        using (var gzip = new GZipStream(blob, CompressionLevel.Fastest, leaveOpen: true)) gzip.Write(tar);
        return (tar, blob.ToArray());
    }

    private Reply Answer(SeenRequest request, int number)
    {
        int before;
        lock (Server.Seen) before = Server.Seen.Take(number).Count(other => other.Line == request.Line);
        return _fault(request, before) ?? Right(request);
    }
}
