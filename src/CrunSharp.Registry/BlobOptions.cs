namespace CrunSharp.Registry;

/// <summary>How a blob is read.</summary>
public sealed record BlobOptions
{
    /// <summary>The first byte that is wanted: what an earlier attempt has already.</summary>
    /// <value>0 by default; more only together with <see cref="LeavesDigestToReader"/>, as the stream does not see what came before.</value>
    public long From { get; init; }

    /// <summary>Whether the reader makes the digest and compares it, so that it is not made twice. The length is checked all the same.</summary>
    public bool LeavesDigestToReader { get; init; }

    /// <summary>Whether mirrors are passed over: after one of them had wrong bytes.</summary>
    public bool SkipsMirrors { get; init; }

    /// <summary>Gets the number of bytes that have just arrived.</summary>
    public Action<int>? Progress { get; init; }
}

/// <summary>How a blob is written.</summary>
public sealed record PushOptions
{
    /// <summary>Paths of repositories of the same registry that may have the blob: it is mounted from the first that does.</summary>
    public IReadOnlyList<string> MountFrom { get; init; } = [];

    /// <summary>Whether the blob is known not to be there, and the registry is not asked.</summary>
    public bool IsKnownToBeMissing { get; init; }

    /// <summary>Gets the number of bytes that have just been sent; a negative one when they have to be sent again.</summary>
    public Action<long>? Progress { get; init; }
}

/// <summary>How a blob came to be in a repository.</summary>
public enum PushOutcome
{
    /// <summary>It was sent.</summary>
    Pushed,

    /// <summary>It was there.</summary>
    AlreadyExists,

    /// <summary>It was in another repository, and is in this one now too.</summary>
    Mounted,
}

/// <summary>What became of a push of a blob.</summary>
/// <param name="Outcome">How it came to be there.</param>
/// <param name="From">The repository that it was mounted from.</param>
public readonly record struct PushResult(PushOutcome Outcome, string? From = null);
