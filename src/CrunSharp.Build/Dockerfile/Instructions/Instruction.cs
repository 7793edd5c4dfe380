namespace CrunSharp.Build.Dockerfile.Instructions;

/// <summary>One instruction of a Dockerfile, checked, with its variables not yet replaced.</summary>
public abstract record Instruction
{
    /// <summary>The keyword in capitals.</summary>
    public abstract string Name { get; }

    /// <summary>Where it is in its file.</summary>
    public SourceRange Range { get; init; }

    /// <summary>The instruction's text: one line, without heredocs.</summary>
    public string Original { get; init; } = "";

    /// <summary>The keyword as written.</summary>
    internal string Keyword { get; init; } = "";

    /// <summary>The comments above it.</summary>
    internal IReadOnlyList<string> Comments { get; init; } = [];

    /// <summary>Whether ENV or LABEL has no <c>=</c>: <c>ENV name value</c>.</summary>
    internal bool IsLegacyForm { get; init; }

    /// <summary>The same instruction with variables replaced and quotes removed where its words allow that.</summary>
    /// <param name="expand">Replaces the variables of a word.</param>
    internal virtual Instruction Expand(WordExpander expand) => this;

    /// <summary>A list of words with their variables replaced.</summary>
    private protected static IReadOnlyList<string> Expand(IReadOnlyList<string> words, WordExpander expand)
    {
        var expanded = new string[words.Count];
        for (var i = 0; i < expanded.Length; i++) expanded[i] = expand.Word(words[i]);
        return expanded;
    }

    /// <summary>Pairs with the variables in names and values replaced.</summary>
    private protected static IReadOnlyList<NamedValue> Expand(IReadOnlyList<NamedValue> pairs, WordExpander expand)
    {
        var expanded = new NamedValue[pairs.Count];
        for (var i = 0; i < expanded.Length; i++)
            expanded[i] = new NamedValue(expand.Word(pairs[i].Name), expand.Word(pairs[i].Value));
        return expanded;
    }
}

/// <summary>A name and its value, of ENV and LABEL.</summary>
/// <param name="Name">The name.</param>
/// <param name="Value">The value.</param>
public sealed record NamedValue(string Name, string Value)
{
    /// <summary><c>NAME=value</c>.</summary>
    public override string ToString() => $"{Name}={Value}";
}

/// <summary>A command of RUN, CMD, ENTRYPOINT or HEALTHCHECK.</summary>
/// <param name="IsShell">Whether it is one line for a shell; otherwise the words of a JSON array.</param>
/// <param name="Words">The line, or the words.</param>
public sealed record CommandForm(bool IsShell, IReadOnlyList<string> Words)
{
    /// <summary>What is executed: the words, or the shell with the line as its last word.</summary>
    public IReadOnlyList<string> WithShell(IReadOnlyList<string> shell) =>
        IsShell ? [.. shell, string.Join(' ', Words)] : Words;
}

/// <summary>Replaces variables, with the escape character of a file and the values at a place in it.</summary>
/// <param name="Escape">The escape character.</param>
/// <param name="LookUp">A variable's value; null when it has none.</param>
/// <param name="Unset">Is told for each word which of its variables have no value; null when nobody wants to know.</param>
internal sealed record WordExpander(char Escape, Func<string, string?> LookUp, Action<IReadOnlyList<string>>? Unset = null)
{
    public string Word(string word) => Expand(word, Escape, ExpansionModes.None);

    public IReadOnlyList<string> Words(string word) => Expansion.Words(word, Escape, LookUp);

    // BuildKit reads heredocs with a backslash whatever the file's escape character is.
    public string Heredoc(string body) => Expand(body, '\\', ExpansionModes.PlainQuotes);

    private string Expand(string word, char escape, ExpansionModes modes)
    {
        if (Unset is null) return Expansion.Word(word, escape, LookUp, modes);
        var unset = new List<string>();
        try
        {
            return Expansion.Word(word, escape, name =>
            {
                var value = LookUp(name);
                if (value is null && !unset.Contains(name)) unset.Add(name);
                return value;
            }, modes);
        }
        finally
        {
            if (unset.Count > 0) Unset(unset);
        }
    }
}
