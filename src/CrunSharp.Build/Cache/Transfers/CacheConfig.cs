using System.Text.Encodings.Web;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;
using CrunSharp.Oci.Json;
using static CrunSharp.Oci.Json.JsonKind;

namespace CrunSharp.Build.Cache.Transfers;

/// <summary>
/// What a cache knows, as it is kept outside: BuildKit's document, with our keys in it. A record that has a layer is a step
/// on its parent; its input is the same step whatever its parent.
/// </summary>
/// <seealso href="https://github.com/moby/buildkit/blob/master/cache/remotecache/v1/doc.go"/>
internal sealed record CacheConfig
{
    /// <summary>Its media type, BuildKit's.</summary>
    public const string MediaType = "application/vnd.buildkit.cacheconfig.v0";

    /// <summary>How large it may be, in bytes.</summary>
    public const int MostBytes = 32 * 1024 * 1024;

    private const int MostRecords = 200_000;

    /// <summary>The layers.</summary>
    public IReadOnlyList<CachedLayer> Layers { get; init; } = [];

    /// <summary>The steps.</summary>
    public IReadOnlyList<CachedStep> Records { get; init; } = [];

    /// <summary>The cache mounts: this field is our own.</summary>
    public IReadOnlyList<CachedMount> Mounts { get; init; } = [];

    private static JsonRecord<CacheConfig> Document { get; } = new JsonRecord<CacheConfig>(new CacheConfig())
        .Optional("layers", List(CachedLayer.Document), static c => c.Layers, static (c, v) => c with { Layers = v ?? [] })
        .Optional("records", List(CachedStep.Document), static c => c.Records, static (c, v) => c with { Records = v ?? [] })
        .Optional("mounts", List(CachedMount.Document), static c => c.Mounts.Count == 0 ? null : c.Mounts, static (c, v) => c with { Mounts = v ?? [] });

    /// <summary>Reads one.</summary>
    /// <exception cref="CrunException">It is malformed.</exception>
    public static CacheConfig Parse(ReadOnlySpan<byte> json)
    {
        var config = Document.Parse(json, "cache configuration");
        return config.Layers.Count <= MostRecords && config.Records.Count <= MostRecords ? config
            : throw CrunException.Integrity($"the cache has more than {MostRecords} records");
    }

    /// <summary>Writes it.</summary>
    public byte[] Format() => Document.Format(this, JavaScriptEncoder.UnsafeRelaxedJsonEscaping);

    /// <summary>The steps that have a result, by their keys. What does not fit together is left out.</summary>
    public Dictionary<Digest, CachedResult> Results()
    {
        var results = new Dictionary<Digest, CachedResult>();
        foreach (var record in Records)
        {
            if (record.Results is not [var result, ..] || record.Inputs is not [[{ Link: var link }, ..], ..]) continue;
            if ((uint)link >= Records.Count || (uint)result.Layer >= Layers.Count || Layers[result.Layer] is not { Blob: { } blob, Notes: { DiffId: { } diffId, Size: > 0 } notes }) continue;
            results.TryAdd(record.Digest, new CachedResult(Records[link].Digest, diffId,
                new Descriptor { MediaType = notes.MediaType ?? MediaTypes.LayerGzip, Digest = blob, Size = notes.Size }, result.Created ?? ""));
        }
        return results;
    }
}

/// <summary>What a step gave.</summary>
/// <param name="WithoutParent">The step's key, whatever its parent.</param>
/// <param name="DiffId">The layer.</param>
/// <param name="Blob">The layer's compressed form.</param>
/// <param name="Created">When it was made.</param>
internal sealed record CachedResult(Digest WithoutParent, Digest DiffId, Descriptor Blob, string Created);

/// <summary>A layer of a cache.</summary>
internal sealed record CachedLayer
{
    public Digest? Blob { get; init; }

    /// <summary>The layer beneath; ours are known by their step alone.</summary>
    public int Parent { get; init; } = -1;

    public LayerNotes? Notes { get; init; }

    public static JsonRecord<CachedLayer> Document { get; } = new JsonRecord<CachedLayer>(new CachedLayer())
        .OptionalValue("blob", ImageParts.Digest, static l => l.Blob, static (l, v) => l with { Blob = v })
        .Field("parent", Int, static l => l.Parent, static (l, v) => l with { Parent = v })
        .Optional("annotations", LayerNotes.Document, static l => l.Notes, static (l, v) => l with { Notes = v });
}

/// <summary>What is known of a layer.</summary>
internal sealed record LayerNotes
{
    public string? MediaType { get; init; }

    public Digest? DiffId { get; init; }

    public long Size { get; init; }

    public static JsonRecord<LayerNotes> Document { get; } = new JsonRecord<LayerNotes>(new LayerNotes())
        .Optional("mediaType", Text, static n => n.MediaType, static (n, v) => n with { MediaType = v })
        .OptionalValue("diffID", ImageParts.Digest, static n => n.DiffId, static (n, v) => n with { DiffId = v })
        .Field("size", Long, static n => n.Size, static (n, v) => n with { Size = v });
}

/// <summary>A step of a cache.</summary>
internal sealed record CachedStep
{
    public Digest Digest { get; init; }

    public IReadOnlyList<IReadOnlyList<StepLink>>? Inputs { get; init; }

    public IReadOnlyList<StepResult>? Results { get; init; }

    public static JsonRecord<CachedStep> Document { get; } = new JsonRecord<CachedStep>(new CachedStep())
        .Required("digest", ImageParts.Digest, static s => s.Digest, static (s, v) => s with { Digest = v })
        .Optional("layers", List(StepResult.Document), static s => s.Results, static (s, v) => s with { Results = v })
        .Optional("inputs", List(List(StepLink.Document)), static s => s.Inputs, static (s, v) => s with { Inputs = v });
}

/// <summary>A cache mount with its files.</summary>
internal sealed record CachedMount
{
    public string Id { get; init; } = "";

    public Digest Blob { get; init; }

    public long Size { get; init; }

    /// <summary>Its files: a tar that is compressed with zstd.</summary>
    public Descriptor Descriptor => new() { MediaType = MediaTypes.LayerZstd, Digest = Blob, Size = Size };

    public static JsonRecord<CachedMount> Document { get; } = new JsonRecord<CachedMount>(new CachedMount())
        .Required("id", Text, static m => m.Id, static (m, v) => m with { Id = v })
        .Required("blob", ImageParts.Digest, static m => m.Blob, static (m, v) => m with { Blob = v })
        .Required("size", Long, static m => m.Size, static (m, v) => m with { Size = v });
}

/// <summary>What a step stands on.</summary>
internal sealed record StepLink
{
    public int Link { get; init; }

    public static JsonRecord<StepLink> Document { get; } = new JsonRecord<StepLink>(new StepLink())
        .Field("link", Int, static l => l.Link, static (l, v) => l with { Link = v });
}

/// <summary>What a step gave.</summary>
internal sealed record StepResult
{
    public int Layer { get; init; }

    public string? Created { get; init; }

    public static JsonRecord<StepResult> Document { get; } = new JsonRecord<StepResult>(new StepResult())
        .Field("layer", Int, static r => r.Layer, static (r, v) => r with { Layer = v })
        .Optional("createdAt", Text, static r => r.Created, static (r, v) => r with { Created = v });
}
