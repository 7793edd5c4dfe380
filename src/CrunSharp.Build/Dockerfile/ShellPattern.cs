using System.Text;
using CrunSharp.Oci;

namespace CrunSharp.Build.Dockerfile;

/// <summary>The pattern of <c>${x#p}</c> and its kin: <c>*</c> any text, <c>?</c> one character, neither a line feed.</summary>
internal sealed class ShellPattern
{
    // A hostile Dockerfile must not make a build think for hours.
    private const long MostSteps = 50_000_000;

    private readonly List<Token> _tokens;
    private long _steps;

    private ShellPattern(List<Token> tokens) => _tokens = tokens;

    private enum TokenKind
    {
        Literal,
        One,
        Many,
    }

    /// <summary>Reads a pattern; <c>\</c> makes <c>* ? \ } /</c> literal.</summary>
    /// <exception cref="CrunException">Another character is escaped.</exception>
    public static ShellPattern Parse(string text)
    {
        var tokens = new List<Token>();
        for (var i = 0; i < text.Length; i++)
        {
            switch (text[i])
            {
                case '*':
                    tokens.Add(new Token(TokenKind.Many));
                    break;
                case '?':
                    tokens.Add(new Token(TokenKind.One));
                    break;
                case '\\':
                    if (++i == text.Length || text[i] is not ('*' or '?' or '\\' or '}' or '/'))
                        throw CrunException.Invalid($"invalid pattern ({text}) in substitution: invalid escape '\\{(i < text.Length ? text[i] : "")}'");
                    tokens.Add(new Token(TokenKind.Literal, text[i]));
                    break;
                default:
                    tokens.Add(new Token(TokenKind.Literal, text[i]));
                    break;
            }
        }
        return new ShellPattern(tokens);
    }

    /// <summary>A value without the part at its start that matches.</summary>
    public string WithoutPrefix(string value, bool longest) =>
        Match(value, 0, 1, longest) is >= 0 and var end ? value[end..] : value;

    /// <summary>A value without the part at its end that matches.</summary>
    public string WithoutSuffix(string value, bool longest) =>
        Match(value, value.Length - 1, -1, longest) is >= -1 and var end ? value[..(end + 1)] : value;

    /// <summary>A value with the first match, or all of them, replaced.</summary>
    public string Replace(string value, string replacement, bool all)
    {
        var result = new StringBuilder();
        var at = 0;
        var lastEnd = -1;
        while (at <= value.Length)
        {
            var end = Match(value, at, 1, longest: true);
            // An empty match right behind another match does not count.
            if (end >= 0 && (end > at || at != lastEnd))
            {
                result.Append(replacement);
                if (!all) return result.Append(value, end, value.Length - end).ToString();
                lastEnd = end;
                if (end > at)
                {
                    at = end;
                    continue;
                }
            }
            if (at < value.Length) result.Append(value[at]);
            at++;
        }
        return result.ToString();
    }

    // Where a match that starts at `start` ends, reading in direction `step`; -2 when there is none.
    private int Match(string value, int start, int step, bool longest)
    {
        // States of the pattern that are possible after each character.
        var states = new bool[_tokens.Count + 1];
        var next = new bool[_tokens.Count + 1];
        states[0] = true;
        Skip(states, step);
        var found = -2;
        for (var at = start; ; at += step)
        {
            if (states[^1])
            {
                found = at;
                if (!longest) return found;
            }
            if (at < 0 || at >= value.Length) return found;
            if ((_steps += _tokens.Count + 1) > MostSteps) throw CrunException.Invalid("the pattern takes too long to match");
            Array.Clear(next);
            var alive = false;
            for (var i = 0; i < _tokens.Count; i++)
            {
                if (!states[i]) continue;
                var token = TokenAt(i, step);
                if (token.Kind == TokenKind.Literal ? token.Char != value[at] : value[at] == '\n') continue;
                next[token.Kind == TokenKind.Many ? i : i + 1] = alive = true;
            }
            if (!alive) return found;
            Skip(next, step);
            (states, next) = (next, states);
        }
    }

    // A star may also match nothing.
    private void Skip(bool[] states, int step)
    {
        for (var i = 0; i < _tokens.Count; i++)
            if (states[i] && TokenAt(i, step).Kind == TokenKind.Many) states[i + 1] = true;
    }

    private Token TokenAt(int i, int step) => _tokens[step > 0 ? i : _tokens.Count - 1 - i];

    private readonly record struct Token(TokenKind Kind, char Char = '\0');
}
