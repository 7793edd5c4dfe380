using CrunSharp.Oci;

namespace CrunSharp.Storage;

/// <summary>What a finding is about.</summary>
public enum FindingKind
{
    /// <summary>Content of the content store.</summary>
    Blob,

    /// <summary>A layer.</summary>
    Layer,

    /// <summary>An image.</summary>
    Image,

    /// <summary>A name of an image.</summary>
    Name,

    /// <summary>A container, which nothing but its removal can help.</summary>
    Container,

    /// <summary>What a process that was killed, or a hand, left in the store.</summary>
    Leftover,

    /// <summary>Layers and content that nothing refers to.</summary>
    Unused,
}

/// <summary>Something that is not as it should be.</summary>
/// <param name="Kind">What it is about.</param>
/// <param name="Name">Which one: a digest, a name, a path in the store.</param>
/// <param name="Problem">What is wrong, in a few words.</param>
public sealed record Finding(FindingKind Kind, string Name, string Problem)
{
    /// <summary>What was done about it, or why nothing was; null when nothing was tried.</summary>
    public string? Repair { get; init; }

    /// <summary>Whether it is right now, or gone.</summary>
    public bool IsMended { get; init; }
}

/// <summary>Who uses a layer besides images.</summary>
/// <param name="DiffId">The layer.</param>
/// <param name="User">Who, for messages: <c>container web</c>.</param>
/// <param name="IsNeeded">Whether its user is of no use without it, as a container is; a build cache only has to do a step again.</param>
/// <param name="IsRunning">Whether it is mounted, so that nothing in it may change.</param>
public sealed record LayerUse(Digest DiffId, string User, bool IsNeeded, bool IsRunning);

/// <summary>How a store is checked.</summary>
public sealed record CheckOptions
{
    /// <summary>Whether only records and sizes are looked at, and no content is read.</summary>
    public bool Quick { get; init; }

    /// <summary>Whether what is found is mended.</summary>
    public bool Repair { get; init; }

    /// <summary>Says who uses layers besides images; asked several times, as it may change meanwhile.</summary>
    public Func<IReadOnlyList<LayerUse>> Uses { get; init; } = static () => [];

    /// <summary>Told how many bytes of how many were read, now and then, from any thread, but one at a time.</summary>
    public Action<long, long>? Progress { get; init; }
}

/// <summary>What a check found.</summary>
/// <param name="Findings">What is not as it should be.</param>
/// <param name="Images">How many images there are.</param>
/// <param name="Names">How many names of images.</param>
/// <param name="Layers">How many layers.</param>
/// <param name="Contents">How many files of content.</param>
/// <param name="Bytes">How many bytes were read.</param>
public sealed record CheckReport(IReadOnlyList<Finding> Findings, int Images, int Names, int Layers, int Contents, long Bytes);
