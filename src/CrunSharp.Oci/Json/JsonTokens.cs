using System.Buffers.Text;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace CrunSharp.Oci.Json;

/// <summary>The tokens of a JSON document of UTF-8, one after the other.</summary>
/// <remarks>
/// As <see cref="Utf8JsonReader"/>, which sets up tables at its first string that take longer than to read a container's
/// whole configuration (docs/decisions/0030); a test reads the same documents with both.
/// </remarks>
/// <param name="json">The document; no comments, no trailing commas, at most 64 levels.</param>
/// <seealso href="https://www.rfc-editor.org/rfc/rfc8259"/>
public ref struct JsonTokens(ReadOnlySpan<byte> json)
{
    private const int MostLevels = 64;

    private readonly ReadOnlySpan<byte> _json = json;
    private ulong _objects; // a bit for each level: whether it is an object
    private int _levels;
    private bool _isEscaped;

    /// <summary>The kind of the current token; <see cref="JsonTokenType.None"/> before the first and after the last.</summary>
    public JsonTokenType TokenType { get; private set; }

    /// <summary>Where the current token begins, in bytes from the document's begin.</summary>
    public int TokenStart { get; private set; }

    /// <summary>Where the next token is looked for; after an error, where that is.</summary>
    public int Position { get; private set; }

    // A string without its quotes, a number, a word.
    private ReadOnlySpan<byte> Value { get; set; }

    /// <summary>Goes to the next token.</summary>
    /// <returns>Whether there is one.</returns>
    /// <exception cref="JsonException">The document is malformed; it has a line number, and <see cref="Position"/> is where.</exception>
    public bool Read()
    {
        var before = TokenType;
        SkipSpace();
        if (_levels == 0 && before != JsonTokenType.None)
        {
            TokenType = JsonTokenType.None;
            return Position == _json.Length ? false : throw Malformed();
        }
        if (before is not (JsonTokenType.None or JsonTokenType.StartObject or JsonTokenType.StartArray or JsonTokenType.PropertyName) && Next() is not ((byte)'}' or (byte)']'))
        {
            Take((byte)',');
            SkipSpace();
            if (Next() is (byte)'}' or (byte)']') throw Malformed();
        }
        TokenStart = Position;
        if (Next() is (byte)'}' or (byte)']' && before != JsonTokenType.PropertyName) End();
        else if (IsInObject && before != JsonTokenType.PropertyName) ReadName();
        else ReadValue();
        return true;
    }

    /// <summary>Goes to the last token of the value that begins with the current one.</summary>
    /// <inheritdoc cref="Read" path="/exception"/>
    public void Skip()
    {
        if (TokenType == JsonTokenType.PropertyName) Read();
        if (TokenType is not (JsonTokenType.StartObject or JsonTokenType.StartArray)) return;
        var outer = _levels - 1;
        while (_levels > outer) Read();
    }

    /// <summary>The bytes of the value that begins with the current token; goes to its last one.</summary>
    /// <inheritdoc cref="Read" path="/exception"/>
    public ReadOnlySpan<byte> SkipBytes()
    {
        var start = TokenStart;
        Skip();
        return _json[start..Position];
    }

    /// <summary>The string or name at which this is.</summary>
    /// <exception cref="InvalidOperationException">It is no UTF-8, or has half of a surrogate pair.</exception>
    public readonly string GetString()
    {
        if (!Utf8.IsValid(Value)) throw new InvalidOperationException("a string is no UTF-8");
        if (!_isEscaped) return Encoding.UTF8.GetString(Value);
        var text = Unescape();
        for (var i = 0; i < text.Length; i++)
        {
            if (!char.IsSurrogate(text[i])) continue;
            if (i + 1 == text.Length || !char.IsSurrogatePair(text[i], text[i + 1])) throw new InvalidOperationException("a string has half of a surrogate pair");
            i++;
        }
        return text;
    }

    /// <summary>Whether the string or name is a text.</summary>
    /// <param name="text">The text, ASCII.</param>
    public readonly bool TextEquals(string text) => _isEscaped ? Unescape() == text : Ascii.Equals(Value, text);

    /// <summary>The number, when it is a whole one of 64 bits with a sign.</summary>
    public readonly bool TryGetLong(out long number) => Utf8Parser.TryParse(Value, out number, out var count) && count == Value.Length;

    /// <summary>The number, when it is a whole one of 64 bits without a sign.</summary>
    public readonly bool TryGetULong(out ulong number) => Utf8Parser.TryParse(Value, out number, out var count) && count == Value.Length;

    private readonly bool IsInObject => _levels > 0 && (_objects >> (_levels - 1) & 1) != 0;

    // 0 at the end: no token has it.
    private readonly byte Next() => Position < _json.Length ? _json[Position] : (byte)0;

    private void SkipSpace()
    {
        while (Next() is (byte)' ' or (byte)'\n' or (byte)'\r' or (byte)'\t') Position++;
    }

    private void Take(byte expected)
    {
        if (Next() != expected) throw Malformed();
        Position++;
    }

    private void Begin(bool isObject)
    {
        if (_levels == MostLevels) throw Malformed();
        var bit = 1UL << _levels++;
        _objects = isObject ? _objects | bit : _objects & ~bit;
        TokenType = isObject ? JsonTokenType.StartObject : JsonTokenType.StartArray;
        Position++;
    }

    private void End()
    {
        var isObject = Next() == '}';
        if (_levels == 0 || isObject != IsInObject) throw Malformed();
        _levels--;
        TokenType = isObject ? JsonTokenType.EndObject : JsonTokenType.EndArray;
        Position++;
    }

    private void ReadName()
    {
        ReadText();
        SkipSpace();
        Take((byte)':');
        TokenType = JsonTokenType.PropertyName;
    }

    private void ReadValue()
    {
        switch (Next())
        {
            case (byte)'{': Begin(isObject: true); break;
            case (byte)'[': Begin(isObject: false); break;
            case (byte)'"': ReadText(); TokenType = JsonTokenType.String; break;
            case (byte)'t': ReadWord("true"u8, JsonTokenType.True); break;
            case (byte)'f': ReadWord("false"u8, JsonTokenType.False); break;
            case (byte)'n': ReadWord("null"u8, JsonTokenType.Null); break;
            default: ReadNumber(); break;
        }
    }

    private void ReadWord(ReadOnlySpan<byte> word, JsonTokenType type)
    {
        if (!_json[Position..].StartsWith(word)) throw Malformed();
        Position += word.Length;
        TokenType = type;
    }

    private void ReadText()
    {
        Take((byte)'"');
        var start = Position;
        _isEscaped = false;
        for (; ; Position++)
        {
            var next = Next();
            if (next < ' ') throw Malformed(); // also the document's end
            if (next == '"') break;
            if (next == '\\') TakeEscape();
        }
        Value = _json[start..Position++];
    }

    // Stays at the sequence's last byte.
    private void TakeEscape()
    {
        _isEscaped = true;
        Position++;
        if (Next() != 'u')
        {
            if (!"\"\\/bfnrt"u8.Contains(Next())) throw Malformed();
            return;
        }
        for (var i = 0; i < 4; i++)
        {
            Position++;
            if (!char.IsAsciiHexDigit((char)Next())) throw Malformed();
        }
    }

    private void ReadNumber()
    {
        var start = Position;
        if (Next() == '-') Position++;
        if (Next() == '0') Position++;
        else TakeDigits();
        if (Next() == '.')
        {
            Position++;
            TakeDigits();
        }
        if (Next() is (byte)'e' or (byte)'E')
        {
            Position++;
            if (Next() is (byte)'+' or (byte)'-') Position++;
            TakeDigits();
        }
        if (Position < _json.Length ? !",]} \n\r\t"u8.Contains(Next()) : _levels > 0) throw Malformed();
        Value = _json[start..Position];
        TokenType = JsonTokenType.Number;
    }

    private void TakeDigits()
    {
        if (!char.IsAsciiDigit((char)Next())) throw Malformed();
        while (char.IsAsciiDigit((char)Next())) Position++;
    }

    private readonly string Unescape()
    {
        var text = new StringBuilder(Value.Length);
        for (var rest = Value; !rest.IsEmpty;)
        {
            var plain = rest.IndexOf((byte)'\\') is >= 0 and var at ? at : rest.Length;
            text.Append(Encoding.UTF8.GetString(rest[..plain]));
            rest = rest[plain..];
            if (rest.IsEmpty) break;
            text.Append(rest[1] switch
            {
                (byte)'b' => '\b',
                (byte)'f' => '\f',
                (byte)'n' => '\n',
                (byte)'r' => '\r',
                (byte)'t' => '\t',
                (byte)'u' => (char)ushort.Parse(rest[2..6], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture),
                var itself => (char)itself,
            });
            rest = rest[(rest[1] == 'u' ? 6 : 2)..];
        }
        return text.ToString();
    }

    private static JsonException Malformed() => new("", null, lineNumber: 0, bytePositionInLine: 0);
}
