namespace CrunSharp.Registry;

/// <summary>What a request wants, for the words of an error.</summary>
internal enum Access
{
    Pull,
    Push,
    Delete,
    Login,
}

/// <summary>A request as it is meant; it may become several on the wire.</summary>
internal sealed record RegistryRequest
{
    public required HttpMethod Method { get; init; }

    /// <summary>A path from the registry's root with its query, or a whole address that the registry gave.</summary>
    public required string Target { get; init; }

    /// <summary>What a token is asked for.</summary>
    public required string[] Scopes { get; init; }

    public Access Access { get; init; }

    /// <summary>The repository as people write it.</summary>
    public string Repository { get; init; } = "";

    /// <summary>What is asked for, for an error that it is not there: <c>manifest for busybox:latest</c>.</summary>
    public string What { get; init; } = "";

    public string? Accept { get; init; }

    /// <summary>The first byte that is wanted of the content, 0 for all.</summary>
    public long From { get; init; }

    /// <summary>The entity tag that the first part had; the server begins anew when it is another now.</summary>
    public string? EntityTag { get; init; }

    /// <summary>Makes the body; called again for each repetition.</summary>
    public Func<Watchdog, HttpContent>? Body { get; init; }

    /// <summary>Whether the body can be made again, and doing it twice is doing it once.</summary>
    public bool CanRepeat { get; init; } = true;

    /// <summary>The most bytes of the answer's body, which is read; 0 to leave it to the caller.</summary>
    public int MostBytes { get; init; }

    /// <summary>Whether contents are sent or received, and not documents.</summary>
    public bool IsTransfer { get; init; }

    /// <summary>
    /// Whether the server is asked before the body is sent: what refuses large bodies (413) closes the connection, and its
    /// answer would be lost.
    /// </summary>
    public bool AsksFirst { get; init; }

    /// <summary>How long the server may think before it answers; null for the time without progress.</summary>
    public TimeSpan? ThinkingTime { get; init; }
}
