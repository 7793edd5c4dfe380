using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace CrunSharp.Oci.Json;

/// <summary>How a kind of value is read from JSON and written to it.</summary>
/// <remarks>
/// The library's own serializer looks at each type's attributes, constructors and converters at its first use, which
/// takes longer than all the rest of a command. These are objects that are there, and do nothing at first use.
/// </remarks>
/// <typeparam name="T">The values.</typeparam>
public abstract class JsonKind<T>
{
    /// <summary>Reads the value whose first token is the reader's; the reader stays at its last one.</summary>
    /// <exception cref="JsonException">It is of another kind, or malformed.</exception>
    public abstract T Read(ref JsonTokens reader);

    /// <summary>Writes a value.</summary>
    public abstract void Write(Utf8JsonWriter writer, T value);

    /// <summary>Reads a whole document.</summary>
    /// <param name="json">The document's bytes.</param>
    /// <param name="what">What it is, for the error: <c>image config</c>.</param>
    /// <param name="operation">What is being done, for the error.</param>
    /// <exception cref="CrunException">It is malformed; the text says where: path, line and byte, from 1.</exception>
    public T Parse(ReadOnlySpan<byte> json, string what, string? operation = null)
    {
        var reader = new JsonTokens(json);
        try
        {
            reader.Read();
            var value = Read(ref reader);
            reader.Read(); // refuses what follows
            return value;
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException) // the latter: strings that are no UTF-8
        {
            // Where the reader itself refuses, it is already behind its last token.
            var isReaders = error is JsonException { LineNumber: not null };
            var position = JsonPosition.At(json, isReaders ? reader.Position : reader.TokenStart);
            var reason = error is JsonException && !isReaders ? $": {error.Message}" : "";
            throw CrunException.Integrity($"the {what} is malformed at {position}{reason}", operation, error);
        }
    }

    /// <summary>A document's bytes.</summary>
    /// <param name="value">The document.</param>
    /// <param name="encoder">Which characters are escaped; null for all that are not ASCII or that HTML knows.</param>
    public byte[] Format(T value, JavaScriptEncoder? encoder = null)
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = encoder, SkipValidation = true })) Write(writer, value);
        return buffer.WrittenSpan.ToArray();
    }
}

/// <summary>The kinds of values that documents are made of.</summary>
public static class JsonKind
{
    /// <summary>A string.</summary>
    public static JsonKind<string> Text { get; } = new TextKind();

    /// <summary><c>true</c> or <c>false</c>.</summary>
    public static JsonKind<bool> Flag { get; } = new FlagKind();

    /// <summary>A whole number of 16 bits without a sign.</summary>
    public static JsonKind<ushort> UShort { get; } = new UShortKind();

    /// <summary>A whole number of 32 bits without a sign.</summary>
    public static JsonKind<uint> UInt { get; } = new UIntKind();

    /// <summary>A whole number of 32 bits with a sign.</summary>
    public static JsonKind<int> Int { get; } = new IntKind();

    /// <summary>A whole number of 64 bits with a sign.</summary>
    public static JsonKind<long> Long { get; } = new LongKind();

    /// <summary>A whole number of 64 bits without a sign.</summary>
    public static JsonKind<ulong> ULong { get; } = new ULongKind();

    /// <summary>A list of strings.</summary>
    public static JsonKind<IReadOnlyList<string>> Texts { get; } = List(Text);

    /// <summary>Strings by their names.</summary>
    public static JsonKind<IReadOnlyDictionary<string, string>> TextMap { get; } = Map(Text);

    /// <summary>A list.</summary>
    public static JsonKind<IReadOnlyList<T>> List<T>(JsonKind<T> element) => new ListKind<T>(element);

    /// <summary>Values by their names; of two with the same name the last one counts.</summary>
    public static JsonKind<IReadOnlyDictionary<string, T>> Map<T>(JsonKind<T> value) => new MapKind<T>(value);

    /// <summary>Something that is written as a string.</summary>
    /// <param name="parse">Its value of a string; a <see cref="JsonException"/> or <see cref="CrunException"/> refuses it.</param>
    /// <param name="format">Its string.</param>
    public static JsonKind<T> Word<T>(Func<string, T> parse, Func<T, string> format) => new WordKind<T>(parse, format);

    /// <summary>A value of another kind than what is there.</summary>
    internal static JsonException Expected(string what, JsonTokenType found) => new($"{what} is expected, not {found switch
    {
        JsonTokenType.Null => "null",
        JsonTokenType.True or JsonTokenType.False => "a boolean",
        JsonTokenType.Number => "a number",
        JsonTokenType.String => "a string",
        JsonTokenType.StartArray => "a list",
        JsonTokenType.StartObject => "an object",
        _ => "this",
    }}");

    private sealed class TextKind : JsonKind<string>
    {
        public override string Read(ref JsonTokens reader) =>
            reader.TokenType == JsonTokenType.String ? reader.GetString() : throw Expected("a string", reader.TokenType);

