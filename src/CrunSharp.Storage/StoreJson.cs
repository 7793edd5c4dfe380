using CrunSharp.Oci;
using CrunSharp.Oci.Images;
using CrunSharp.Oci.Json;
using static CrunSharp.Oci.Json.JsonKind;

namespace CrunSharp.Storage;

/// <summary>The store's own records and archives' lists as JSON.</summary>
internal static class StoreJson
{
    public static JsonRecord<LayerForm> Form { get; } = new JsonRecord<LayerForm>(new LayerForm { Kind = default, Level = 0, Blob = null! })
        .Required("kind", Word(KindOf, static kind => kind.ToString().ToLowerInvariant()), static f => f.Kind, static (f, v) => f with { Kind = v })
        .Required("level", Int, static f => f.Level, static (f, v) => f with { Level = v })
        .Required("blob", ImageParts.Descriptor, static f => f.Blob, static (f, v) => f with { Blob = v });

    public static JsonRecord<LayerRecord> Layer { get; } =
        new JsonRecord<LayerRecord>(new LayerRecord { DiffId = default, Size = 0, Entries = 0, TarSize = 0, Own = false, BootId = "" })
        .Required("diffId", ImageParts.Digest, static l => l.DiffId, static (l, v) => l with { DiffId = v })
        .Required("size", Long, static l => l.Size, static (l, v) => l with { Size = v })
        .Required("entries", Long, static l => l.Entries, static (l, v) => l with { Entries = v })
        .Required("tarSize", Long, static l => l.TarSize, static (l, v) => l with { TarSize = v })
        .Required("own", Flag, static l => l.Own, static (l, v) => l with { Own = v })
        .Optional("blob", ImageParts.Descriptor, static l => l.Blob, static (l, v) => l with { Blob = v })
        .Optional("forms", List(Form), static l => l.Forms, static (l, v) => l with { Forms = v })
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

    private static CompressionKind KindOf(string text) => text switch
    {
        "gzip" => CompressionKind.Gzip,
        "zstd" => CompressionKind.Zstd,
        _ => throw CrunException.Invalid("it is no kind of compression"),
    };
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
