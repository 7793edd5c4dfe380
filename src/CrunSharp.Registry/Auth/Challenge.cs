using System.Text;

namespace CrunSharp.Registry;

/// <summary>What a server wants to see before it answers: a scheme and its parameters.</summary>
/// <param name="Scheme">In lower case: <c>bearer</c>, <c>basic</c>.</param>
/// <param name="Parameters">By their names in lower case; of two with the same name the first one counts.</param>
/// <seealso href="https://www.rfc-editor.org/rfc/rfc9110#name-www-authenticate"/>
internal sealed record Challenge(string Scheme, IReadOnlyDictionary<string, string> Parameters)
{
    private const int MostCharacters = 8 * 1024;
    private const int MostChallenges = 16;
    private const int MostParameters = 32;

    /// <summary>A parameter; null when it is not there or empty.</summary>
    public string? this[string name] => Parameters.TryGetValue(name, out var value) && value.Length > 0 ? value : null;

    /// <summary>Reads header lines; what is malformed ends the reading of its line, what came before counts.</summary>
    public static List<Challenge> Parse(IEnumerable<string> lines)
    {
        var challenges = new List<Challenge>();
        foreach (var line in lines)
        {
            if (line.Length <= MostCharacters) new Reader(line).ReadInto(challenges);
        }
        return challenges;
    }

    private ref struct Reader(string text)
    {
        private readonly ReadOnlySpan<char> _text = text;
        private int _at;

        public void ReadInto(List<Challenge> challenges)
        {
            while (challenges.Count < MostChallenges)
            {
                SkipSeparators();
                var scheme = Token();
                if (scheme.Length == 0) return;
                var parameters = new Dictionary<string, string>();
                challenges.Add(new Challenge(scheme.ToLowerInvariant(), parameters));
                while (parameters.Count < MostParameters)
                {
                    SkipSeparators();
                    var before = _at;
                    var name = Token();
                    SkipBlanks();
                    if (name.Length == 0 || _at >= _text.Length || _text[_at] != '=')
                    {
                        _at = before; // the next scheme
                        break;
                    }
                    _at++;
                    SkipBlanks();
                    if (Value() is not { } value) return;
                    parameters.TryAdd(name.ToLowerInvariant(), value);
                }
            }
        }

        private void SkipSeparators()
        {
            while (_at < _text.Length && _text[_at] is ' ' or '\t' or ',') _at++;
        }

        private void SkipBlanks()
        {
            while (_at < _text.Length && _text[_at] is ' ' or '\t') _at++;
        }

        private string Token()
        {
            var start = _at;
            while (_at < _text.Length && IsTokenCharacter(_text[_at])) _at++;
            return _text[start.._at].ToString();
        }

        // Null when a quoted string has no end.
        private string? Value()
        {
            if (_at >= _text.Length || _text[_at] != '"')
            {
                var start = _at;
                while (_at < _text.Length && _text[_at] is not (' ' or '\t' or ',')) _at++;
                return _text[start.._at].ToString();
            }
            var value = new StringBuilder();
            for (_at++; _at < _text.Length; _at++)
            {
                var c = _text[_at];
                if (c == '"')
                {
                    _at++;
                    return value.ToString();
                }
                if (c == '\\' && ++_at >= _text.Length) return null;
                value.Append(_text[_at]);
            }
            return null;
        }

        private static bool IsTokenCharacter(char c) =>
            char.IsAsciiLetterOrDigit(c) || "!#$%&'*+-.^_`|~".Contains(c, StringComparison.Ordinal);
    }
}
