using System.Text.Json;

namespace CrunSharp.Oci.Images;

/// <summary>An image's configuration: its platform, how to run it, its layers and their history.</summary>
/// <seealso href="https://github.com/opencontainers/image-spec/blob/main/config.md"/>
public sealed record ImageConfig
{
    /// <summary>When the image was made, RFC 3339.</summary>
    public string? Created { get; init; }

    /// <summary>Who made it.</summary>
    public string? Author { get; init; }

    /// <summary>The processor, in Go's words.</summary>
    public required string Architecture { get; init; }

    /// <summary>The processor's variant.</summary>
    public string? Variant { get; init; }

    /// <summary>The operating system, in Go's words.</summary>
    public required string Os { get; init; }

    /// <summary>How to run it.</summary>
    public ContainerConfig? Config { get; init; }

    /// <summary>The layers by the digests of their uncompressed tars, from the base up.</summary>
    public required RootFs Rootfs { get; init; }

    /// <summary>What made each layer, from the base up.</summary>
    public IReadOnlyList<HistoryEntry>? History { get; init; }

    /// <summary>What this version of the program does not know, kept as it came.</summary>
    public Dictionary<string, JsonElement>? Unknown { get; set; }
}

/// <summary>The layers of an image.</summary>
public sealed record RootFs
{
    /// <summary>Always <c>layers</c>.</summary>
    public string Type { get; init; } = "layers";

    /// <summary>The digests of the layers' uncompressed tars, from the base up.</summary>
    public required IReadOnlyList<Digest> DiffIds { get; init; }
}

/// <summary>What made a layer, or changed the configuration.</summary>
public sealed record HistoryEntry
{
    /// <summary>When, RFC 3339.</summary>
    public string? Created { get; init; }

    /// <summary>Who.</summary>
    public string? Author { get; init; }

    /// <summary>The instruction.</summary>
    public string? CreatedBy { get; init; }

    /// <summary>A note.</summary>
    public string? Comment { get; init; }

    /// <summary>Whether it made no layer.</summary>
    public bool? EmptyLayer { get; init; }
}

/// <summary>How to run an image; the names are Docker's, which OCI took over.</summary>
public sealed record ContainerConfig
{
    /// <summary><c>user[:group]</c>, names or numbers.</summary>
    public string? User { get; init; }

    /// <summary>Ports that the program listens on: <c>80/tcp</c>.</summary>
    public IReadOnlyDictionary<string, EmptyObject>? ExposedPorts { get; init; }

    /// <summary>The environment, <c>NAME=value</c>.</summary>
    public IReadOnlyList<string>? Env { get; init; }

    /// <summary>What runs; <see cref="Cmd"/> is appended.</summary>
    public IReadOnlyList<string>? Entrypoint { get; init; }

    /// <summary>The default command, or arguments to <see cref="Entrypoint"/>.</summary>
    public IReadOnlyList<string>? Cmd { get; init; }

    /// <summary>How to tell whether the program is healthy.</summary>
    public HealthConfig? Healthcheck { get; init; }

    /// <summary>Whether the arguments are escaped (Windows; BuildKit sets it).</summary>
    public bool? ArgsEscaped { get; init; }

    /// <summary>Paths that are volumes.</summary>
    public IReadOnlyDictionary<string, EmptyObject>? Volumes { get; init; }

    /// <summary>Where the program starts.</summary>
    public string? WorkingDir { get; init; }

    /// <summary>Labels.</summary>
    public IReadOnlyDictionary<string, string>? Labels { get; init; }

    /// <summary>The signal that asks the program to end.</summary>
    public string? StopSignal { get; init; }

    /// <summary>How long to wait after it.</summary>
    /// <value>Seconds.</value>
    public int? StopTimeout { get; init; }

    /// <summary>Instructions that run in a build that starts from this image.</summary>
    public IReadOnlyList<string>? OnBuild { get; init; }

    /// <summary>The shell of the shell form.</summary>
    public IReadOnlyList<string>? Shell { get; init; }

    /// <summary>What this version of the program does not know, kept as it came.</summary>
    public Dictionary<string, JsonElement>? Unknown { get; set; }
}

/// <summary>How to tell whether a program is healthy. Durations are nanoseconds; 0 inherits the default.</summary>
public sealed record HealthConfig
{
    /// <summary><c>NONE</c>, <c>CMD</c> and arguments, or <c>CMD-SHELL</c> and a line.</summary>
    public IReadOnlyList<string>? Test { get; init; }

    /// <summary>Between checks.</summary>
    /// <value>Nanoseconds.</value>
    public long? Interval { get; init; }

    /// <summary>How long a check may take.</summary>
    /// <value>Nanoseconds.</value>
    public long? Timeout { get; init; }

    /// <summary>How long failures do not count after the start.</summary>
    /// <value>Nanoseconds.</value>
    public long? StartPeriod { get; init; }

    /// <summary>Between checks during the start.</summary>
    /// <value>Nanoseconds.</value>
    public long? StartInterval { get; init; }

    /// <summary>How many failures in a row make it unhealthy.</summary>
    public int? Retries { get; init; }
}

/// <summary>JSON's <c>{}</c>, Go's way of writing a set.</summary>
public sealed record EmptyObject;
