using System.Text;
using CrunSharp.Oci;

namespace CrunSharp.Build.Dockerfile;

/// <summary>What <see cref="Expansion"/> leaves as it is.</summary>
[Flags]
internal enum ExpansionModes
{
    None = 0,

    /// <summary>Quotes are honoured but stay in the result.</summary>
    RawQuotes = 1,

    /// <summary>Escape characters are honoured but stay in the result.</summary>
    RawEscapes = 2,

    /// <summary>Quotes mean nothing: a heredoc's body.</summary>
    PlainQuotes = 4,

    /// <summary>Variables without a value stay in the result.</summary>
    KeepUnset = 8,

    /// <summary>White space between <c>&lt;&lt;</c> and a word does not split them.</summary>
    Heredocs = 16,
}

/// <summary>Replaces variables and removes quotes in an instruction's words, as a shell does.</summary>
/// <remarks>
/// <c>$x ${x} ${x:-w} ${x-w} ${x:+w} ${x+w} ${x:?m} ${x?m} ${x#p} ${x##p} ${x%p} ${x%%p} ${x/p/r} ${x//p/r}</c>;
/// words nest, patterns know <c>*</c> and <c>?</c>.
/// </remarks>
internal sealed class Expansion
{
    private const int MostDepth = 64;
    private const int MostChars = 4 * 1024 * 1024;
    private const char None = '\0';

    private readonly string _source;
    private readonly char _escape;
    private readonly ExpansionModes _modes;
    private readonly Func<string, string?> _lookUp;
    private bool _rawEscapes;
    private int _at;
    private int _depth;

    private Expansion(string source, char escape, ExpansionModes modes, Func<string, string?> lookUp)
    {
        (_source, _escape, _modes, _lookUp) = (source, escape, modes, lookUp);
        _rawEscapes = modes.HasFlag(ExpansionModes.RawEscapes);
    }

    /// <summary>A word with its variables replaced and its quotes removed.</summary>
    /// <param name="word">The word; white space in it stays.</param>
    /// <param name="escape">The file's escape character.</param>
    /// <param name="lookUp">A variable's value; null when it has none.</param>
    /// <param name="modes">What to leave as it is.</param>
    /// <exception cref="CrunException">A quote or brace is open, a modifier unknown, or <c>${x:?}</c> says so.</exception>
    public static string Word(string word, char escape, Func<string, string?> lookUp, ExpansionModes modes = ExpansionModes.None) =>
        new Expansion(word, escape, modes, lookUp).All().Text.ToString();

    /// <summary>As <see cref="Word"/>, but split at white space outside of quotes, also at that in variables' values.</summary>
    /// <exception cref="CrunException">As <see cref="Word"/>.</exception>
    public static IReadOnlyList<string> Words(string word, char escape, Func<string, string?> lookUp, ExpansionModes modes = ExpansionModes.None) =>
        new Expansion(word, escape, modes, lookUp).All().Finish();

    /// <summary>A line's words when nothing has a value; null when it cannot be split.</summary>
    public static IReadOnlyList<string>? TryWords(string line, ExpansionModes modes)
    {
        try
        {
            return Words(line, '\\', static _ => null, modes);
        }
        catch (CrunException)
        {
            return null;
        }
    }

    private char Peek => _at < _source.Length ? _source[_at] : None;

    private bool AtEnd => _at >= _source.Length;

    private Output All()
    {
        try
        {
            return Until(None);
        }
        catch (CrunException error)
        {
            throw error.About(_source).Within($"failed to process {GoText.Quote(_source.Length > 200 ? _source[..200] + "…" : _source)}");
        }
    }

    private Output Until(char stop)
    {
        if (++_depth > MostDepth) throw CrunException.Invalid($"variables nest deeper than {MostDepth}");
        var output = new Output();
        while (!AtEnd)
        {
            var c = Peek;
            if (stop != None && c == stop)
            {
                _at++;
                _depth--;
                return output;
            }
            if (c == '$') output.AddSplitting(Dollar());
            else if (c == '\'' && !_modes.HasFlag(ExpansionModes.PlainQuotes)) output.AddWhole(SingleQuoted());
            else if (c == '"' && !_modes.HasFlag(ExpansionModes.PlainQuotes)) output.AddWhole(DoubleQuoted());
            else if (c == '<' && _modes.HasFlag(ExpansionModes.Heredocs)) output.AddWhole(Less());
            else if (c == _escape) Escaped(output);
            else
            {
                _at++;
                output.AddSplitting(c);
            }
            if (output.Text.Length > MostChars) throw CrunException.Invalid($"the result has more than {MostChars} characters");
        }
        _depth--;
        return stop == None ? output
            : throw CrunException.Invalid($"unexpected end of statement while looking for matching {stop}");
    }

    private void Escaped(Output output)
    {
        _at++;
        if (_rawEscapes) output.AddWhole(_escape);
        if (AtEnd) return;
        output.AddWhole(_source[_at++]);
    }

    private string SingleQuoted()
    {
        var end = _source.IndexOf('\'', _at + 1);
        if (end < 0) throw CrunException.Invalid("unexpected end of statement while looking for matching single-quote");
        var text = _modes.HasFlag(ExpansionModes.RawQuotes) ? _source[_at..(end + 1)] : _source[(_at + 1)..end];
        _at = end + 1;
        return text;
    }

