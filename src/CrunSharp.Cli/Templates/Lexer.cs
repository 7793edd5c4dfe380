using System.Globalization;
using System.Text;
using CrunSharp.Oci;

namespace CrunSharp.Cli.Templates;

/// <summary>Splits a template into text and actions, and actions into words.</summary>
internal sealed class Lexer(string source)
{
    private const string Left = "{{";
    private const string Right = "}}";
    private int _at;
    private bool _trimNext;

    public string Source { get; } = source;

    /// <summary>Whether all of the template was read.</summary>
    public bool AtEnd => _at >= Source.Length;

    /// <summary>Reads the text up to the next action or the end, trimmed where <c>{{-</c> and <c>-}}</c> say so.</summary>
    public string ReadText()
    {
        var start = _at;
        var left = Source.IndexOf(Left, _at, StringComparison.Ordinal);
        _at = left < 0 ? Source.Length : left;
        var text = Source[start.._at];
        if (_trimNext) text = text.TrimStart(' ', '\t', '\r', '\n');
        _trimNext = false;
        return left >= 0 && TrimsBefore(left + Left.Length) ? text.TrimEnd(' ', '\t', '\r', '\n') : text;
    }

    /// <summary>Reads an action; its last word is the <see cref="TokenKind.End"/>. A comment has no other.</summary>
    /// <exception cref="CrunException">It is malformed.</exception>
    public List<Token> ReadAction()
    {
        _at += Left.Length;
        if (TrimsBefore(_at)) _at++;
        var tokens = new List<Token>();
        SkipComment();
        for (; ; )
        {
            var blank = SkipBlanks();
            if (blank && Is("-}}"))
            {
                _trimNext = true;
                _at++;
            }
            if (Is(Right))
            {
                tokens.Add(new Token(TokenKind.End, "", _at, blank));
                _at += Right.Length;
                return tokens;
            }
            if (AtEnd) throw Error("unclosed action", Source.Length);
            tokens.Add(ReadToken(blank));
        }
    }

    /// <summary>An error in the template's form.</summary>
    public CrunException Error(string reason, int at)
    {
        var line = 1 + Source.AsSpan(0, Math.Min(at, Source.Length)).Count('\n');
        return CrunException.Invalid($"template parsing error: template: :{line}: {reason}");
    }

    private bool Is(string text) => string.CompareOrdinal(Source, _at, text, 0, text.Length) == 0;

    private bool TrimsBefore(int at) => at + 1 < Source.Length && Source[at] == '-' && Source[at + 1] is ' ' or '\t' or '\r' or '\n';

    private bool SkipBlanks()
    {
        var start = _at;
        while (_at < Source.Length && Source[_at] is ' ' or '\t' or '\r' or '\n') _at++;
        return _at > start;
    }

    private void SkipComment()
    {
        var before = _at;
        SkipBlanks();
        if (!Is("/*"))
        {
            _at = before;
            return;
        }
        var end = Source.IndexOf("*/", _at, StringComparison.Ordinal);
        if (end < 0) throw Error("unclosed comment", _at);
        _at = end + 2;
        if (!Is(Right) && !(SkipBlanks() && Is("-}}"))) throw Error("comment ends before closing delimiter", _at);
        if (!Is(Right)) _at--; // the blank before '-}}' tells that it trims
    }

    private Token ReadToken(bool blank)
    {
        var start = _at;
        var c = Source[_at++];
        switch (c)
        {
            case '(': return new Token(TokenKind.Open, "(", start, blank);
            case ')': return new Token(TokenKind.Close, ")", start, blank);
            case '|': return new Token(TokenKind.Pipe, "|", start, blank);
            case ',': return new Token(TokenKind.Comma, ",", start, blank);
            case '=': return new Token(TokenKind.Assign, "=", start, blank);
            case ':' when Is("="):
                _at++;
                return new Token(TokenKind.Declare, ":=", start, blank);
            case '"' or '`' or '\'': return new Token(c == '\'' ? TokenKind.Number : TokenKind.Text, ReadQuoted(c, start), start, blank);
            case '$': return new Token(TokenKind.Variable, "$" + ReadName(), start, blank);
            case '.' when _at < Source.Length && IsNameStart(Source[_at]): return new Token(TokenKind.Field, ReadName(), start, blank);
            case '.' when AtEnd || !char.IsAsciiDigit(Source[_at]): return new Token(TokenKind.Dot, ".", start, blank);
        }
        if (IsNameStart(c))
        {
            _at = start;
            return new Token(TokenKind.Word, ReadName(), start, blank);
        }
        if (!char.IsAsciiDigit(c) && c is not ('+' or '-' or '.')) throw Error($"unexpected {Show(c)} in action", start);
        while (_at < Source.Length && (char.IsAsciiLetterOrDigit(Source[_at]) || Source[_at] is '.' or '_'
            || Source[_at] is '+' or '-' && Source[_at - 1] is 'e' or 'E')) _at++;
        return new Token(TokenKind.Number, Source[start.._at], start, blank);
    }

    private static string Show(char c) => c == '"' ? "\"\\\"\"" : $"\"{c}\"";

    private static bool IsNameStart(char c) => c == '_' || char.IsLetter(c);

    private string ReadName()
    {
        var start = _at;
        while (_at < Source.Length && (Source[_at] == '_' || char.IsLetterOrDigit(Source[_at]))) _at++;
        return Source[start.._at];
    }

    // A string's content, or a character's number.
    private string ReadQuoted(char quote, int start)
    {
        var content = new StringBuilder();
        for (; ; )
        {
            if (AtEnd || Source[_at] == '\n' && quote != '`')
                throw Error(quote == '`' ? "unterminated raw quoted string" : "unterminated quoted string", start);
            var c = Source[_at++];
            if (c == quote) break;
            if (c == '\\' && quote != '`') AppendEscape(content, start);
            else content.Append(c);
        }
        if (quote != '\'') return content.ToString();
        return content.Length > 0 && Rune.TryGetRuneAt(content.ToString(), 0, out var rune) && rune.Utf16SequenceLength == content.Length
            ? rune.Value.ToString(CultureInfo.InvariantCulture)
            : throw Error("malformed character constant: " + Source[start.._at], start);
    }

    private void AppendEscape(StringBuilder content, int start)
    {
        if (AtEnd) throw Error("unterminated quoted string", start);
        var c = Source[_at++];
        var digits = c switch { 'x' => 2, 'u' => 4, 'U' => 8, _ => 0 };
        if (digits > 0)
        {
            if (_at + digits > Source.Length
                || !int.TryParse(Source.AsSpan(_at, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var number)
                || !Rune.TryCreate(number, out var rune)) throw Error("invalid syntax in quoted string", start);
            _at += digits;
            content.Append(rune.ToString());
            return;
        }
        content.Append(c switch
        {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'a' => '\a',
            'b' => '\b',
            'f' => '\f',
            'v' => '\v',
            '0' => '\0',
            '\\' or '"' or '\'' => c,
            _ => throw Error("invalid syntax in quoted string", start),
        });
    }
}
