using System.Text.Json;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;

namespace CrunSharp.Registry;

/// <summary>A manifest or an index, as the bytes that came: their digest is its identity.</summary>
public sealed class Manifest
{
    /// <summary>The types that are understood, for <c>Accept</c>.</summary>
    internal const string Accepted = $"{MediaTypes.Manifest}, {MediaTypes.Index}, {MediaTypes.DockerManifest}, {MediaTypes.DockerManifestList}, */*;q=0.1";

    internal Manifest(string mediaType, Digest digest, ReadOnlyMemory<byte> bytes) => (MediaType, Digest, Bytes) = (mediaType, digest, bytes);

    /// <summary>Its media type, one of the four of OCI's and Docker's manifests and indexes.</summary>
    public string MediaType { get; }

    /// <summary>The digest of <see cref="Bytes"/>.</summary>
    public Digest Digest { get; }

    /// <summary>The document, as it came.</summary>
    public ReadOnlyMemory<byte> Bytes { get; }

    /// <summary>Whether it is an index (a manifest list), and not an image's manifest.</summary>
    public bool IsIndex => MediaType is MediaTypes.Index or MediaTypes.DockerManifestList;

    /// <summary>Its descriptor.</summary>
    public Descriptor Descriptor => new() { MediaType = MediaType, Digest = Digest, Size = Bytes.Length };

    /// <summary>Reads it as an image's manifest.</summary>
    /// <exception cref="CrunException">It is malformed.</exception>
    public ImageManifest ReadManifest() => ImageJson.ReadManifest(Bytes.Span);

    /// <summary>Reads it as an index.</summary>
    /// <exception cref="CrunException">It is malformed.</exception>
    public ImageIndex ReadIndex() => ImageJson.ReadIndex(Bytes.Span);

    /// <summary>Finds out what kind of manifest a document is.</summary>
    /// <param name="bytes">The document.</param>
    /// <param name="announced">What the server said that it is; null when it said nothing.</param>
    /// <param name="what">What was asked for, for the error.</param>
    /// <exception cref="CrunException">It is none, contradicts itself or what was said, or is of schema 1.</exception>
    internal static string KindOf(ReadOnlySpan<byte> bytes, string? announced, string what)
    {
        var found = Look(bytes, what);
        if (found.Schema == 1 || (announced ?? "").StartsWith("application/vnd.docker.distribution.manifest.v1", StringComparison.Ordinal))
            throw CrunException.Unsupported($"{what} is of schema version 1, which is not supported any more: push the image again with a newer program");
        // The same bytes must not be an index for one reader and an image for another (CVE-2021-41190).
        if (found.HasManifests && found.HasLayers) throw CrunException.Integrity($"{what} is both an index and an image");
        if (IsKnown(announced) && IsKnown(found.MediaType) && announced != found.MediaType)
            throw CrunException.Integrity($"{what} says that it is {found.MediaType}, but the registry that it is {announced}");
        var type = IsKnown(found.MediaType) ? found.MediaType! : IsKnown(announced) ? announced!
            : found.MediaType is not null ? throw CrunException.Unsupported($"{what} is of a type that is not known: {Words.Clean(found.MediaType)}")
            : found.HasManifests ? MediaTypes.Index
            : found.HasLayers ? MediaTypes.Manifest
            : throw CrunException.Integrity($"{what} is neither an image nor an index");
        var isIndex = type is MediaTypes.Index or MediaTypes.DockerManifestList;
        if (isIndex ? found.HasLayers : found.HasManifests) throw CrunException.Integrity($"{what} is not what its type {type} says");
        return type;
    }

    private static bool IsKnown(string? type) =>
        type is MediaTypes.Manifest or MediaTypes.Index or MediaTypes.DockerManifest or MediaTypes.DockerManifestList;

    private static (int Schema, string? MediaType, bool HasManifests, bool HasLayers) Look(ReadOnlySpan<byte> bytes, string what)
    {
        var found = (Schema: 0, MediaType: (string?)null, HasManifests: false, HasLayers: false);
        var reader = new Utf8JsonReader(bytes);
        try
        {
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject) throw CrunException.Integrity($"{what} is malformed: an object is expected");
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var name = reader.ValueTextEquals("schemaVersion"u8) ? 's' : reader.ValueTextEquals("mediaType"u8) ? 't'
                    : reader.ValueTextEquals("manifests"u8) ? 'm' : reader.ValueTextEquals("layers"u8) || reader.ValueTextEquals("config"u8) ? 'l' : ' ';
                reader.Read();
                if (name == 's' && reader.TokenType == JsonTokenType.Number) reader.TryGetInt32(out found.Schema);
                if (name == 't' && reader.TokenType == JsonTokenType.String) found.MediaType = reader.GetString();
                if (name == 'm') found.HasManifests = true;
                if (name == 'l') found.HasLayers = true;
                reader.Skip();
            }
            reader.Read();
            return found;
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw CrunException.Integrity($"{what} is malformed: {(error is JsonException json ? $"no JSON at line {json.LineNumber + 1}, byte {json.BytePositionInLine + 1}" : "a string is no UTF-8")}", inner: error);
        }
    }
}
