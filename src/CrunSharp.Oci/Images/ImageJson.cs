using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace CrunSharp.Oci.Images;

/// <summary>The JSON of image documents, generated at compile time.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = true,
    Converters = [typeof(DigestJsonConverter)])]
[JsonSerializable(typeof(ImageManifest))]
[JsonSerializable(typeof(ImageIndex))]
[JsonSerializable(typeof(ImageConfig))]
internal sealed partial class ImageJsonContext : JsonSerializerContext;

/// <summary>Reads and writes image documents.</summary>
public static class ImageJson
{
    private static readonly ImageJsonContext Context = new(new JsonSerializerOptions(ImageJsonContext.Default.Options)
    {
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });

    /// <summary>Writes a manifest.</summary>
    public static byte[] Write(ImageManifest manifest) => JsonSerializer.SerializeToUtf8Bytes(manifest, Context.ImageManifest);

    /// <summary>Writes an index.</summary>
    public static byte[] Write(ImageIndex index) => JsonSerializer.SerializeToUtf8Bytes(index, Context.ImageIndex);

    /// <summary>Writes a configuration.</summary>
    public static byte[] Write(ImageConfig config) => JsonSerializer.SerializeToUtf8Bytes(config, Context.ImageConfig);

    /// <summary>Reads a manifest.</summary>
    /// <exception cref="CrunException">The bytes are no manifest; the text gives the position.</exception>
    public static ImageManifest ReadManifest(ReadOnlySpan<byte> json) => Read(json, Context.ImageManifest, "image manifest");

    /// <summary>Reads an index.</summary>
    /// <exception cref="CrunException">The bytes are no index; the text gives the position.</exception>
    public static ImageIndex ReadIndex(ReadOnlySpan<byte> json) => Read(json, Context.ImageIndex, "image index");

    /// <summary>Reads a configuration.</summary>
    /// <exception cref="CrunException">The bytes are no configuration; the text gives the position.</exception>
    public static ImageConfig ReadConfig(ReadOnlySpan<byte> json) => Read(json, Context.ImageConfig, "image config");

    private static T Read<T>(ReadOnlySpan<byte> json, JsonTypeInfo<T> type, string what)
    {
        try
        {
            return JsonSerializer.Deserialize(json, type)
                ?? throw CrunException.Integrity($"the {what} is null");
        }
        catch (JsonException error)
        {
            throw CrunException.Integrity(
                $"the {what} is malformed at {error.Path ?? "$"} (line {error.LineNumber + 1}, byte {error.BytePositionInLine + 1})",
                inner: error);
        }
    }
}
