using System.Text;

namespace CrunSharp.Build.Dockerfile;

/// <summary>A pattern of file names: <c>* ? [a-z] \x</c> within a component, and <c>**</c> over components if wanted.</summary>
/// <remarks>
/// Without <c>**</c> it is Go's <c>filepath.Match</c> on Linux; with it, what moby's ignore files mean. A match takes time
/// proportional to pattern times name, whatever they are.
/// </remarks>
/// <seealso href="https://pkg.go.dev/path/filepath#Match"/>
public sealed class PathMatch
{
    private readonly List<Token> _tokens;

    private readonly string _literal;

    private PathMatch(string text, List<Token> tokens)
    {
        (Text, _tokens) = (text, tokens);
        var end = text.AsSpan().IndexOfAny("*?[\\");
        _literal = end < 0 ? text + "/" : text[..end];
    }

    private enum TokenKind
    {
        Literal,
        One,
        Class,
        Many,
        MaybeComponents,
        Components,
        Anything,
    }

    /// <summary>The pattern as it was written.</summary>
    public string Text { get; }

    /// <summary>Whether a text has characters that mean something in a pattern.</summary>
    public static bool HasWildcards(string text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] is '*' or '?' or '[') return true;
            if (text[i] == '\\') i++;
        }
        return false;
    }

    /// <summary>Reads a pattern of <c>filepath.Match</c>; null when it is malformed.</summary>
    public static PathMatch? TryParse(string pattern) => TryParse(pattern, overComponents: false);

    /// <summary>Reads a pattern of an ignore file, where <c>**</c> is any number of components; null when it is malformed.</summary>
    public static PathMatch? TryParseIgnore(string pattern) => TryParse(pattern, overComponents: true);

    /// <summary>Whether the pattern matches the whole of a name.</summary>
    public bool IsMatch(string name)
    {
        var states = new bool[_tokens.Count + 1];
        var next = new bool[_tokens.Count + 1];
        states[0] = true;
        Skip(states);
        for (var at = 0; at < name.Length; at++)
        {
            Array.Clear(next);
            var alive = false;
            for (var i = 0; i < _tokens.Count; i++)
            {
                if (!states[i]) continue;
                var (stay, go) = _tokens[i].Take(name[at]);
                if (stay) next[i] = alive = true;
                if (go) next[i + 1] = alive = true;
            }
            if (!alive) return false;
            Skip(next);
            (states, next) = (next, states);
        }
        return states[^1];
    }

    /// <summary>Whether the pattern matches a path, or a directory that it is in.</summary>
    public bool IsMatchOfPathOrParent(string path)
    {
        if (IsMatch(path)) return true;
        for (var slash = path.IndexOf('/', StringComparison.Ordinal); slash > 0; slash = path.IndexOf('/', slash + 1))
            if (IsMatch(path[..slash])) return true;
        return false;
    }

    /// <summary>
    /// Whether something below a directory may match: the part before the first wildcard leads into it or goes through it.
    /// </summary>
    public bool MayMatchBelow(string directory)
    {
        var below = directory + "/";
        return below.StartsWith(_literal, StringComparison.Ordinal) || _literal.StartsWith(below, StringComparison.Ordinal);
    }

    // Moves that take no character: a star may match nothing, "**/" may be there or not.
    private void Skip(bool[] states)
    {
        for (var i = 0; i < _tokens.Count; i++)
        {
            if (!states[i]) continue;
            if (_tokens[i].Kind is TokenKind.Many or TokenKind.Anything or TokenKind.MaybeComponents) states[i + 1] = true;
            if (_tokens[i].Kind is TokenKind.MaybeComponents) states[i + 2] = true;
        }
    }

    private static PathMatch? TryParse(string pattern, bool overComponents)
    {
        var tokens = new List<Token>();
        for (var i = 0; i < pattern.Length; i++)
        {
            switch (pattern[i])
            {
                case '*' when overComponents && i + 1 < pattern.Length && pattern[i + 1] == '*':
                    i++;
                    if (i + 1 < pattern.Length && pattern[i + 1] == '/') i++;
                    if (i + 1 < pattern.Length) tokens.AddRange([new Token(TokenKind.MaybeComponents), new Token(TokenKind.Components)]);
                    else tokens.Add(new Token(TokenKind.Anything));
                    break;
                case '*':
                    tokens.Add(new Token(TokenKind.Many));
                    break;
                case '?':
                    tokens.Add(new Token(TokenKind.One));
                    break;
                case '[':
                    if (ParseClass(pattern, ref i) is not { } set) return null;
                    tokens.Add(set);
                    break;
                case '\\':
                    if (++i == pattern.Length) return null;
                    tokens.Add(new Token(TokenKind.Literal, pattern[i]));
                    break;
                default:
                    tokens.Add(new Token(TokenKind.Literal, pattern[i]));
                    break;
            }
        }
        return new PathMatch(pattern, tokens);
    }

    private static Token? ParseClass(string pattern, ref int i)
    {
        var set = new StringBuilder();
        i++;
        var negated = i < pattern.Length && pattern[i] == '^';
        if (negated) i++;
        for (var first = true; i < pattern.Length; first = false)
        {
            if (pattern[i] == ']' && !first) return new Token(TokenKind.Class, negated ? '^' : '\0', set.ToString());
            if (ClassChar(pattern, ref i) is not { } low) return null;
            var high = low;
            if (i < pattern.Length && pattern[i] == '-')
            {
                i++;
                if (ClassChar(pattern, ref i) is not { } end) return null;
                high = end;
            }
            set.Append(low).Append(high);
        }
        return null;
    }

    private static char? ClassChar(string pattern, ref int i)
    {
        if (i >= pattern.Length || pattern[i] is '-' or ']') return null;
        if (pattern[i] == '\\' && ++i >= pattern.Length) return null;
        return pattern[i++];
    }

    private readonly record struct Token(TokenKind Kind, char Char = '\0', string Set = "")
    {
        /// <summary>Whether a character leaves the pattern at this token, or takes it to the next one.</summary>
        public (bool Stay, bool Go) Take(char c) => Kind switch
        {
            TokenKind.Literal => (false, c == Char),
            TokenKind.One => (false, c != '/'),
            TokenKind.Class => (false, c != '/' && InSet(c) != (Char == '^')),
            TokenKind.Many => (c != '/', false),
            TokenKind.Components => (true, c == '/'),
            TokenKind.Anything => (true, false),
            _ => (false, false),
        };

        private bool InSet(char c)
        {
            for (var i = 0; i < Set.Length; i += 2)
                if (c >= Set[i] && c <= Set[i + 1]) return true;
            return false;
        }
    }
}