    private string DoubleQuoted()
    {
        var raw = _modes.HasFlag(ExpansionModes.RawQuotes);
        var text = new StringBuilder();
        if (raw) text.Append('"');
        for (_at++; ;)
        {
            if (AtEnd) throw CrunException.Invalid("unexpected end of statement while looking for matching double-quote");
            var c = Peek;
            if (c == '$')
            {
                text.Append(Dollar());
                continue;
            }
            _at++;
            if (c == '"') return (raw ? text.Append('"') : text).ToString();
            if (c == _escape && !AtEnd)
            {
                if (_rawEscapes) text.Append(c);
                // Before any other character the escape stays.
                if (Peek == '"' || Peek == '$' || Peek == _escape) c = _source[_at++];
                else if (_rawEscapes) continue;
            }
            text.Append(c);
        }
    }

    // "<<" takes the blanks behind it into the word, so that "<< EOF" is one.
    private string Less()
    {
        var start = _at;
        while (Peek == '<') _at++;
        if (_at - start != 2) return _source[start.._at];
        if (Peek == '-') _at++;
        while (Peek is ' ' or '\t') _at++;
        return _source[start.._at];
    }

    private string Dollar()
    {
        _at++;
        if (Peek != '{')
        {
            var plain = Name();
            if (plain.Length == 0) return "$";
            return _lookUp(plain) ?? (_modes.HasFlag(ExpansionModes.KeepUnset) ? "$" + plain : "");
        }
        var start = ++_at;
        if (AtEnd) throw Unclosed();
        if (Peek is '{' or '}' or ':') throw CrunException.Invalid("syntax error: bad substitution");
        var name = Name();
        if (AtEnd) throw Unclosed();
        var value = _lookUp(name);
        var modifier = _source[_at++];
        var result = modifier switch
        {
            '}' => value ?? "",
            '/' => Replace(value ?? ""),
            ':' when AtEnd => throw Unclosed(),
            ':' => Modify(name, value is "" ? null : value, value is not null, _source[_at++], ":"),
            _ => Modify(name, value, value is not null, modifier, ""),
        };
        return value is null && _modes.HasFlag(ExpansionModes.KeepUnset) ? "${" + _source[start.._at] : result;
    }

    private string Modify(string name, string? value, bool isSet, char modifier, string colon)
    {
        if (modifier is not ('-' or '+' or '?') && (modifier is not ('#' or '%') || colon.Length > 0))
            throw CrunException.Invalid($"unsupported modifier ({colon}{modifier}) in substitution");
        var word = Argument('}', modifier is '#' or '%');
        switch (modifier)
        {
            case '-': return value ?? word;
            case '+': return value is null ? "" : word;
            case '?':
                if (value is not null || _modes.HasFlag(ExpansionModes.KeepUnset)) return value ?? "";
                if (word.Length == 0) word = isSet ? "is not allowed to be empty" : "is not allowed to be unset";
                throw CrunException.Invalid($"{name}: {word}");
            default:
                var longest = word.Length > 0 && word[0] == modifier;
                var pattern = ShellPattern.Parse(longest ? word[1..] : word);
                return modifier == '#' ? pattern.WithoutPrefix(value ?? "", longest) : pattern.WithoutSuffix(value ?? "", longest);
        }
    }

    private string Replace(string value)
    {
        var all = Peek == '/';
        if (all) _at++;
        var pattern = Argument('/', raw: true, "syntax error: missing '/' in ${}");
        var replacement = Argument('}', raw: true);
        return ShellPattern.Parse(pattern).Replace(value, replacement, all);
    }

    private string Argument(char stop, bool raw, string? missing = null)
    {
        var before = _rawEscapes;
        _rawEscapes = raw || _modes.HasFlag(ExpansionModes.RawEscapes);
        try
        {
            return Until(stop).Text.ToString();
        }
        catch (CrunException) when (AtEnd)
        {
            throw missing is null ? Unclosed() : CrunException.Invalid(missing);
        }
        finally
        {
            _rawEscapes = before;
        }
    }

    // A name, a number, or one of the shell's special parameters.
    private string Name()
    {
        var start = _at;
        if (char.IsDigit(Peek))
        {
            while (char.IsDigit(Peek)) _at++;
        }
        else if (Peek is '@' or '*' or '#' or '?' or '-' or '$' or '!')
        {
            _at++;
        }
        else
        {
            while (Peek == '_' || char.IsLetterOrDigit(Peek)) _at++;
        }
        return _source[start.._at];
    }

    private static CrunException Unclosed() => CrunException.Invalid("syntax error: missing '}'");

    // The result in one piece and in words.
    private sealed class Output
    {
        private readonly List<string> _words = [];
        private readonly StringBuilder _word = new();

        public StringBuilder Text { get; } = new();

        public void AddWhole(string text)
        {
            Text.Append(text);
            _word.Append(text);
        }

        public void AddWhole(char c)
        {
            Text.Append(c);
            _word.Append(c);
        }

        public void AddSplitting(string text)
        {
            foreach (var c in text) AddSplitting(c);
        }

        public void AddSplitting(char c)
        {
            Text.Append(c);
            if (!char.IsWhiteSpace(c)) _word.Append(c);
            else if (_word.Length > 0) EndWord();
        }

        public List<string> Finish()
        {
            if (_word.Length > 0) EndWord();
            return _words;
        }

        private void EndWord()
        {
            _words.Add(_word.ToString());
            _word.Clear();
        }
    }
}
