using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using CrunSharp.Kernel.Files;
using CrunSharp.Network.Addresses;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Network;

/// <summary>Writes an address as its text.</summary>
public sealed class IPAddressJsonConverter : JsonConverter<IPAddress>
{
    /// <inheritdoc/>
    public override IPAddress Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        IPAddress.TryParse(reader.GetString(), out var address) ? address : throw new JsonException("this is no IP address");

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, IPAddress value, JsonSerializerOptions options) =>
        writer.WriteStringValue(value.ToString());
}

/// <summary>The JSON of this project's files, generated at compile time.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = true)]
[JsonSerializable(typeof(NetworkRecord))]
[JsonSerializable(typeof(EndpointRecord))]
[JsonSerializable(typeof(LeaseRecord))]
internal sealed partial class NetworkJsonContext : JsonSerializerContext;

/// <summary>Reads and writes this project's files.</summary>
internal static class NetworkJson
{
    private const int MostBytes = 16 * 1024 * 1024;

    public static byte[] Write<T>(T value, JsonTypeInfo<T> type) => JsonSerializer.SerializeToUtf8Bytes(value, type);

    /// <summary>A file's content; null when there is no such file.</summary>
    /// <exception cref="CrunException">The file is malformed.</exception>
    public static T? TryRead<T>(SafeFileHandle? directory, string path, JsonTypeInfo<T> type) where T : class
    {
        if (AtomicFile.TryRead(directory, path, MostBytes) is not { } json) return null;
        try
        {
            return JsonSerializer.Deserialize(json, type) ?? throw CrunException.Integrity($"the file is null", $"read {path}");
        }
        catch (JsonException error)
        {
            throw CrunException.Integrity($"the file is malformed at {error.Path ?? "$"}", $"read {path}", error);
        }
    }
}
