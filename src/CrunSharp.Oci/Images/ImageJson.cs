using System.Text.Encodings.Web;
using CrunSharp.Oci.Json;
using static CrunSharp.Oci.Json.JsonKind;

namespace CrunSharp.Oci.Images;

/// <summary>Reads and writes image documents.</summary>
public static class ImageJson
{
    /// <summary>Writes a manifest.</summary>
    public static byte[] Write(ImageManifest manifest) => ImageDocuments.Manifest.Format(manifest, JavaScriptEncoder.UnsafeRelaxedJsonEscaping);

    /// <summary>Writes an index.</summary>
    public static byte[] Write(ImageIndex index) => ImageDocuments.Index.Format(index, JavaScriptEncoder.UnsafeRelaxedJsonEscaping);

    /// <summary>Writes a configuration.</summary>
    public static byte[] Write(ImageConfig config) => ImageDocuments.Config.Format(config, JavaScriptEncoder.UnsafeRelaxedJsonEscaping);

    /// <summary>Reads a manifest.</summary>
    /// <exception cref="CrunException">The bytes are no manifest; the text gives the position.</exception>
    public static ImageManifest ReadManifest(ReadOnlySpan<byte> json) => ImageDocuments.Manifest.Parse(json, "image manifest");

    /// <summary>Reads an index.</summary>
    /// <exception cref="CrunException">The bytes are no index; the text gives the position.</exception>
    public static ImageIndex ReadIndex(ReadOnlySpan<byte> json) => ImageDocuments.Index.Parse(json, "image index");

    /// <summary>Reads a configuration.</summary>
    /// <exception cref="CrunException">The bytes are no configuration; the text gives the position.</exception>
    public static ImageConfig ReadConfig(ReadOnlySpan<byte> json) => ImageDocuments.Config.Parse(json, "image config");
}

/// <summary>The fields of descriptors and configurations, for documents that have them as parts.</summary>
public static class ImageParts
{
    /// <summary>A digest.</summary>
    public static JsonKind<Digest> Digest { get; } = Word(Oci.Digest.Parse, static digest => digest.ToString());

    /// <summary>A descriptor.</summary>
    public static JsonRecord<Descriptor> Descriptor { get; } =
        new JsonRecord<Descriptor>(new Descriptor { MediaType = "", Digest = default, Size = 0 })
        .Required("mediaType", Text, static d => d.MediaType, static (d, v) => d with { MediaType = v })
        .Required("digest", Digest, static d => d.Digest, static (d, v) => d with { Digest = v })
        .Required("size", Long, static d => d.Size, static (d, v) => d with { Size = v })
        .Optional("urls", Texts, static d => d.Urls, static (d, v) => d with { Urls = v })
        .Optional("annotations", TextMap, static d => d.Annotations, static (d, v) => d with { Annotations = v })
        .Optional("platform", Platform(), static d => d.Platform, static (d, v) => d with { Platform = v })
        .Optional("artifactType", Text, static d => d.ArtifactType, static (d, v) => d with { ArtifactType = v });

    /// <summary>How to tell whether a program is healthy.</summary>
    public static JsonRecord<HealthConfig> Health { get; } = new JsonRecord<HealthConfig>(new HealthConfig())
        .Optional("Test", Texts, static h => h.Test, static (h, v) => h with { Test = v })
        .OptionalValue("Interval", Long, static h => h.Interval, static (h, v) => h with { Interval = v })
        .OptionalValue("Timeout", Long, static h => h.Timeout, static (h, v) => h with { Timeout = v })
        .OptionalValue("StartPeriod", Long, static h => h.StartPeriod, static (h, v) => h with { StartPeriod = v })
        .OptionalValue("StartInterval", Long, static h => h.StartInterval, static (h, v) => h with { StartInterval = v })
        .OptionalValue("Retries", Int, static h => h.Retries, static (h, v) => h with { Retries = v });

    private static JsonRecord<Platform> Platform() =>
        new JsonRecord<Platform>(new Platform { Architecture = "", Os = "" })
        .Required("architecture", Text, static p => p.Architecture, static (p, v) => p with { Architecture = v })
        .Required("os", Text, static p => p.Os, static (p, v) => p with { Os = v })
        .Optional("variant", Text, static p => p.Variant, static (p, v) => p with { Variant = v })
        .Optional("os.version", Text, static p => p.OsVersion, static (p, v) => p with { OsVersion = v })
        .Optional("os.features", Texts, static p => p.OsFeatures, static (p, v) => p with { OsFeatures = v });
}

/// <summary>The fields of image documents.</summary>
internal static class ImageDocuments
{
    private static readonly JsonKind<IReadOnlyDictionary<string, EmptyObject>> Set = Map(new JsonRecord<EmptyObject>(new EmptyObject()));

    private static readonly JsonRecord<RootFs> RootFs = new JsonRecord<RootFs>(new RootFs { DiffIds = [] })
        .Field("type", Text, static r => r.Type, static (r, v) => r with { Type = v })
        .Required("diff_ids", List(ImageParts.Digest), static r => r.DiffIds, static (r, v) => r with { DiffIds = v });

