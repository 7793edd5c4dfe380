using CrunSharp.Oci;
using CrunSharp.Storage;

namespace CrunSharp.Build.Outputs;

/// <summary>What becomes of the result of a build.</summary>
public enum OutputType
{
    /// <summary>An image in the store, a registry, or both.</summary>
    Image,

    /// <summary>An archive for <c>docker load</c>; without a destination the store.</summary>
    Docker,

    /// <summary>An OCI image layout, as a tar or a directory.</summary>
    Oci,

    /// <summary>The files, in a directory.</summary>
    Local,

    /// <summary>The files, in a tar.</summary>
    Tar,

    /// <summary>Nothing but the build cache.</summary>
    CacheOnly,
}

/// <summary>How layers are compressed.</summary>
/// <param name="Kind">gzip or zstd, or not at all; null for the usual kind of the output.</param>
/// <param name="Level">The level; null for the usual one.</param>
/// <param name="IsForced">Whether layers that are compressed in another way already are compressed again.</param>
public sealed record OutputCompression(CompressionKind? Kind = null, int? Level = null, bool IsForced = false);

/// <summary>One output of a build: an <c>--output</c>.</summary>
/// <seealso href="https://docs.docker.com/reference/cli/docker/buildx/build/#output"/>
public sealed record OutputSpec
{
    /// <summary>Standard output as a destination.</summary>
    public const string StandardOutput = "-";

    /// <summary>What it is.</summary>
    public required OutputType Type { get; init; }

    /// <summary>The file or directory, or <see cref="StandardOutput"/>; null for the store.</summary>
    public string? Destination { get; init; }

    /// <summary>Names for the image; those of the build are added.</summary>
    public IReadOnlyList<ImageReference> Names { get; init; } = [];

    /// <summary>Whether the image goes to the registries that its names say.</summary>
    public bool Push { get; init; }

    /// <summary>Whether it gets no tag there: it is known by its digest only.</summary>
    public bool PushByDigest { get; init; }

    /// <summary>Whether the registry must have TLS and a certificate that can be checked.</summary>
    public bool VerifyTls { get; init; } = true;

    /// <summary>Whether the store keeps the image.</summary>
    public bool Store { get; init; } = true;

    /// <summary>How layers are compressed.</summary>
    public OutputCompression Compression { get; init; } = new();

    /// <summary>Whether documents and layers have OCI's media types; false for Docker's.</summary>
    public bool HasOciTypes { get; init; } = true;

    /// <summary>Whether files of new layers get no time after SOURCE_DATE_EPOCH.</summary>
    public bool RewriteTimestamp { get; init; }

    /// <summary>Whether a layout is a tar; false for a directory.</summary>
    public bool IsTar { get; init; } = true;

    /// <summary>Whether each platform's files get a directory of their own; null for when there are several.</summary>
    public bool? PlatformSplit { get; init; }

    /// <summary>Whether a directory is made equal: what else is in it is removed.</summary>
    public bool RemovesOthers { get; init; }

    /// <summary>Notes for its documents.</summary>
    public IReadOnlyList<Annotation> Annotations { get; init; } = [];

    /// <summary>Whether it is, or has, an image: a configuration and layers.</summary>
    public bool HasImage => Type is OutputType.Image or OutputType.Docker or OutputType.Oci;

    /// <summary>Whether the store keeps the image.</summary>
    internal bool IsStored => Type == OutputType.Image ? Store : Type == OutputType.Docker && Destination is null;

    /// <summary>Whether layers leave the store compressed.</summary>
    internal bool HasBlobs => (Type == OutputType.Image && Push) || (HasImage && Destination is not null);

    /// <summary>The form of new layers; null when they are not compressed, or stay here.</summary>
    internal LayerCompression? NewLayers => !HasBlobs || (Compression.Kind ?? UsualKind) is var kind && kind == CompressionKind.None
        ? null : kind == CompressionKind.Gzip && Compression.Level is null ? LayerCompression.Usual : new LayerCompression(kind, Compression.Level);

    /// <summary>Whether layers are written to an archive while they are compressed.</summary>
    internal bool TakesLayersEarly => HasImage && IsTar && Destination is not null and not StandardOutput && NewLayers is not null;

    // What reads a Docker archive mostly unpacks it at once.
    private CompressionKind UsualKind => Type == OutputType.Docker ? CompressionKind.None : CompressionKind.Gzip;
}
