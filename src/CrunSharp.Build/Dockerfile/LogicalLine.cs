namespace CrunSharp.Build.Dockerfile;

/// <summary>One instruction's text: continued lines joined, comments and blank lines between them dropped.</summary>
/// <param name="Text">The text.</param>
/// <param name="Range">Where it is, heredocs included.</param>
/// <param name="Heredocs">The documents that follow it.</param>
internal sealed record LogicalLine(string Text, SourceRange Range, IReadOnlyList<Heredoc> Heredocs)
{
    /// <summary>The comments above it, without their marks; an empty comment ends what belongs to an instruction.</summary>
    public IReadOnlyList<string> Comments { get; init; } = [];

    /// <summary>The last line of the text, without heredocs.</summary>
    public int TextEnd { get; init; }

    /// <summary>Whether it goes on after a line with nothing on it.</summary>
    public bool HasEmptyContinuation { get; init; }
}
