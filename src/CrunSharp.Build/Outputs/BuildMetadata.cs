using System.Text.Encodings.Web;
using System.Text.Json;
using CrunSharp.Oci.Images;

namespace CrunSharp.Build.Outputs;

/// <summary>What <c>--metadata-file</c> tells of a result, in the words of buildx.</summary>
/// <seealso href="https://docs.docker.com/reference/cli/docker/buildx/build/#metadata-file"/>
public static class BuildMetadata
{
    /// <summary>The document.</summary>
    /// <param name="result">The result.</param>
    public static byte[] Format(BuildResult result)
    {
        using var content = new MemoryStream();
        using (var json = new Utf8JsonWriter(content, new JsonWriterOptions { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            if (result.Config is { } config) json.WriteString("containerimage.config.digest", config.ToString());
            if (result.Manifest is { } manifest)
            {
                json.WritePropertyName("containerimage.descriptor");
                Write(json, manifest);
            }
            // An image that has only been kept is known by its configuration.
            if (result.HasImage) json.WriteString("containerimage.digest", (result.Manifest?.Digest ?? result.ImageId).ToString());
            if (result.Names.Count > 0) json.WriteString("image.name", string.Join(',', result.Names));
            json.WriteEndObject();
        }
        return content.ToArray();
    }

    private static void Write(Utf8JsonWriter json, Descriptor descriptor)
    {
        json.WriteStartObject();
        json.WriteString("mediaType", descriptor.MediaType);
        json.WriteString("digest", descriptor.Digest.ToString());
        json.WriteNumber("size", descriptor.Size);
        if (descriptor.Annotations is { Count: > 0 } annotations)
        {
            json.WriteStartObject("annotations");
            foreach (var (key, value) in annotations) json.WriteString(key, value);
            json.WriteEndObject();
        }
        if (descriptor.Platform is { } platform)
        {
            json.WriteStartObject("platform");
            json.WriteString("architecture", platform.Architecture);
            json.WriteString("os", platform.Os);
            if (platform.Variant is { } variant) json.WriteString("variant", variant);
            json.WriteEndObject();
        }
        json.WriteEndObject();
    }
}
