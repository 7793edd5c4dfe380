namespace CrunSharp.Engine.Volumes;

/// <summary>A volume: a directory that outlives containers.</summary>
public sealed record VolumeRecord
{
    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>When it was created, RFC 3339.</summary>
    public required string Created { get; init; }

    /// <summary>Whether it was made for one container without a name of its own.</summary>
    public bool IsAnonymous { get; init; }

    /// <summary>Labels.</summary>
    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();
}
