namespace CrunSharp.Cli.Templates;

internal enum TokenKind
{
    End,
    Word,
    Field,
    Variable,
    Number,
    Text,
    Dot,
    Open,
    Close,
    Pipe,
    Comma,
    Declare,
    Assign,
}

/// <summary>A word of an action.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Text">A name without its dot or dollar, a number as written, or a string's content.</param>
/// <param name="At">Where it begins in the template.</param>
/// <param name="AfterBlank">Whether a blank precedes it: <c>.A .B</c> is two words, <c>.A.B</c> one.</param>
internal readonly record struct Token(TokenKind Kind, string Text, int At, bool AfterBlank);
