using CrunSharp.Oci;

namespace CrunSharp.Build.Dockerfile;

/// <summary>The patterns of a <c>.dockerignore</c>: which paths of a context a build does not see.</summary>
/// <remarks>
/// A path is ignored when the last pattern that matches it or one of its parents does not start with <c>!</c>. Paths are
/// relative to the context and have no leading slash.
/// </remarks>
/// <seealso href="https://docs.docker.com/build/concepts/context/#dockerignore-files"/>
public sealed class DockerIgnore
{
    private const int MostPatterns = 10_000;

    private readonly List<Rule> _rules;

    private DockerIgnore(string name, List<Rule> rules) => (Name, _rules) = (name, rules);

    /// <summary>Nothing is ignored.</summary>
    public static DockerIgnore None { get; } = new("", []);

    /// <summary>The file's name in messages.</summary>
    public string Name { get; }

    /// <summary>Whether it has any pattern.</summary>
    public bool IsEmpty => _rules.Count == 0;

    /// <summary>Whether a pattern with <c>!</c> may bring back what another one ignores.</summary>
    public bool HasExceptions => _rules.Exists(static rule => rule.Negated);

    /// <summary>Reads an ignore file.</summary>
    /// <exception cref="CrunException">A pattern is malformed.</exception>
    public static DockerIgnore Parse(string name, string text)
    {
        var rules = new List<Rule>();
        var number = 0;
        foreach (var raw in text.TrimStart('\uFEFF').Split('\n'))
        {
            number++;
            var line = raw.TrimEnd('\r');
            if (line.StartsWith('#')) continue;
            line = line.Trim();
            if (line.Length == 0) continue;
            rules.Add(ParseRule(line, number) ?? throw CrunException.Invalid(
                line == "!" ? "illegal exclusion pattern: \"!\"" : $"syntax error in pattern {GoText.Quote(line)}", $"{name}:{number}"));
            if (rules.Count > MostPatterns) throw CrunException.Invalid($"more than {MostPatterns} patterns", name);
        }
        return new DockerIgnore(name, rules);
    }

    /// <summary>The patterns of <c>--exclude</c>, which are those of an ignore file without comments.</summary>
    /// <exception cref="CrunException">A pattern is malformed.</exception>
    public static DockerIgnore FromPatterns(IEnumerable<string> patterns)
    {
        var rules = new List<Rule>();
        foreach (var pattern in patterns)
        {
            if (pattern.Trim() is not { Length: > 0 } text) continue;
            rules.Add(ParseRule(text, rules.Count + 1) ?? throw CrunException.Invalid(
                text == "!" ? "illegal exclusion pattern: \"!\"" : $"syntax error in pattern {GoText.Quote(text)}", "--exclude"));
        }
        return new DockerIgnore("--exclude", rules);
    }

    /// <summary>The number of the pattern's line that decides that a path is ignored; null when it is not.</summary>
    public int? IgnoredByLine(string path) => Match(path) is { Negated: false } last ? last.Line : null;

    /// <summary>The pattern that decides that a path is ignored, as it was written; null when it is not.</summary>
    public string? IgnoredByPattern(string path) => Match(path) is { Negated: false } last ? last.Text : null;

    /// <summary>Whether a path is ignored.</summary>
    public bool IsIgnored(string path) => IgnoredByLine(path) is not null;

    /// <summary>Whether an ignored directory may still hold paths that a <c>!</c> pattern brings back.</summary>
    public bool MayHoldIncluded(string directory)
    {
        foreach (var rule in _rules)
            if (rule.Negated && rule.MayMatchBelow(directory)) return true;
        return false;
    }

    private Rule? Match(string path)
    {
        Rule? last = null;
        foreach (var rule in _rules)
        {
            // A rule that would not change the verdict is not asked.
            if (rule.Negated == (last is null || last.Negated)) continue;
            if (rule.MatchesPathOrParent(path)) last = rule;
        }
        return last;
    }

    private static Rule? ParseRule(string line, int number)
    {
        var negated = line.StartsWith('!');
        var text = negated ? line[1..].Trim() : line;
        if (text.Length == 0) return null;
        text = PosixPath.Clean(text);
        if (text.Length > 1 && text[0] == '/') text = text[1..];
        return PathMatch.TryParseIgnore(text) is { } pattern ? new Rule(pattern, negated, number, line) : null;
    }

    private sealed record Rule(PathMatch Pattern, bool Negated, int Line, string Text)
    {
        public bool MatchesPathOrParent(string path) => Pattern.IsMatchOfPathOrParent(path);

        public bool MayMatchBelow(string directory) => Pattern.MayMatchBelow(directory);
    }
}
