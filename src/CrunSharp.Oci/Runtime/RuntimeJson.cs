using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace CrunSharp.Oci.Runtime;

/// <summary>The JSON of the runtime-spec's documents, generated at compile time.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    Converters = [typeof(NullIsFalse), typeof(NullIsZero32), typeof(NullIsZeroUnsigned32), typeof(NullIsZero64), typeof(NullIsZeroUnsigned64)])]
[JsonSerializable(typeof(RuntimeSpec))]
internal sealed partial class RuntimeJsonContext : JsonSerializerContext;

/// <summary>Reads and writes the runtime-spec's documents.</summary>
internal static class RuntimeJson
{
    private const int MostBytes = 16 * 1024 * 1024;

    private static JsonSerializerOptions? s_options;
    private static JsonSerializerOptions? s_indented;

    /// <summary>Reads a document.</summary>
    /// <param name="json">UTF-8, also with a byte order mark.</param>
    /// <param name="path">Where it is from, for errors.</param>
    /// <exception cref="CrunException">It is malformed; the text tells line and column.</exception>
    public static T Read<T>(ReadOnlySpan<byte> json, string path) where T : class
    {
        if (json.Length > MostBytes) throw CrunException.Invalid($"the document has more than {MostBytes} bytes", $"read {path}");
        if (json.StartsWith("\uFEFF"u8)) json = json[3..];
        Scan(json, path);
        try
        {
            var type = (JsonTypeInfo<T>)(s_options ??= MakeOptions(isIndented: false)).GetTypeInfo(typeof(T));
            return JsonSerializer.Deserialize(json, type) ?? throw CrunException.Invalid("the document is null", $"read {path}");
        }
        catch (JsonException error)
        {
            throw Malformed(path, error.LineNumber, error.BytePositionInLine, $"{error.Path ?? "$"} has the wrong type or is out of range", error);
        }
    }

    /// <summary>Writes a document.</summary>
    public static byte[] Write<T>(T document, bool isIndented)
    {
        var options = isIndented ? s_indented ??= MakeOptions(true) : s_options ??= MakeOptions(false);
        return JsonSerializer.SerializeToUtf8Bytes(document, (JsonTypeInfo<T>)options.GetTypeInfo(typeof(T)));
    }

    // What is missing is told by SpecCheck, which knows the specification's section.
    private static JsonSerializerOptions MakeOptions(bool isIndented) => new(RuntimeJsonContext.Default.Options)
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        WriteIndented = isIndented,
        TypeInfoResolver = RuntimeJsonContext.Default.WithAddedModifier(static type =>
        {
            foreach (var property in type.Properties) property.IsRequired = false;
        }),
    };

    private static void Scan(ReadOnlySpan<byte> json, string path)
    {
        try
        {
            RefuseNullElements(json, path);
        }
        catch (JsonException error)
        {
            throw Malformed(path, error.LineNumber, error.BytePositionInLine, "no JSON from here on", error);
        }
    }

    private static void RefuseNullElements(ReadOnlySpan<byte> json, string path)
    {
        var reader = new Utf8JsonReader(json);
        var containers = new Stack<bool>();
        while (reader.Read())
        {
            switch (reader.TokenType)
            {
                case JsonTokenType.StartObject or JsonTokenType.StartArray:
                    containers.Push(reader.TokenType == JsonTokenType.StartArray);
                    break;
                case JsonTokenType.EndObject or JsonTokenType.EndArray:
                    containers.Pop();
                    break;
                case JsonTokenType.Null when containers.TryPeek(out var isArray) && isArray:
                    var before = json[..(int)reader.TokenStartIndex];
                    throw Malformed(path, before.Count((byte)'\n'), before.Length - before.LastIndexOf((byte)'\n') - 1, "null is no element of a list");
            }
        }
    }

    private static CrunException Malformed(string path, long? line, long? column, string reason, Exception? inner = null) =>
        new(ErrorKind.InvalidInput, $"{path}:{line + 1}:{column + 1}: {reason}", inner: inner);
}

/// <summary>An explicit null is an absent value.</summary>
internal sealed class NullIsFalse : JsonConverter<bool>
{
    public override bool HandleNull => true;
    public override bool Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.TokenType switch
    {
        JsonTokenType.True => true,
        JsonTokenType.False or JsonTokenType.Null => false,
        _ => throw new JsonException(),
    };
    public override void Write(Utf8JsonWriter writer, bool value, JsonSerializerOptions options) => writer.WriteBooleanValue(value);
}

/// <inheritdoc cref="NullIsFalse"/>
internal sealed class NullIsZero32 : JsonConverter<int>
{
    public override bool HandleNull => true;
    public override int Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.Null ? 0
        : reader.TokenType == JsonTokenType.Number && reader.TryGetInt32(out var value) ? value : throw new JsonException();
    public override void Write(Utf8JsonWriter writer, int value, JsonSerializerOptions options) => writer.WriteNumberValue(value);
}

/// <inheritdoc cref="NullIsFalse"/>
internal sealed class NullIsZeroUnsigned32 : JsonConverter<uint>
{
    public override bool HandleNull => true;
    public override uint Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.Null ? 0
        : reader.TokenType == JsonTokenType.Number && reader.TryGetUInt32(out var value) ? value : throw new JsonException();
    public override void Write(Utf8JsonWriter writer, uint value, JsonSerializerOptions options) => writer.WriteNumberValue(value);
}

/// <inheritdoc cref="NullIsFalse"/>
internal sealed class NullIsZero64 : JsonConverter<long>
{
    public override bool HandleNull => true;
    public override long Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.Null ? 0
        : reader.TokenType == JsonTokenType.Number && reader.TryGetInt64(out var value) ? value : throw new JsonException();
    public override void Write(Utf8JsonWriter writer, long value, JsonSerializerOptions options) => writer.WriteNumberValue(value);
}

/// <inheritdoc cref="NullIsFalse"/>
internal sealed class NullIsZeroUnsigned64 : JsonConverter<ulong>
{
    public override bool HandleNull => true;
    public override ulong Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.Null ? 0
        : reader.TokenType == JsonTokenType.Number && reader.TryGetUInt64(out var value) ? value : throw new JsonException();
    public override void Write(Utf8JsonWriter writer, ulong value, JsonSerializerOptions options) => writer.WriteNumberValue(value);
}
