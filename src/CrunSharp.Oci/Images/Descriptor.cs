namespace CrunSharp.Oci.Images;

/// <summary>A reference to content: what it is, its digest and its size.</summary>
/// <seealso href="https://github.com/opencontainers/image-spec/blob/main/descriptor.md"/>
public sealed record Descriptor
{
    /// <summary>The content's media type.</summary>
    public required string MediaType { get; init; }

    /// <summary>The content's digest.</summary>
    public required Digest Digest { get; init; }

    /// <summary>The content's size.</summary>
    /// <value>Bytes, 0 or more.</value>
    public required long Size { get; init; }

    /// <summary>Where else the content may be had; never followed.</summary>
    public IReadOnlyList<string>? Urls { get; init; }

    /// <summary>Notes about the content.</summary>
    public IReadOnlyDictionary<string, string>? Annotations { get; init; }

    /// <summary>The platform that the content is for, in an index.</summary>
    public Platform? Platform { get; init; }

    /// <summary>The type of what a manifest is for, where it is no image.</summary>
    public string? ArtifactType { get; init; }
}

/// <summary>An operating system and processor.</summary>
/// <seealso href="https://github.com/opencontainers/image-spec/blob/main/image-index.md"/>
public sealed record Platform
{
    /// <summary>The processor, in Go's words: <c>amd64</c>, <c>arm64</c>, …</summary>
    public required string Architecture { get; init; }

    /// <summary>The operating system, in Go's words: <c>linux</c>.</summary>
    public required string Os { get; init; }

    /// <summary>The processor's variant, such as <c>v7</c>.</summary>
    public string? Variant { get; init; }

    /// <summary>The version of the operating system (Windows).</summary>
    public string? OsVersion { get; init; }

    /// <summary>Features of the operating system (Windows).</summary>
    public IReadOnlyList<string>? OsFeatures { get; init; }

    /// <summary>This host's platform.</summary>
    public static Platform Host { get; } = new()
    {
        Os = "linux",
        Architecture = System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture switch
        {
            System.Runtime.InteropServices.Architecture.X64 => "amd64",
            System.Runtime.InteropServices.Architecture.Arm64 => "arm64",
            var other => other.ToString().ToLowerInvariant(),
        },
    };

    /// <summary><c>os/architecture[/variant]</c>.</summary>
    public override string ToString() => Variant is null ? $"{Os}/{Architecture}" : $"{Os}/{Architecture}/{Variant}";
}
