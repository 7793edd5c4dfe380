using System.Formats.Tar;
using System.IO.Compression;
using System.Text.Json;

namespace CrunSharp.NativeTests.Harness;

/// <summary>An image in an archive of <c>docker save</c>.</summary>
/// <param name="Config">Its configuration, whole.</param>
/// <param name="Layers">Its layers' tars, the lowest first.</param>
internal sealed record SavedImage(JsonElement Config, IReadOnlyList<byte[]> Layers)
{
    /// <summary>Reads all images of an archive, by each of their names.</summary>
    public static Dictionary<string, SavedImage> ReadAll(string archive)
    {
        var files = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        var links = new Dictionary<string, string>(StringComparer.Ordinal);
        using (var tar = new TarReader(File.OpenRead(archive)))
        {
            while (tar.GetNextEntry() is { } entry)
            {
                if (entry.EntryType is TarEntryType.SymbolicLink) links[entry.Name] = Path.GetFullPath($"/{Path.GetDirectoryName(entry.Name)}/{entry.LinkName}")[1..];
                else if (entry.DataStream is { } data) files[entry.Name] = Read(data);
            }
        }
        byte[] Content(string name) => files[links.GetValueOrDefault(name, name)];
        var images = new Dictionary<string, SavedImage>(StringComparer.Ordinal);
        using var manifest = JsonDocument.Parse(Content("manifest.json"));
        foreach (var item in manifest.RootElement.EnumerateArray())
        {
            var image = new SavedImage(
                JsonDocument.Parse(Content(item.GetProperty(nameof(Config)).GetString()!)).RootElement,
                [.. item.GetProperty(nameof(Layers)).EnumerateArray().Select(layer => Content(layer.GetString()!))]);
            foreach (var name in item.GetProperty("RepoTags").EnumerateArray()) images[name.GetString()!] = image;
        }
        return images;
    }

    /// <summary>The files after each layer.</summary>
    public IEnumerable<ImageFiles> Steps()
    {
        var files = new ImageFiles();
        foreach (var layer in Layers)
        {
            files = files.With(layer is [0x1f, 0x8b, ..] ? Read(new GZipStream(new MemoryStream(layer), CompressionMode.Decompress)) : layer);
            yield return files;
        }
    }

    private static byte[] Read(Stream stream)
    {
        using var memory = new MemoryStream();
        stream.CopyTo(memory);
        return memory.ToArray();
    }
}