        public override void Write(Utf8JsonWriter writer, string value) => writer.WriteStringValue(value);
    }

    private sealed class FlagKind : JsonKind<bool>
    {
        public override bool Read(ref JsonTokens reader) => reader.TokenType switch
        {
            JsonTokenType.True => true,
            JsonTokenType.False => false,
            var other => throw Expected("a boolean", other),
        };

        public override void Write(Utf8JsonWriter writer, bool value) => writer.WriteBooleanValue(value);
    }

    private sealed class UShortKind : JsonKind<ushort>
    {
        public override ushort Read(ref JsonTokens reader) =>
            reader.TokenType != JsonTokenType.Number ? throw Expected("a number", reader.TokenType)
            : reader.TryGetLong(out var value) && value is >= 0 and <= ushort.MaxValue ? (ushort)value : throw new JsonException("the number is no whole one from 0 to 65535");

        public override void Write(Utf8JsonWriter writer, ushort value) => writer.WriteNumberValue(value);
    }

    private sealed class UIntKind : JsonKind<uint>
    {
        public override uint Read(ref JsonTokens reader) =>
            reader.TokenType != JsonTokenType.Number ? throw Expected("a number", reader.TokenType)
            : reader.TryGetLong(out var value) && value is >= 0 and <= uint.MaxValue ? (uint)value : throw new JsonException("the number is no whole one of 32 bits without a sign");

        public override void Write(Utf8JsonWriter writer, uint value) => writer.WriteNumberValue(value);
    }

    private sealed class IntKind : JsonKind<int>
    {
        public override int Read(ref JsonTokens reader) =>
            reader.TokenType != JsonTokenType.Number ? throw Expected("a number", reader.TokenType)
            : reader.TryGetLong(out var value) && value is >= int.MinValue and <= int.MaxValue ? (int)value : throw new JsonException("the number is no whole one of 32 bits");

        public override void Write(Utf8JsonWriter writer, int value) => writer.WriteNumberValue(value);
    }

    private sealed class LongKind : JsonKind<long>
    {
        public override long Read(ref JsonTokens reader) =>
            reader.TokenType != JsonTokenType.Number ? throw Expected("a number", reader.TokenType)
            : reader.TryGetLong(out var value) ? value : throw new JsonException("the number is no whole one of 64 bits");

        public override void Write(Utf8JsonWriter writer, long value) => writer.WriteNumberValue(value);
    }

    private sealed class ULongKind : JsonKind<ulong>
    {
        public override ulong Read(ref JsonTokens reader) =>
            reader.TokenType != JsonTokenType.Number ? throw Expected("a number", reader.TokenType)
            : reader.TryGetULong(out var value) ? value : throw new JsonException("the number is no whole one of 64 bits without a sign");

        public override void Write(Utf8JsonWriter writer, ulong value) => writer.WriteNumberValue(value);
    }

    private sealed class ListKind<T>(JsonKind<T> element) : JsonKind<IReadOnlyList<T>>
    {
        public override IReadOnlyList<T> Read(ref JsonTokens reader)
        {
            if (reader.TokenType != JsonTokenType.StartArray) throw Expected("a list", reader.TokenType);
            var values = new List<T>();
            while (reader.Read() && reader.TokenType != JsonTokenType.EndArray) values.Add(element.Read(ref reader));
            return values;
        }

        public override void Write(Utf8JsonWriter writer, IReadOnlyList<T> value)
        {
            writer.WriteStartArray();
            for (var i = 0; i < value.Count; i++) element.Write(writer, value[i]);
            writer.WriteEndArray();
        }
    }

    private sealed class MapKind<T>(JsonKind<T> element) : JsonKind<IReadOnlyDictionary<string, T>>
    {
        public override IReadOnlyDictionary<string, T> Read(ref JsonTokens reader)
        {
            if (reader.TokenType != JsonTokenType.StartObject) throw Expected("an object", reader.TokenType);
            var values = new Dictionary<string, T>();
            while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
            {
                var name = reader.GetString();
                reader.Read();
                values[name] = element.Read(ref reader);
            }
            return values;
        }

        public override void Write(Utf8JsonWriter writer, IReadOnlyDictionary<string, T> value)
        {
            writer.WriteStartObject();
            foreach (var (name, part) in value)
            {
                writer.WritePropertyName(name);
                element.Write(writer, part);
            }
            writer.WriteEndObject();
        }
    }

    private sealed class WordKind<T>(Func<string, T> parse, Func<T, string> format) : JsonKind<T>
    {
        public override T Read(ref JsonTokens reader)
        {
            var text = Text.Read(ref reader);
            try
            {
                return parse(text);
            }
            catch (CrunException error)
            {
                throw new JsonException(error.Message, error);
            }
        }

        public override void Write(Utf8JsonWriter writer, T value) => writer.WriteStringValue(format(value));
    }
}