    private static readonly JsonRecord<HistoryEntry> History = new JsonRecord<HistoryEntry>(new HistoryEntry())
        .Optional("created", Text, static h => h.Created, static (h, v) => h with { Created = v })
        .Optional("author", Text, static h => h.Author, static (h, v) => h with { Author = v })
        .Optional("created_by", Text, static h => h.CreatedBy, static (h, v) => h with { CreatedBy = v })
        .Optional("comment", Text, static h => h.Comment, static (h, v) => h with { Comment = v })
        .OptionalValue("empty_layer", Flag, static h => h.EmptyLayer, static (h, v) => h with { EmptyLayer = v });

    private static readonly JsonRecord<ContainerConfig> Container = new JsonRecord<ContainerConfig>(new ContainerConfig())
        .Optional("User", Text, static c => c.User, static (c, v) => c with { User = v })
        .Optional("ExposedPorts", Set, static c => c.ExposedPorts, static (c, v) => c with { ExposedPorts = v })
        .Optional("Env", Texts, static c => c.Env, static (c, v) => c with { Env = v })
        .Optional("Entrypoint", Texts, static c => c.Entrypoint, static (c, v) => c with { Entrypoint = v })
        .Optional("Cmd", Texts, static c => c.Cmd, static (c, v) => c with { Cmd = v })
        .Optional("Healthcheck", ImageParts.Health, static c => c.Healthcheck, static (c, v) => c with { Healthcheck = v })
        .OptionalValue("ArgsEscaped", Flag, static c => c.ArgsEscaped, static (c, v) => c with { ArgsEscaped = v })
        .Optional("Volumes", Set, static c => c.Volumes, static (c, v) => c with { Volumes = v })
        .Optional("WorkingDir", Text, static c => c.WorkingDir, static (c, v) => c with { WorkingDir = v })
        .Optional("Labels", TextMap, static c => c.Labels, static (c, v) => c with { Labels = v })
        .Optional("StopSignal", Text, static c => c.StopSignal, static (c, v) => c with { StopSignal = v })
        .OptionalValue("StopTimeout", Int, static c => c.StopTimeout, static (c, v) => c with { StopTimeout = v })
        .Optional("OnBuild", Texts, static c => c.OnBuild, static (c, v) => c with { OnBuild = v })
        .Optional("Shell", Texts, static c => c.Shell, static (c, v) => c with { Shell = v })
        .Unknown(static c => c.Unknown, static (c, v) => c with { Unknown = v });

    /// <summary>A configuration.</summary>
    public static JsonRecord<ImageConfig> Config { get; } =
        new JsonRecord<ImageConfig>(new ImageConfig { Architecture = "", Os = "", Rootfs = new RootFs { DiffIds = [] } })
        .Optional("created", Text, static c => c.Created, static (c, v) => c with { Created = v })
        .Optional("author", Text, static c => c.Author, static (c, v) => c with { Author = v })
        .Required("architecture", Text, static c => c.Architecture, static (c, v) => c with { Architecture = v })
        .Optional("variant", Text, static c => c.Variant, static (c, v) => c with { Variant = v })
        .Required("os", Text, static c => c.Os, static (c, v) => c with { Os = v })
        .Optional("config", Container, static c => c.Config, static (c, v) => c with { Config = v })
        .Required("rootfs", RootFs, static c => c.Rootfs, static (c, v) => c with { Rootfs = v })
        .Optional("history", List(History), static c => c.History, static (c, v) => c with { History = v })
        .Unknown(static c => c.Unknown, static (c, v) => c with { Unknown = v });

    /// <summary>A manifest.</summary>
    public static JsonRecord<ImageManifest> Manifest { get; } =
        new JsonRecord<ImageManifest>(new ImageManifest { Config = null!, Layers = [] })
        .Field("schemaVersion", Int, static m => m.SchemaVersion, static (m, v) => m with { SchemaVersion = v })
        .Optional("mediaType", Text, static m => m.MediaType, static (m, v) => m with { MediaType = v })
        .Optional("artifactType", Text, static m => m.ArtifactType, static (m, v) => m with { ArtifactType = v })
        .Required("config", ImageParts.Descriptor, static m => m.Config, static (m, v) => m with { Config = v })
        .Required("layers", List(ImageParts.Descriptor), static m => m.Layers, static (m, v) => m with { Layers = v })
        .Optional("subject", ImageParts.Descriptor, static m => m.Subject, static (m, v) => m with { Subject = v })
        .Optional("annotations", TextMap, static m => m.Annotations, static (m, v) => m with { Annotations = v })
        .Unknown(static m => m.Unknown, static (m, v) => m with { Unknown = v });

    /// <summary>An index.</summary>
    public static JsonRecord<ImageIndex> Index { get; } =
        new JsonRecord<ImageIndex>(new ImageIndex { Manifests = [] })
        .Field("schemaVersion", Int, static i => i.SchemaVersion, static (i, v) => i with { SchemaVersion = v })
        .Optional("mediaType", Text, static i => i.MediaType, static (i, v) => i with { MediaType = v })
        .Required("manifests", List(ImageParts.Descriptor), static i => i.Manifests, static (i, v) => i with { Manifests = v })
        .Optional("annotations", TextMap, static i => i.Annotations, static (i, v) => i with { Annotations = v })
        .Unknown(static i => i.Unknown, static (i, v) => i with { Unknown = v });
}
