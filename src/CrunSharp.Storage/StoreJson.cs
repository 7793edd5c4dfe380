using System.Text.Json.Serialization;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;

namespace CrunSharp.Storage;

/// <summary>The JSON of the store's own records and of archives' lists, generated at compile time.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = true,
    Converters = [typeof(DigestJsonConverter)])]
[JsonSerializable(typeof(LayerRecord))]
[JsonSerializable(typeof(ImageRecord))]
[JsonSerializable(typeof(IReadOnlyList<DockerArchiveImage>))]
internal sealed partial class StoreJson : JsonSerializerContext;

/// <summary>What the store knows about a layer: <c>layers/HEX/layer.json</c>.</summary>
internal sealed record LayerRecord
{
    public required Digest DiffId { get; init; }

    /// <summary>Bytes of all files.</summary>
    public required long Size { get; init; }

    public required long Entries { get; init; }

    /// <summary>Bytes of the tar that has the diffID.</summary>
    public required long TarSize { get; init; }

    /// <summary>Whether the tar is a function of the directory; else it can only be had from the blob.</summary>
    public required bool Own { get; init; }

    /// <summary>The layer's compressed form, if there is one in the store.</summary>
    public Descriptor? Blob { get; init; }

    /// <summary>Directories without an entry of their own.</summary>
    public IReadOnlyList<string>? Implied { get; init; }

    /// <summary>Whether the layer hides all that is beneath it.</summary>
    public bool HidesAll { get; init; }

    /// <summary>Which boot of the host wrote it.</summary>
    public required string BootId { get; init; }

    /// <summary>Whether all of it is known to survive a power cut.</summary>
    public bool Synced { get; init; }
}

/// <summary>What the store knows about an image besides its configuration: <c>images/HEX.json</c>.</summary>
internal sealed record ImageRecord
{
    public required Digest Id { get; init; }

    /// <summary>The digest of the manifest that it came with; the bytes are in the content store.</summary>
    public Digest? Manifest { get; init; }

    /// <summary>When a name was given to it last, RFC 3339.</summary>
    public string? LastTagged { get; init; }
}

/// <summary>An image in a Docker archive's <c>manifest.json</c>.</summary>
internal sealed record DockerArchiveImage
{
    /// <summary>The path of the configuration.</summary>
    [JsonPropertyName("Config")]
    public required string Config { get; init; }

    /// <summary>The image's names.</summary>
    [JsonPropertyName("RepoTags")]
    public IReadOnlyList<string>? RepoTags { get; init; }

    /// <summary>The paths of the layers, from the base up.</summary>
    [JsonPropertyName("Layers")]
    public required IReadOnlyList<string> Layers { get; init; }
}
