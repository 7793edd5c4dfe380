using CrunSharp.Oci.Json;
using static CrunSharp.Oci.Json.JsonKind;

namespace CrunSharp.Build.History;

/// <summary>What is remembered of a build that has ended.</summary>
public sealed record BuildRecord
{
    /// <summary>The status of a build that succeeded.</summary>
    public const string Completed = "Completed";

    /// <summary>The status of a build that failed.</summary>
    public const string Failed = "Error";

    /// <summary>The status of a build that was interrupted.</summary>
    public const string Canceled = "Canceled";

    /// <summary>Its id: 25 letters and digits.</summary>
    public string Id { get; init; } = "";

    /// <summary>What people call it: the context's name, with the Dockerfile and the stage where they are not the usual ones.</summary>
    public string Name { get; init; } = "";

    /// <summary>How it ended.</summary>
    public string Status { get; init; } = Completed;

    /// <summary>Why it failed; null if it did not.</summary>
    public string? Error { get; init; }

    /// <summary>When it began, in milliseconds since 1970.</summary>
    public long Started { get; init; }

    /// <summary>How long it took, in milliseconds.</summary>
    public long Duration { get; init; }

    /// <summary>How many steps were begun, or found.</summary>
    public int Steps { get; init; }

    /// <summary>How many of them came to their end.</summary>
    public int Done { get; init; }

    /// <summary>How many of them were found in the cache.</summary>
    public int Cached { get; init; }

    /// <summary>The context: a directory, an address, or <c>-</c>.</summary>
    public string Context { get; init; } = "";

    /// <summary>The Dockerfile as it was asked for; null for the usual one.</summary>
    public string? Dockerfile { get; init; }

    /// <summary>The stage that was asked for; null for the last.</summary>
    public string? Target { get; init; }

    /// <summary>The platforms that were asked for.</summary>
    public IReadOnlyList<string> Platforms { get; init; } = [];

    /// <summary>The image's names.</summary>
    public IReadOnlyList<string> Tags { get; init; } = [];

    /// <summary>The image's id; null when there is none.</summary>
    public string? Image { get; init; }

    /// <summary>The build arguments, without the values of what sounds like a secret.</summary>
    public IReadOnlyDictionary<string, string> Arguments { get; init; } = new Dictionary<string, string>();

    /// <summary>Other options, <c>name=value</c>; of secrets their ids.</summary>
    public IReadOnlyList<string> Options { get; init; } = [];

    /// <summary>How many bytes of log there are, before they were compressed and became lines.</summary>
    public long LogSize { get; init; }

    /// <summary>How the log is kept; null for not in a way that can be read.</summary>
    public string? LogCoding { get; init; }

    internal static JsonRecord<BuildRecord> Document { get; } = new JsonRecord<BuildRecord>(new BuildRecord())
        .Required("name", Text, static r => r.Name, static (r, v) => r with { Name = v })
        .Required("status", Text, static r => r.Status, static (r, v) => r with { Status = v })
        .Optional("error", Text, static r => r.Error, static (r, v) => r with { Error = v })
        .Required("started", Long, static r => r.Started, static (r, v) => r with { Started = v })
        .Required("duration", Long, static r => r.Duration, static (r, v) => r with { Duration = v })
        .Required("steps", Int, static r => r.Steps, static (r, v) => r with { Steps = v })
        .Required("done", Int, static r => r.Done, static (r, v) => r with { Done = v })
        .Required("cached", Int, static r => r.Cached, static (r, v) => r with { Cached = v })
        .Required("context", Text, static r => r.Context, static (r, v) => r with { Context = v })
        .Optional("dockerfile", Text, static r => r.Dockerfile, static (r, v) => r with { Dockerfile = v })
        .Optional("target", Text, static r => r.Target, static (r, v) => r with { Target = v })
        .Required("platforms", Texts, static r => r.Platforms, static (r, v) => r with { Platforms = v })
        .Required("tags", Texts, static r => r.Tags, static (r, v) => r with { Tags = v })
        .Optional("image", Text, static r => r.Image, static (r, v) => r with { Image = v })
        .Required("arguments", TextMap, static r => r.Arguments, static (r, v) => r with { Arguments = v })
        .Required("options", Texts, static r => r.Options, static (r, v) => r with { Options = v })
        .Required("logSize", Long, static r => r.LogSize, static (r, v) => r with { LogSize = v })
        .Optional("logCoding", Text, static r => r.LogCoding, static (r, v) => r with { LogCoding = v });
}
