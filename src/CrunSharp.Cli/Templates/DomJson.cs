using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using CrunSharp.Oci;

namespace CrunSharp.Cli.Templates;

/// <summary>Documents as JSON, both ways.</summary>
internal static class DomJson
{
    private const int Indent = 4;

    /// <summary>The value on one line.</summary>
    public static string Write(object? value) => Write(value, indented: false);

    /// <summary>The value as docker's <c>inspect</c> shows it, indented by four blanks.</summary>
    public static string WriteIndented(object? value) => Write(value, indented: true);

    /// <summary>Reads JSON.</summary>
    /// <param name="json">The text.</param>
    /// <param name="isMap">Whether the object that has this name holds data under free names.</param>
    /// <exception cref="CrunException">It is no JSON.</exception>
    public static object? Read(ReadOnlyMemory<byte> json, Func<string, bool> isMap)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            return Convert(document.RootElement, "", isMap);
        }
        catch (JsonException error)
        {
            throw CrunException.Integrity($"JSON is malformed at line {error.LineNumber + 1}, byte {error.BytePositionInLine + 1}", inner: error);
        }
    }

    private static object? Convert(JsonElement element, string name, Func<string, bool> isMap)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.String: return element.GetString();
            case JsonValueKind.True: return true;
            case JsonValueKind.False: return false;
            case JsonValueKind.Number: return element.TryGetInt64(out var whole) ? whole : element.GetDouble();
            case JsonValueKind.Array:
                var list = new List<object?>(element.GetArrayLength());
                foreach (var item in element.EnumerateArray()) list.Add(Convert(item, "", isMap));
                return list;
            case JsonValueKind.Object:
                var members = new DomObject { IsMap = isMap(name) };
                foreach (var member in element.EnumerateObject()) members[member.Name] = Convert(member.Value, member.Name, isMap);
                return members;
            default: return null;
        }
    }

    private static string Write(object? value, bool indented)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions
        {
            Indented = indented,
            IndentSize = Indent,
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        })) Write(writer, value);
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    private static void Write(Utf8JsonWriter writer, object? value)
    {
        switch (value)
        {
            case string text: writer.WriteStringValue(text); break;
            case bool truth: writer.WriteBooleanValue(truth); break;
            case long whole: writer.WriteNumberValue(whole); break;
            case double real: writer.WriteNumberValue(real); break;
            case IReadOnlyList<object?> list:
                writer.WriteStartArray();
                foreach (var item in list) Write(writer, item);
                writer.WriteEndArray();
                break;
            case DomObject members:
                writer.WriteStartObject();
                foreach (var (name, member) in members.Members)
                {
                    if (member is DomFunction) continue;
                    writer.WritePropertyName(name);
                    Write(writer, member);
                }
                writer.WriteEndObject();
                break;
            default: writer.WriteNullValue(); break;
        }
    }
}
