using System.Globalization;
using System.Text;

namespace CrunSharp.Build.Dockerfile;

/// <summary>Lines of a Dockerfile, counted from 1, both included.</summary>
/// <param name="Start">The first line.</param>
/// <param name="End">The last line.</param>
public readonly record struct SourceRange(int Start, int End)
{
    /// <summary><c>3</c> or <c>3-5</c>.</summary>
    public override string ToString() => Start == End
        ? Start.ToString(CultureInfo.InvariantCulture)
        : string.Create(CultureInfo.InvariantCulture, $"{Start}-{End}");
}

/// <summary>Where a word is: columns are counted from 1, both included.</summary>
internal readonly record struct WordPlace(int Line, int Start, int End);

/// <summary>The text of a Dockerfile and its name in messages.</summary>
public sealed class DockerfileSource
{
    /// <summary>The largest Dockerfile that is read.</summary>
    /// <value>Bytes.</value>
    public const int MostBytes = 4 * 1024 * 1024;

    private const int MostExcerptLines = 24;
    private const int MostExcerptChars = 400;

    /// <summary>A Dockerfile from its bytes: UTF-8, with or without a byte order mark.</summary>
    /// <param name="name">The name in messages, such as <c>Dockerfile</c>.</param>
    /// <param name="content">The bytes.</param>
    /// <exception cref="Oci.CrunException">It is larger than <see cref="MostBytes"/>.</exception>
    public DockerfileSource(string name, ReadOnlySpan<byte> content)
    {
        if (content.Length > MostBytes)
            throw Oci.CrunException.Invalid($"the Dockerfile has {content.Length} bytes, more than {MostBytes}", name);
        if (content.StartsWith("\uFEFF"u8)) content = content[3..];
        Name = name;
        Lines = SplitLines(Encoding.UTF8.GetString(content));
    }

    /// <summary>A Dockerfile from its text.</summary>
    public DockerfileSource(string name, string text) : this(name, Encoding.UTF8.GetBytes(text))
    {
    }

    /// <summary>The name in messages.</summary>
    public string Name { get; }

    /// <summary>The lines, each with its line end.</summary>
    internal IReadOnlyList<string> Lines { get; }

    /// <summary>The lines at fault with those around them, numbered and marked, for a terminal.</summary>
    public string Excerpt(SourceRange range) => Excerpt(range, Name);

    /// <summary>Where a word is in an instruction; null when it is not there as it is written.</summary>
    internal WordPlace? Find(SourceRange range, string? word)
    {
        if (string.IsNullOrEmpty(word)) return null;
        for (var line = Math.Max(range.Start, 1); line <= Math.Min(range.End, Lines.Count); line++)
        {
            var text = Lines[line - 1];
            for (var at = text.IndexOf(word, StringComparison.Ordinal); at >= 0; at = text.IndexOf(word, at + 1, StringComparison.Ordinal))
                if (!IsWord(text, at - 1) && !IsWord(text, at + word.Length)) return new WordPlace(line, at + 1, at + word.Length);
        }
        return null;
    }

    // A part of a word is not the word.
    private static bool IsWord(string text, int at) => at >= 0 && at < text.Length && (char.IsLetterOrDigit(text[at]) || text[at] == '_');

    /// <summary>The same under another name, with a word underlined.</summary>
    internal string Excerpt(SourceRange range, string name, WordPlace? word = null)
    {
        const string rule = "--------------------\n";
        var text = new StringBuilder().Append(CultureInfo.InvariantCulture, $"{name}:{range.Start}\n{rule}");
        // As BuildKit: two lines around a single one, one around several; a text that ends with a line break has an empty line after it.
        var margin = range.Start == range.End ? 2 : 1;
        var count = Lines.Count + (Lines.Count > 0 && Lines[^1].EndsWith('\n') ? 1 : 0);
        var last = Math.Min(Math.Min(range.End + margin, range.Start + MostExcerptLines), count);
        for (var line = Math.Max(range.Start - margin, 1); line <= last; line++)
        {
            var mark = line >= range.Start && line <= range.End ? ">>>" : "   ";
            var shown = line > Lines.Count ? "" : Lines[line - 1].TrimEnd('\r', '\n');
            shown = Oci.VisibleText.Of(shown.Length > MostExcerptChars ? shown[..MostExcerptChars] + "…" : shown);
            text.Append(CultureInfo.InvariantCulture, $"{line,4} | {mark} {shown}\n");
            if (word is { } at && at.Line == line && at.End <= shown.Length) text.Append("     |     ").Append(Underline(shown, at)).Append('\n');
        }
        return text.Append(rule).ToString();
    }

    // Tabs stay, so that what is below them is where it looks to be.
    private static string Underline(string line, WordPlace word) =>
        string.Concat(line[..(word.Start - 1)].Select(static c => c == '\t' ? '\t' : ' ')) + new string('^', word.End - word.Start + 1)
        + (word.Start == word.End ? " column " : " columns ") + new SourceRange(word.Start, word.End);

    private static List<string> SplitLines(string text)
    {
        var lines = new List<string>();
        for (var start = 0; start < text.Length;)
        {
            var end = text.IndexOf('\n', start);
            end = end < 0 ? text.Length : end + 1;
            lines.Add(text[start..end]);
            start = end;
        }
        return lines;
    }
}
