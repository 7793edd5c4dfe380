using System.Formats.Tar;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace CrunSharp.NativeTests.Harness;

/// <summary>Writes images as <c>docker save</c> does, also such as no honest tool would make.</summary>
internal static class DockerArchive
{
    /// <summary>Writes an image with one layer.</summary>
    /// <param name="path">Where to.</param>
    /// <param name="name">The image's name.</param>
    /// <param name="layer">Writes the layer's entries.</param>
    /// <param name="config">The image's <c>config</c>.</param>
    /// <param name="spoil">Changes the whole configuration before it is written.</param>
    public static string Write(string path, string name, Action<TarWriter> layer, JsonObject? config = null, Action<JsonObject>? spoil = null)
    {
        var bytes = LayerOf(layer);
        var document = new JsonObject
        {
            ["architecture"] = "amd64",
            ["os"] = "linux",
            ["config"] = config ?? new JsonObject { ["Cmd"] = new JsonArray("sh") },
            ["rootfs"] = new JsonObject { ["type"] = "layers", ["diff_ids"] = new JsonArray("sha256:" + Convert.ToHexStringLower(SHA256.HashData(bytes))) },
            ["history"] = new JsonArray(new JsonObject { ["created_by"] = "test" }),
        };
        spoil?.Invoke(document);
        var text = Encoding.UTF8.GetBytes(document.ToJsonString());
        var id = Convert.ToHexStringLower(SHA256.HashData(text));
        var manifest = new JsonArray(new JsonObject
        {
            ["Config"] = id + ".json",
            ["RepoTags"] = new JsonArray(name + ":latest"),
            ["Layers"] = new JsonArray("layer/layer.tar"),
        });
        using var tar = new TarWriter(File.Create(path), TarEntryFormat.Pax, leaveOpen: false);
        Add(tar, id + ".json", text);
        Add(tar, "layer/layer.tar", bytes);
        Add(tar, "manifest.json", Encoding.UTF8.GetBytes(manifest.ToJsonString()));
        return path;
    }

    /// <summary>The bytes of a layer.</summary>
    public static byte[] LayerOf(Action<TarWriter> write)
    {
        using var memory = new MemoryStream();
        using (var tar = new TarWriter(memory, TarEntryFormat.Pax, leaveOpen: true)) write(tar);
        return memory.ToArray();
    }

    private static void Add(TarWriter tar, string name, byte[] content)
    {
        using var stream = new MemoryStream(content);
        tar.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, name) { DataStream = stream });
    }
}
