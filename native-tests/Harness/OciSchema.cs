using System.Globalization;
using System.Text.Json;

namespace CrunSharp.NativeTests.Harness;

/// <summary>
/// What the image specification demands of its documents: required fields, types, media types, digests, as in its JSON
/// schemas (<c>schema/*.json</c> of image-spec 1.1).
/// </summary>
internal static class OciSchema
{
    private const string Index = "application/vnd.oci.image.index.v1+json";
    private const string Manifest = "application/vnd.oci.image.manifest.v1+json";
    private const string Config = "application/vnd.oci.image.config.v1+json";
    private const string Layer = "application/vnd.oci.image.layer.v1.tar";

    private static readonly string[] s_layers = [Layer, $"{Layer}+gzip", $"{Layer}+zstd"];

    /// <summary>Checks a layout, and all that its index leads to; how many documents there were.</summary>
    public static int CheckLayout(string directory)
    {
        using var layout = JsonDocument.Parse(File.ReadAllBytes($"{directory}/oci-layout"));
        Assert.That(layout.RootElement.GetProperty("imageLayoutVersion").GetString(), Is.EqualTo("1.0.0"));
        using var index = JsonDocument.Parse(File.ReadAllBytes($"{directory}/index.json"));
        return 1 + CheckDocument(index.RootElement, Index, digest => File.ReadAllBytes($"{directory}/blobs/sha256/{digest["sha256:".Length..]}"));
    }

    /// <summary>Checks a document, and all that it leads to; how many documents there were.</summary>
    public static int CheckDocument(JsonElement document, string mediaType, Func<string, byte[]> read)
    {
        if (mediaType == Config)
        {
            CheckConfig(document);
            return 1;
        }
        Assert.That(document.GetProperty("schemaVersion").GetInt32(), Is.EqualTo(2));
        if (document.TryGetProperty("mediaType", out var own)) Assert.That(own.GetString(), Is.EqualTo(mediaType));
        CheckAnnotations(document);
        var count = 1;
        if (mediaType == Index)
        {
            foreach (var entry in document.GetProperty("manifests").EnumerateArray())
            {
                Assert.That(CheckDescriptor(entry), Is.EqualTo(Index).Or.EqualTo(Manifest));
                if (entry.TryGetProperty("platform", out var platform)) Assert.That(new[] { Text(platform, "architecture"), Text(platform, "os") }, Has.All.Not.Empty);
                count += Follow(entry);
            }
            return count;
        }
        var config = document.GetProperty("config");
        var isImage = CheckDescriptor(config) == Config;
        count += Follow(config);
        var layers = document.GetProperty("layers").EnumerateArray().ToList();
        Assert.That(layers, Is.Not.Empty);
        foreach (var layer in layers)
        {
            var type = CheckDescriptor(layer);
            if (isImage && type != "application/vnd.in-toto+json") Assert.That(s_layers, Does.Contain(type));
            Assert.That(read(Text(layer, "digest")), Has.Length.EqualTo(layer.GetProperty("size").GetInt64()));
        }
        if (document.TryGetProperty("subject", out var subject)) CheckDescriptor(subject);
        return count;

        int Follow(JsonElement descriptor)
        {
            var content = read(Text(descriptor, "digest"));
            Assert.That(content, Has.Length.EqualTo(descriptor.GetProperty("size").GetInt64()));
            using var parsed = JsonDocument.Parse(content);
            return CheckDocument(parsed.RootElement, Text(descriptor, "mediaType"), read);
        }
    }

    private static string CheckDescriptor(JsonElement descriptor)
    {
        var (type, digest) = (Text(descriptor, "mediaType"), Text(descriptor, "digest"));
        Assert.That(type, Does.Match("^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}$"));
        Assert.That(digest, Does.Match("^sha256:[0-9a-f]{64}$"));
        Assert.That(descriptor.GetProperty("size").GetInt64(), Is.Not.Negative);
        CheckAnnotations(descriptor);
        return type;
    }

    private static void CheckAnnotations(JsonElement element)
    {
        if (!element.TryGetProperty("annotations", out var annotations)) return;
        foreach (var annotation in annotations.EnumerateObject())
            Assert.That((annotation.Name.Length > 0, annotation.Value.ValueKind), Is.EqualTo((true, JsonValueKind.String)), annotation.Name);
    }

    private static void CheckConfig(JsonElement config)
    {
        Assert.That(new[] { Text(config, "architecture"), Text(config, "os") }, Has.All.Not.Empty);
        var rootfs = config.GetProperty("rootfs");
        Assert.That(Text(rootfs, "type"), Is.EqualTo("layers"));
        var layers = rootfs.GetProperty("diff_ids").EnumerateArray().Select(static id => id.GetString()!).ToList();
        Assert.That(layers, Has.All.Match("^sha256:[0-9a-f]{64}$"));
        CheckTime(config);
        if (config.TryGetProperty("history", out var history))
        {
            var entries = history.EnumerateArray().ToList();
            Assert.That(entries.Count(static entry => !(entry.TryGetProperty("empty_layer", out var empty) && empty.GetBoolean())), Is.EqualTo(layers.Count));
            foreach (var entry in entries)
            {
                CheckTime(entry);
                foreach (var field in (string[])["author", "created_by", "comment"])
                    if (entry.TryGetProperty(field, out var text)) Assert.That(text.ValueKind, Is.EqualTo(JsonValueKind.String), field);
            }
        }
        if (!config.TryGetProperty("config", out var run)) return;
        foreach (var (field, kind) in (ReadOnlySpan<(string, JsonValueKind)>)[("User", JsonValueKind.String), ("WorkingDir", JsonValueKind.String), ("StopSignal", JsonValueKind.String),
            ("ExposedPorts", JsonValueKind.Object), ("Volumes", JsonValueKind.Object), ("Labels", JsonValueKind.Object),
            ("Env", JsonValueKind.Array), ("Cmd", JsonValueKind.Array), ("Entrypoint", JsonValueKind.Array)])
            if (run.TryGetProperty(field, out var value) && value.ValueKind != JsonValueKind.Null) Assert.That(value.ValueKind, Is.EqualTo(kind), field);
        if (run.TryGetProperty("Env", out var env) && env.ValueKind == JsonValueKind.Array) Assert.That(env.EnumerateArray().Select(static variable => variable.GetString()), Has.All.Contains("="));
    }

    private static void CheckTime(JsonElement element)
    {
        if (element.TryGetProperty("created", out var created))
            Assert.That(DateTimeOffset.TryParse(created.GetString(), CultureInfo.InvariantCulture, out _), () => $"{created} is a time of RFC 3339");
    }

    private static string Text(JsonElement element, string field) => element.GetProperty(field).GetString()!;
}
