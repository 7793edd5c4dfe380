using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using CrunSharp.Engine.Volumes;
using CrunSharp.Network;
using CrunSharp.Oci;

namespace CrunSharp.Engine.Containers;

/// <summary>The JSON of the engine's own records, generated at compile time.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = true,
    UseStringEnumConverter = true,
    Converters = [typeof(IPAddressJsonConverter)])]
[JsonSerializable(typeof(ContainerConfig))]
[JsonSerializable(typeof(ContainerState))]
[JsonSerializable(typeof(VolumeRecord))]
internal sealed partial class EngineJson : JsonSerializerContext
{
    /// <summary>Reads a record that this program wrote.</summary>
    /// <exception cref="CrunException">The file was damaged.</exception>
    public static T Read<T>(ReadOnlySpan<byte> json, JsonTypeInfo<T> type, string path) where T : class
    {
        try
        {
            return JsonSerializer.Deserialize(json, type) ?? throw CrunException.Integrity("the record is null", $"read {path}");
        }
        catch (JsonException error)
        {
            throw CrunException.Integrity($"the record is damaged at {error.Path ?? "$"}", $"read {path}", error);
        }
    }
}
