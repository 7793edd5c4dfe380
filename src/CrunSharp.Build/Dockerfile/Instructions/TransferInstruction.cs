namespace CrunSharp.Build.Dockerfile.Instructions;

/// <summary>What COPY and ADD have in common.</summary>
public abstract record TransferInstruction : Instruction
{
    /// <summary>The sources that are no heredocs, as written.</summary>
    public required IReadOnlyList<string> Sources { get; init; }

    /// <summary>The sources that are heredocs: files of their own.</summary>
    public required IReadOnlyList<Heredoc> Heredocs { get; init; }

    /// <summary>Where they go.</summary>
    public required string Destination { get; init; }

    /// <summary>The value of <c>--chown</c>.</summary>
    public string? Owner { get; init; }

    /// <summary>The value of <c>--chmod</c>.</summary>
    public string? Mode { get; init; }

    /// <summary>Whether <c>--link</c> was given.</summary>
    public bool Link { get; init; }

    /// <summary>The values of <c>--exclude</c>.</summary>
    public IReadOnlyList<string> Exclude { get; init; } = [];

    /// <summary>The bodies of <see cref="Heredocs"/> after variables were replaced.</summary>
    internal IReadOnlyList<string> Bodies { get; init; } = [];

    /// <inheritdoc/>
    internal override Instruction Expand(WordExpander expand) => this with
    {
        Owner = Owner is null ? null : expand.Word(Owner),
        Mode = Mode is null ? null : expand.Word(Mode),
        Sources = Expand(Sources, expand),
        Destination = expand.Word(Destination),
        Exclude = Expand(Exclude, expand),
        Bodies = [.. Heredocs.Select(h => h.Expand ? expand.Heredoc(h.Content) : h.Content)],
    };
}
