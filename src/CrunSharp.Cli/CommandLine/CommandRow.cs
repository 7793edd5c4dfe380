using CrunSharp.Cli.Commands;

namespace CrunSharp.Cli.CommandLine;

/// <summary>Where help lists a command.</summary>
internal enum Section
{
    /// <summary>Among the few that most people need.</summary>
    Common,

    /// <summary>Among the rest.</summary>
    Other,

    /// <summary>Nowhere: it is not for typing, or not finished.</summary>
    Hidden,
}

/// <summary>A row of the command table.</summary>
/// <param name="Paths">All ways to type it, the one with the noun first: <c>image ls|image list|images</c>.</param>
/// <param name="Section">Where help lists it.</param>
/// <param name="Summary">What it does, in a few words.</param>
/// <param name="Create">Makes the command; called for no other than the one that was typed.</param>
internal readonly record struct CommandRow(string Paths, Section Section, string Summary, Func<Command> Create)
{
    /// <summary>Whether one of the ways to type it is <paramref name="noun"/>, if any, and <paramref name="verb"/>.</summary>
    public bool IsTyped(ReadOnlySpan<char> noun, ReadOnlySpan<char> verb)
    {
        for (var rest = Paths.AsSpan(); rest.Length > 0;)
        {
            var end = rest.IndexOf('|');
            var path = end < 0 ? rest : rest[..end];
            rest = end < 0 ? default : rest[(end + 1)..];
            if (noun.Length == 0 ? path.SequenceEqual(verb)
                : path.Length == noun.Length + 1 + verb.Length && path[noun.Length] == ' '
                    && path.StartsWith(noun) && path.EndsWith(verb)) return true;
        }
        return false;
    }

    /// <summary>The verb of the first path with this noun (empty: of the one without); null when there is none.</summary>
    public string? VerbOf(string noun)
    {
        foreach (var path in Paths.Split('|'))
        {
            var space = path.LastIndexOf(' ');
            if (space < 0 ? noun.Length == 0 : path.AsSpan(0, space).SequenceEqual(noun)) return path[(space + 1)..];
        }
        return null;
    }
}

/// <summary>A noun whose verbs are commands: <c>image ls</c>.</summary>
internal readonly record struct CommandGroup(string Name, string Summary)
{
    /// <summary>Whether it is no noun below another one.</summary>
    public bool IsTop => !Name.Contains(' ', StringComparison.Ordinal);

    /// <summary>Its own word, below another noun; null when it is not below that one.</summary>
    public string? VerbOf(string noun) => Name.Length > noun.Length && Name[noun.Length] == ' ' && Name.StartsWith(noun, StringComparison.Ordinal) ? Name[(noun.Length + 1)..] : null;

    /// <summary>Whether one of its verbs is shown by help.</summary>
    public bool HasVisible
    {
        get
        {
            foreach (var row in CommandTable.Rows)
            {
                if (row.Section != Section.Hidden && row.VerbOf(Name) is not null) return true;
            }
            return false;
        }
    }
}
