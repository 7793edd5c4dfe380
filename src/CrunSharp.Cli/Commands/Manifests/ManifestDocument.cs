using System.Buffers;
using System.Text.Json;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;
using CrunSharp.Registry;

namespace CrunSharp.Cli.Commands.Manifests;

/// <summary>An image's manifest with what belongs to it, as <c>manifest inspect --verbose</c> shows it.</summary>
/// <param name="Reference">The name, with a digest where it is an entry of a list.</param>
/// <param name="Manifest">The manifest, as it came.</param>
/// <param name="Platform">The platform that it is for; null when nobody knows.</param>
internal sealed record ManifestDocument(string Reference, Manifest Manifest, Platform? Platform)
{
    private const int MostConfigBytes = 8 * 1024 * 1024;

    /// <summary>Gets a manifest; an index too, with all that it lists, each as a document.</summary>
    /// <param name="repository">The repository.</param>
    /// <param name="name">The name.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public static async Task<(Manifest Manifest, IReadOnlyList<ManifestDocument> Documents)> GetAllAsync(Repository repository, ImageReference name, CancellationToken cancellationToken)
    {
        var manifest = await GetAsync(repository, name, cancellationToken).ConfigureAwait(false);
        if (!manifest.IsIndex) return (manifest, [new ManifestDocument(name.ToString(), manifest, await PlatformOfAsync(repository, manifest, cancellationToken).ConfigureAwait(false))]);
        var documents = new List<ManifestDocument>();
        foreach (var entry in manifest.ReadIndex().Manifests)
        {
            var inner = await repository.Manifests.GetAsync(entry.Digest, cancellationToken).ConfigureAwait(false);
            var reference = name.Digest is null ? $"{name}@{entry.Digest}" : $"{name.Host}/{name.Path}@{entry.Digest}";
            documents.Add(new ManifestDocument(reference, inner, entry.Platform));
        }
        return (manifest, documents);
    }

    /// <summary>Gets what a name stands for.</summary>
    /// <exception cref="CrunException">It is not there.</exception>
    public static async Task<Manifest> GetAsync(Repository repository, ImageReference name, CancellationToken cancellationToken)
    {
        try
        {
            return name.Digest is { } digest
                ? await repository.Manifests.GetAsync(digest, cancellationToken).ConfigureAwait(false)
                : await repository.Manifests.GetAsync(name.Tag!, cancellationToken).ConfigureAwait(false);
        }
        catch (CrunException error) when (error.Kind == ErrorKind.NotFound)
        {
            throw CrunException.NotFound($"no such manifest: {name.Familiar}");
        }
    }

    /// <summary>The platform of an image, as its configuration says; null for what is no image.</summary>
    public static async Task<Platform?> PlatformOfAsync(Repository repository, Manifest manifest, CancellationToken cancellationToken)
    {
        var config = manifest.ReadManifest().Config;
        if (config.MediaType is not (MediaTypes.Config or MediaTypes.DockerConfig)) return null;
        var read = ImageJson.ReadConfig(await repository.Blobs.ReadAsync(config, MostConfigBytes, cancellationToken).ConfigureAwait(false));
        return new Platform { Architecture = read.Architecture, Os = read.Os, Variant = string.IsNullOrEmpty(read.Variant) ? null : read.Variant };
    }

    /// <summary>Several documents as one: an array for a list, else the only one itself.</summary>
    public static byte[] Format(IReadOnlyList<ManifestDocument> documents, bool isList)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            if (isList) writer.WriteStartArray();
            foreach (var document in documents) document.Write(writer);
            if (isList) writer.WriteEndArray();
        }
        return buffer.WrittenSpan.ToArray();
    }

    private void Write(Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        writer.WriteString("Ref", Reference);
        writer.WriteStartObject("Descriptor");
        writer.WriteString("mediaType", Manifest.MediaType);
        writer.WriteString("digest", Manifest.Digest.ToString());
        writer.WriteNumber("size", Manifest.Bytes.Length);
        if (Platform is not null)
        {
            writer.WriteStartObject("platform");
            writer.WriteString("architecture", Platform.Architecture);
            writer.WriteString("os", Platform.Os);
            if (Platform.OsVersion is { } version) writer.WriteString("os.version", version);
            if (Platform.Variant is { } variant) writer.WriteString("variant", variant);
            writer.WriteEndObject();
        }
        writer.WriteEndObject();
        writer.WriteBase64String("Raw", Manifest.Bytes.Span);
        writer.WritePropertyName(Manifest.MediaType == MediaTypes.Manifest ? "OCIManifest" : "SchemaV2Manifest");
        writer.WriteRawValue(Manifest.Bytes.Span);
        writer.WriteEndObject();
    }
}
