using System.Text.Json;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;

namespace CrunSharp.Storage;

/// <summary>Reads manifests and indexes from outside, which must be what they say they are.</summary>
/// <remarks>A document that can be read as both a manifest and an index means different things to different readers.</remarks>
public static class ManifestReader
{
    /// <summary>How large a document may be, in bytes.</summary>
    public const int MostBytes = 4 * 1024 * 1024;

    private const int MostLayers = 1024;

    /// <summary>Reads a manifest.</summary>
    /// <param name="json">The document.</param>
    /// <param name="mediaType">What it was announced as; null when nobody said.</param>
    /// <exception cref="CrunException">It is malformed, of another type, or ambiguous.</exception>
    public static ImageManifest Read(ReadOnlySpan<byte> json, string? mediaType = null)
    {
        Check(json, "layers", "manifests", mediaType, MediaTypes.Manifest, MediaTypes.DockerManifest);
        var manifest = ImageJson.ReadManifest(json);
        if (manifest.SchemaVersion != 2) throw CrunException.Integrity($"the image manifest has schema version {manifest.SchemaVersion}, not 2");
        if (manifest.Layers.Count > MostLayers) throw CrunException.Integrity($"the image manifest has {manifest.Layers.Count} layers, more than {MostLayers}");
        foreach (var layer in manifest.Layers) CheckSize(layer);
        CheckSize(manifest.Config);
        return manifest;
    }

    /// <summary>Reads an index.</summary>
    /// <param name="json">The document.</param>
    /// <param name="mediaType">What it was announced as; null when nobody said.</param>
    /// <exception cref="CrunException">It is malformed, of another type, or ambiguous.</exception>
    public static ImageIndex ReadIndex(ReadOnlySpan<byte> json, string? mediaType = null)
    {
        Check(json, "manifests", "layers", mediaType, MediaTypes.Index, MediaTypes.DockerManifestList);
        var index = ImageJson.ReadIndex(json);
        if (index.SchemaVersion != 2) throw CrunException.Integrity($"the image index has schema version {index.SchemaVersion}, not 2");
        foreach (var manifest in index.Manifests) CheckSize(manifest);
        return index;
    }

    private static void CheckSize(Descriptor descriptor)
    {
        if (descriptor.Size < 0) throw CrunException.Integrity($"the size of {descriptor.Digest} is negative");
    }

    private static void Check(ReadOnlySpan<byte> json, string own, string other, string? announced, string oci, string docker)
    {
        if (json.Length > MostBytes) throw CrunException.Integrity($"the document has {json.Length} bytes, more than {MostBytes}");
        var reader = new Utf8JsonReader(json);
        bool hasOwn = false, hasOther = false;
        string? stated = null;
        try
        {
            while (reader.Read())
            {
                if (reader.TokenType != JsonTokenType.PropertyName || reader.CurrentDepth != 1) continue;
                hasOwn |= reader.ValueTextEquals(own);
                hasOther |= reader.ValueTextEquals(other);
                if (!reader.ValueTextEquals("mediaType")) continue;
                reader.Read();
                stated = reader.TokenType == JsonTokenType.String ? reader.GetString() : "";
            }
        }
        catch (JsonException error)
        {
            throw CrunException.Integrity($"the document is no JSON at line {error.LineNumber + 1}, byte {error.BytePositionInLine + 1}", inner: error);
        }
        if (hasOwn && hasOther) throw CrunException.Integrity("the document has both layers and manifests");
        if (!hasOwn) throw CrunException.Integrity($"the document has no {own}");
        if (stated is not null && stated != oci && stated != docker) throw CrunException.Integrity($"the document says that it is \"{stated}\"");
        if (announced is not null && stated is not null && announced != stated)
            throw CrunException.Integrity($"the document says that it is \"{stated}\" but was announced as \"{announced}\"");
        if (announced is not null && announced != oci && announced != docker)
            throw CrunException.Integrity($"the document was announced as \"{announced}\"");
    }
}
