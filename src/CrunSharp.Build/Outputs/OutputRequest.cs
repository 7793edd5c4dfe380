using CrunSharp.Registry;

namespace CrunSharp.Build.Outputs;

/// <summary>What becomes of the result of a build, and what that needs.</summary>
public sealed record OutputRequest
{
    /// <summary>The outputs; none for an image in the store.</summary>
    public IReadOnlyList<OutputSpec> Outputs { get; init; } = [];

    /// <summary>Notes for the documents of all outputs.</summary>
    public IReadOnlyList<Annotation> Annotations { get; init; } = [];

    /// <summary>Whether the new layers become one.</summary>
    public bool Squash { get; init; }

    /// <summary>Whether the base image's layers become part of that one.</summary>
    public bool SquashBase { get; init; }

    /// <summary>What is told of how the image was made; null for nothing.</summary>
    public ProvenanceOptions? Provenance { get; init; }

    /// <summary>Opens standard output; it is closed when all is written.</summary>
    public Func<Stream>? OpenOutput { get; init; }

    /// <summary>Opens a file for an archive, which is there whole afterwards or as it was, and writes it.</summary>
    public Action<string, Action<Stream>>? WriteFile { get; init; }

    /// <summary>Opens a registry by its host, and whether its certificate is checked.</summary>
    public Func<string, bool, RegistryClient>? OpenRegistry { get; init; }
}
