using CrunSharp.Build.Cache.Transfers;
using CrunSharp.Build.Outputs;
using CrunSharp.Build.Steps;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;
using CrunSharp.Registry;
using CrunSharp.Storage;

namespace CrunSharp.Build;

/// <summary>What to build.</summary>
public sealed record BuildRequest
{
    /// <summary>The directory that COPY and ADD take files from; null when there is none.</summary>
    public string? ContextDirectory { get; init; }

    /// <summary>The Dockerfile's path; null for <c>Dockerfile</c>, <c>dockerfile</c> or <c>Containerfile</c> in the context.</summary>
    public string? DockerfilePath { get; init; }

    /// <summary>The Dockerfile's bytes, where it came through a pipe; they win over <see cref="DockerfilePath"/>.</summary>
    public ReadOnlyMemory<byte>? DockerfileContent { get; init; }

    /// <summary>
    /// What comes through a pipe in place of a context's directory: a Dockerfile, or a tar, compressed or not, whose
    /// Dockerfile <see cref="DockerfilePath"/> names within it. It is read to its end and closed.
    /// </summary>
    public Stream? PipedContext { get; init; }

    /// <summary>The address of a context that has to be fetched: a git repository, or a tar or Dockerfile by HTTP; null for none.</summary>
    public string? RemoteContext { get; init; }

    /// <summary>The most bytes that a context, a download or a git checkout may have.</summary>
    /// <value>64 GiB by default.</value>
    public long MostFetchedBytes { get; init; } = 64L << 30;

    /// <summary>Where the context came from, if <see cref="ContextDirectory"/> is only for the time of the build.</summary>
    internal string? FetchedAs { get; init; }

    /// <summary>Values of variables; null takes the value of this process's environment.</summary>
    public IReadOnlyDictionary<string, string?> BuildArgs { get; init; } = new Dictionary<string, string?>();

    /// <summary>The stage whose image is wanted, by name or index; null for the last.</summary>
    public string? Target { get; init; }

    /// <summary>
    /// Is called when a command of RUN has failed and was reported, while its files and mounts are still there, before the
    /// build ends; null for nothing.
    /// </summary>
    public Func<StepSpec, Task>? OnFailure { get; init; }

    /// <summary>Whether it is told of each step that is done why it was not found in the cache.</summary>
    public bool Explain { get; init; }

    /// <summary>Whether every step is done, also if its result is known.</summary>
    public bool NoCache { get; init; }

    /// <summary>How long after a step was done its result is still taken; null for always.</summary>
    public TimeSpan? CacheTtl { get; init; }

    /// <summary>How many steps may be done at once; null for as many as there are processors, but at least four.</summary>
    public int? MostAtOnce { get; init; }

    /// <summary>The platforms to build for; none for this host's.</summary>
    public IReadOnlyList<Platform> Platforms { get; init; } = [];

    /// <summary>What becomes of the result.</summary>
    public OutputRequest Output { get; init; } = new();

    /// <summary>Names for the image.</summary>
    public IReadOnlyList<ImageReference> Tags { get; init; } = [];

    /// <summary>Labels for the image besides those of LABEL.</summary>
    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();

    /// <summary>The network of RUN, unless it says another one.</summary>
    public StepNetwork Network { get; init; }

    /// <summary>What RUN gets of the host.</summary>
    public StepHost Host { get; init; } = new();

    /// <summary>Named contexts, by name, as <see cref="Build.Contexts.ContextAddress.OfNamed"/> reads them. They win over stages and images.</summary>
    public IReadOnlyDictionary<string, string> Contexts { get; init; } = new Dictionary<string, string>();

    /// <summary>Caches that steps are taken from which are not known here.</summary>
    public IReadOnlyList<CacheAddress> CacheFrom { get; init; } = [];

    /// <summary>Where the results of steps are written.</summary>
    public IReadOnlyList<CacheAddress> CacheTo { get; init; } = [];

    /// <summary>Opens a registry by its host, for caches; null for one without settings and credentials.</summary>
    public Func<string, RegistryClient>? OpenRegistry { get; init; }

    /// <summary>Secrets by id, read when a RUN needs them.</summary>
    public IReadOnlyDictionary<string, Func<byte[]>> Secrets { get; init; } = new Dictionary<string, Func<byte[]>>();

    /// <summary>The sockets of SSH agents by id, for <c>RUN --mount=type=ssh</c>.</summary>
    public IReadOnlyDictionary<string, string> Agents { get; init; } = new Dictionary<string, string>();

    /// <summary>What a Dockerfile may ask for beyond the usual: <c>network.host</c>, <c>security.insecure</c>.</summary>
    public IReadOnlySet<string> Allowed { get; init; } = new HashSet<string>();

    /// <summary>Further lines of <c>/etc/hosts</c> of RUN, <c>name:address</c>.</summary>
    public IReadOnlyList<string> ExtraHosts { get; init; } = [];

    /// <summary>Limits of the processes of RUN, <c>name=soft[:hard]</c>.</summary>
    public IReadOnlyList<string> Ulimits { get; init; } = [];

    /// <summary>The size of <c>/dev/shm</c> of RUN in bytes; null for the usual one.</summary>
    public long? ShmSize { get; init; }

    /// <summary>Stages whose steps are done also if their result is known, by name.</summary>
    public IReadOnlySet<string> NoCacheStages { get; init; } = new HashSet<string>();

    /// <summary>
    /// Brings an image into the store, or throws; null when images that are not there are an error. With a platform it is the
    /// image for that one; else it is this host's, and gets its name.
    /// </summary>
    /// <remarks>It is not called while a step runs, so that it may show by itself how it goes on.</remarks>
    public Func<ImageReference, Platform?, CancellationToken, Task<Image>>? Pull { get; init; }

    /// <summary>Whether images are brought also if they are there: there may be newer ones.</summary>
    public bool AlwaysPull { get; init; }
}

/// <summary>What was built.</summary>
/// <param name="ImageId">The image's id: the digest of its configuration; of the index where there are several platforms.</param>
/// <param name="Steps">How many steps made or could have made a layer.</param>
/// <param name="Cached">How many of them were not done, as their result was known.</param>
public sealed record BuildResult(Digest ImageId, int Steps, int Cached)
{
    /// <summary>Whether an output has the image, and not only its files.</summary>
    public bool HasImage { get; init; }

    /// <summary>The digest of the configuration; null when there are several platforms.</summary>
    public Digest? Config { get; init; }

    /// <summary>The manifest or index that went out, or was kept; null when there is none.</summary>
    public Descriptor? Manifest { get; init; }

    /// <summary>The image's names.</summary>
    public IReadOnlyList<ImageReference> Names { get; init; } = [];
}
