namespace CrunSharp.Build.Dockerfile;

/// <summary>A document inside a Dockerfile: <c>&lt;&lt;EOF</c>, some lines, <c>EOF</c>.</summary>
/// <param name="Name">The word that ends it.</param>
/// <param name="Expand">Whether variables in it are replaced; not when the word was quoted.</param>
/// <param name="StripTabs">Whether leading tabs of each line are dropped (<c>&lt;&lt;-</c>).</param>
/// <param name="FileDescriptor">The number before <c>&lt;&lt;</c>.</param>
/// <param name="Raw">The lines as they are in the file.</param>
public sealed record Heredoc(string Name, bool Expand, bool StripTabs, uint FileDescriptor, string Raw)
{
    /// <summary>The lines, without leading tabs if those are to be dropped.</summary>
    public string Content
    {
        get
        {
            if (!StripTabs) return Raw;
            var lines = Raw.Split('\n');
            for (var i = 0; i < lines.Length; i++) lines[i] = lines[i].TrimStart('\t');
            return string.Join('\n', lines);
        }
    }

    /// <summary>Reads a word such as <c>3&lt;&lt;-"EOF"</c>; null when it is no heredoc.</summary>
    internal static Heredoc? TryParse(string word)
    {
        var digits = word.AsSpan().IndexOfAnyExceptInRange('0', '9');
        if (digits < 0 || !word.AsSpan(digits).StartsWith("<<")) return null;
        var rest = word[(digits + 2)..];
        var strip = rest.StartsWith('-');
        rest = (strip ? rest[1..] : rest).TrimStart();
        if (rest.Length == 0 || rest.Contains('<', StringComparison.Ordinal)) return null;
        uint descriptor = 0;
        if (digits > 0 && !uint.TryParse(word.AsSpan(0, digits), out descriptor)) return null;

        // A part in quotes anywhere in the word means: do not expand.
        if (Expansion.TryWords(rest, ExpansionModes.KeepUnset) is not [var name]
            || Expansion.TryWords(rest, ExpansionModes.KeepUnset | ExpansionModes.RawQuotes) is not [var quoted]) return null;
        return new Heredoc(name, CountQuotes(name) == CountQuotes(quoted), strip, descriptor, "");
    }

    /// <summary>The heredocs that a line opens, in order.</summary>
    internal static List<Heredoc> FindIn(string line)
    {
        var found = new List<Heredoc>();
        const ExpansionModes modes = ExpansionModes.KeepUnset | ExpansionModes.RawQuotes | ExpansionModes.RawEscapes | ExpansionModes.Heredocs;
        foreach (var word in Expansion.TryWords(line, modes) ?? [])
            if (TryParse(word) is { } heredoc) found.Add(heredoc);
        return found;
    }

    private static int CountQuotes(string text) => text.AsSpan().Count('\'') + text.AsSpan().Count('"');
}
