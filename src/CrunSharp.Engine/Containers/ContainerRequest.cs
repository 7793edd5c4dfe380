using CrunSharp.Oci;
using CrunSharp.Oci.Images;
using CrunSharp.Storage;

namespace CrunSharp.Engine.Containers;

/// <summary>A container that somebody asks for; what is null comes from the image.</summary>
public sealed record ContainerRequest
{
    /// <summary>The image.</summary>
    public required string Image { get; init; }

    /// <summary>The name; null for a made-up one.</summary>
    public string? Name { get; init; }

    /// <summary>The words after the image; empty for the image's.</summary>
    public IReadOnlyList<string> Command { get; init; } = [];

    /// <summary>Replaces the image's ENTRYPOINT; the empty string takes it away.</summary>
    public string? Entrypoint { get; init; }

    /// <summary>Variables: a null value takes away what the image sets.</summary>
    public IReadOnlyList<KeyValuePair<string, string?>> Environment { get; init; } = [];

    /// <summary>Where the program starts.</summary>
    public string? WorkingDir { get; init; }

    /// <summary><c>user[:group]</c>.</summary>
    public string? User { get; init; }

    /// <summary>The host name; null for the first 12 digits of the id.</summary>
    public string? Hostname { get; init; }

    /// <summary>Whether the program has a terminal.</summary>
    public bool Tty { get; init; }

    /// <summary>Whether its standard input is kept open.</summary>
    public bool OpenStdin { get; init; }

    /// <summary>Whether it is started attached.</summary>
    public bool Attached { get; init; }

    /// <summary>Labels beside the image's.</summary>
    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();

    /// <summary>The signal that asks the program to end.</summary>
    public string? StopSignal { get; init; }

    /// <summary>Seconds to wait after it.</summary>
    public int? StopTimeout { get; init; }

    /// <summary>Ports to declare beside the image's.</summary>
    public IReadOnlyList<string> ExposedPorts { get; init; } = [];

    /// <summary>Whether all declared ports are published on free ports of the host.</summary>
    public bool PublishAll { get; init; }

    /// <summary>What it gets of the host. Sources of bind mounts are absolute.</summary>
    public HostOptions Host { get; init; } = new();

    /// <summary>The platform that the image shall be for.</summary>
    /// <value>Null for whatever is there.</value>
    public Platform? Platform { get; init; }

    /// <summary>Brings an image that is not there, or not for the platform, into the store under its name, or throws; null when that is an error.</summary>
    public Action<Store, ImageReference>? Fetch { get; init; }

    /// <summary>How much each layer that is fetched may unpack to; null for the usual.</summary>
    public LayerLimits? FetchLimits { get; init; }

    /// <summary>Whether the image is fetched even if it is there: a newer one may be.</summary>
    public bool AlwaysFetch { get; init; }

    /// <summary>Hears what is strange, but no error.</summary>
    public Action<string>? Warn { get; init; }

    /// <summary>Bind sources that are made when they are missing (<c>-v</c> does, <c>--mount</c> does not).</summary>
    public IReadOnlySet<string> SourcesToMake { get; init; } = new HashSet<string>();
}
