using CrunSharp.Oci;
using CrunSharp.Oci.Images;
using CrunSharp.Oci.Json;
using static CrunSharp.Oci.Json.JsonKind;

namespace CrunSharp.Storage;

/// <summary>The store's own records and archives' lists as JSON.</summary>
internal static class StoreJson
{
    public static JsonRecord<LayerRecord> Layer { get; } =
        new JsonRecord<LayerRecord>(new LayerRecord { DiffId = default, Size = 0, Entries = 0, TarSize = 0, Own = false, BootId = "" })
        .Required("diffId", ImageParts.Digest, static l => l.DiffId, static (l, v) => l with { DiffId = v })
        .Required("size", Long, static l => l.Size, static (l, v) => l with { Size = v })
        .Required("entries", Long, static l => l.Entries, static (l, v) => l with { Entries = v })
        .Required("tarSize", Long, static l => l.TarSize, static (l, v) => l with { TarSize = v })
        .Required("own", Flag, static l => l.Own, static (l, v) => l with { Own = v })
        .Optional("blob", ImageParts.Descriptor, static l => l.Blob, static (l, v) => l with { Blob = v })
        .Optional("implied", Texts, static l => l.Implied, static (l, v) => l with { Implied = v })
        .Field("hidesAll", Flag, static l => l.HidesAll, static (l, v) => l with { HidesAll = v })
        .OptionalValue("tree", ImageParts.Digest, static l => l.Tree, static (l, v) => l with { Tree = v })
        .Required("bootId", Text, static l => l.BootId, static (l, v) => l with { BootId = v })
        .Field("synced", Flag, static l => l.Synced, static (l, v) => l with { Synced = v });

    public static JsonRecord<ImageRecord> Image { get; } = new JsonRecord<ImageRecord>(new ImageRecord { Id = default })
        .Required("id", ImageParts.Digest, static i => i.Id, static (i, v) => i with { Id = v })
        .OptionalValue("manifest", ImageParts.Digest, static i => i.Manifest, static (i, v) => i with { Manifest = v })
        .Optional("lastTagged", Text, static i => i.LastTagged, static (i, v) => i with { LastTagged = v });

    public static JsonRecord<DockerArchiveImage> ArchiveImage { get; } =
        new JsonRecord<DockerArchiveImage>(new DockerArchiveImage { Config = "", Layers = [] })
        .Required("Config", Text, static a => a.Config, static (a, v) => a with { Config = v })
        .Optional("RepoTags", Texts, static a => a.RepoTags, static (a, v) => a with { RepoTags = v })
        .Required("Layers", Texts, static a => a.Layers, static (a, v) => a with { Layers = v });

    public static JsonKind<IReadOnlyList<DockerArchiveImage>> ArchiveImages { get; } = List(ArchiveImage);
}

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

    /// <summary>
    /// The digest of the tar that the directory would be, where that is not the layer's own; null until a check has found out.
    /// </summary>
    public Digest? Tree { get; init; }

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
    public required string Config { get; init; }

    /// <summary>The image's names.</summary>
    public IReadOnlyList<string>? RepoTags { get; init; }

    /// <summary>The paths of the layers, from the base up.</summary>
    public required IReadOnlyList<string> Layers { get; init; }
}
