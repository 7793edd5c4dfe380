namespace CrunSharp.Build.Dockerfile;

/// <summary>One instruction's text: continued lines joined, comments and blank lines between them dropped.</summary>
/// <param name="Text">The text.</param>
/// <param name="Range">Where it is, heredocs included.</param>
/// <param name="Heredocs">The documents that follow it.</param>
internal sealed record LogicalLine(string Text, SourceRange Range, IReadOnlyList<Heredoc> Heredocs);
