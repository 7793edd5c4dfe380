using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using CrunSharp.Build.Graph;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;

namespace CrunSharp.Build.Outputs;

/// <summary>How much is told of how an image was made.</summary>
/// <param name="IsFull">Whether build arguments, labels, ids of secrets and the Dockerfile are told too.</param>
/// <param name="IsFirstVersion">Whether it is written as SLSA 1; false for 0.2.</param>
public sealed record ProvenanceOptions(bool IsFull, bool IsFirstVersion = true)
{
    /// <summary>Who says so; empty for this program on no host in particular.</summary>
    public string BuilderId { get; init; } = "";
}

/// <summary>A statement about an image, of the in-toto kind.</summary>
/// <param name="PredicateType">What it states.</param>
/// <param name="Content">Its bytes.</param>
internal sealed record Statement(string PredicateType, byte[] Content)
{
    /// <summary>Its media type.</summary>
    public const string MediaType = "application/vnd.in-toto+json";
}

/// <summary>An image that a build took files from.</summary>
/// <param name="Name">The name by which it was found.</param>
/// <param name="Platform">The platform.</param>
/// <param name="Digest">The digest of its manifest; of its configuration where it never had one.</param>
internal sealed record Material(ImageReference Name, Platform Platform, Digest Digest);

/// <summary>Tells how images were made.</summary>
/// <seealso href="https://slsa.dev/spec/v1.0/provenance"/>
internal sealed class Provenance(ProvenanceOptions options, BuildRequest request, byte[] dockerfile, IReadOnlyList<Material> materials,
    DateTimeOffset started, TimeProvider clock)
{
    private const string First = "https://slsa.dev/provenance/v1";
    private const string Before = "https://slsa.dev/provenance/v0.2";
    private const string BuildType = "urn:crun-sharp:build:dockerfile:v1";

    private readonly string _invocation = Guid.NewGuid().ToString("N");

    // With a time that is given everything is the same each time, this too.
    private readonly bool _tellsTime = SourceDateEpoch.Of(request) is null;

    /// <summary>The statement about an image.</summary>
    /// <param name="image">The image.</param>
    /// <param name="manifest">The digest of its manifest.</param>
    /// <param name="names">Its names.</param>
    public Statement StatementOf(BuiltImage image, Digest manifest, IReadOnlyList<ImageReference> names)
    {
        using var content = new MemoryStream();
        using (var json = new Utf8JsonWriter(content, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            json.WriteString("_type", options.IsFirstVersion ? "https://in-toto.io/Statement/v1" : "https://in-toto.io/Statement/v0.1");
            json.WriteString("predicateType", PredicateType);
            json.WriteStartArray("subject");
            foreach (var name in names.Count > 0 ? names.Select(name => PackageOf(name, image.Platform)) : ["_"]) WriteSource(json, "name", name, manifest);
            json.WriteEndArray();
            json.WriteStartObject("predicate");
            if (options.IsFirstVersion) WriteFirst(json);
            else WriteBefore(json, image.Platform);
            json.WriteEndObject();
            json.WriteEndObject();
        }
        return new Statement(PredicateType, content.ToArray());
    }

    private string PredicateType => options.IsFirstVersion ? First : Before;

    private void WriteFirst(Utf8JsonWriter json)
    {
        json.WriteStartObject("buildDefinition");
        json.WriteString("buildType", BuildType);
        json.WriteStartObject("externalParameters");
        WriteDockerfile(json, "path");
        json.WriteStartObject("request");
        WriteRequest(json);
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteStartObject("internalParameters");
        json.WriteString("builderPlatform", Platform.Host.ToString());
        if (options.IsFull) json.WriteBase64String("dockerfile", dockerfile);
        json.WriteEndObject();
        json.WriteStartArray("resolvedDependencies");
        foreach (var material in materials) WriteSource(json, "uri", PackageOf(material.Name, material.Platform), material.Digest);
        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteStartObject("runDetails");
        WriteBuilder(json);
        json.WriteStartObject("metadata");
        WriteRun(json, "invocationId", "startedOn", "finishedOn");
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private void WriteBefore(Utf8JsonWriter json, Platform platform)
    {
        WriteBuilder(json);
        json.WriteString("buildType", BuildType);
        json.WriteStartArray("materials");
        foreach (var material in materials) WriteSource(json, "uri", PackageOf(material.Name, material.Platform), material.Digest);
        json.WriteEndArray();
        json.WriteStartObject("invocation");
        WriteDockerfile(json, "entryPoint");
        json.WriteStartObject("parameters");
        WriteRequest(json);
        json.WriteEndObject();
        json.WriteStartObject("environment");
        json.WriteString("platform", platform.ToString());
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteStartObject("metadata");
        WriteRun(json, "buildInvocationID", "buildStartedOn", "buildFinishedOn");
        json.WriteStartObject("completeness");
        json.WriteBoolean("parameters", options.IsFull);
        json.WriteBoolean("environment", true);
        json.WriteBoolean("materials", false);
        json.WriteEndObject();
        json.WriteBoolean("reproducible", false);
        json.WriteEndObject();
        if (!options.IsFull) return;
        json.WriteStartObject("buildConfig");
        json.WriteBase64String("dockerfile", dockerfile);
        json.WriteEndObject();
    }

    private void WriteBuilder(Utf8JsonWriter json)
    {
        json.WriteStartObject("builder");
        json.WriteString("id", options.BuilderId);
        json.WriteEndObject();
    }

    private void WriteDockerfile(Utf8JsonWriter json, string place)
    {
        json.WriteStartObject("configSource");
        WriteDigest(json, Digest.Of(dockerfile));
        json.WriteString(place, Path.GetFileName(request.DockerfilePath ?? "Dockerfile"));
        json.WriteEndObject();
    }

    // Values of arguments may be secrets, against all advice: they are told only by who asks for all.
    private void WriteRequest(Utf8JsonWriter json)
    {
        json.WriteString("frontend", "dockerfile.v0");
        json.WriteStartObject("args");
        if (request.Target is { } target) json.WriteString("target", target);
        if (options.IsFull)
        {
            foreach (var (name, value) in request.BuildArgs.Where(static argument => !BuildArguments.IsProxy(argument.Key)).OrderBy(static argument => argument.Key, StringComparer.Ordinal)) json.WriteString($"build-arg:{name}", value ?? "");
            foreach (var (name, value) in request.Labels.OrderBy(static label => label.Key, StringComparer.Ordinal)) json.WriteString($"label:{name}", value);
        }
        json.WriteEndObject();
        if (options.IsFull && request.Secrets.Count > 0)
        {
            json.WriteStartArray("secrets");
            foreach (var id in request.Secrets.Keys.Order(StringComparer.Ordinal))
            {
                json.WriteStartObject();
                json.WriteString("id", id);
                json.WriteEndObject();
            }
            json.WriteEndArray();
        }
        json.WriteStartArray("locals");
        foreach (var name in (ReadOnlySpan<string>)["context", "dockerfile"])
        {
            json.WriteStartObject();
            json.WriteString("name", name);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private void WriteRun(Utf8JsonWriter json, string invocation, string start, string end)
    {
        if (!_tellsTime) return;
        json.WriteString(invocation, _invocation);
        json.WriteString(start, SourceDateEpoch.Format(started));
        json.WriteString(end, SourceDateEpoch.Format(clock.GetUtcNow()));
    }

    private static void WriteSource(Utf8JsonWriter json, string key, string name, Digest digest)
    {
        json.WriteStartObject();
        json.WriteString(key, name);
        WriteDigest(json, digest);
        json.WriteEndObject();
    }

    private static void WriteDigest(Utf8JsonWriter json, Digest digest)
    {
        json.WriteStartObject("digest");
        json.WriteString("sha256", digest.Hex);
        json.WriteEndObject();
    }

    // https://github.com/package-url/purl-spec
    private static string PackageOf(ImageReference name, Platform platform) => string.Create(CultureInfo.InvariantCulture,
        $"pkg:docker/{name.FamiliarName}{(name.Tag is { } tag ? $"@{tag}" : "")}?platform={Uri.EscapeDataString(platform.ToString())}");
}
