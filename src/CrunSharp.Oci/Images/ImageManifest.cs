using System.Text.Json;

namespace CrunSharp.Oci.Images;

/// <summary>An image's manifest: its configuration and its layers.</summary>
/// <seealso href="https://github.com/opencontainers/image-spec/blob/main/manifest.md"/>
public sealed record ImageManifest
{
    /// <summary>The schema's version: 2.</summary>
    public int SchemaVersion { get; init; } = 2;

    /// <summary>The manifest's own media type.</summary>
    public string? MediaType { get; init; }

    /// <summary>The type of what it is for, where it is no image.</summary>
    public string? ArtifactType { get; init; }

    /// <summary>The image's configuration.</summary>
    public required Descriptor Config { get; init; }

    /// <summary>The layers, from the base up.</summary>
    public required IReadOnlyList<Descriptor> Layers { get; init; }

    /// <summary>The manifest that this one refers to.</summary>
    public Descriptor? Subject { get; init; }

    /// <summary>Notes about the image.</summary>
    public IReadOnlyDictionary<string, string>? Annotations { get; init; }

    /// <summary>What this version of the program does not know, kept as it came.</summary>
    public Dictionary<string, JsonElement>? Unknown { get; set; }
}

/// <summary>A list of manifests, one for each platform.</summary>
/// <seealso href="https://github.com/opencontainers/image-spec/blob/main/image-index.md"/>
public sealed record ImageIndex
{
    /// <summary>The schema's version: 2.</summary>
    public int SchemaVersion { get; init; } = 2;

    /// <summary>The index's own media type.</summary>
    public string? MediaType { get; init; }

    /// <summary>The manifests.</summary>
    public required IReadOnlyList<Descriptor> Manifests { get; init; }

    /// <summary>Notes about the index.</summary>
    public IReadOnlyDictionary<string, string>? Annotations { get; init; }

    /// <summary>What this version of the program does not know, kept as it came.</summary>
    public Dictionary<string, JsonElement>? Unknown { get; set; }
}
