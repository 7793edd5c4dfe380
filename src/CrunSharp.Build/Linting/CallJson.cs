using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using CrunSharp.Build.Dockerfile;

namespace CrunSharp.Build.Linting;

/// <summary>The JSON of <c>--call</c>.</summary>
internal static class CallJson
{
    private static readonly JsonWriterOptions Options = new() { Indented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>An object, one field on a line.</summary>
    public static string Write(Action<Utf8JsonWriter> fields)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, Options))
        {
            json.WriteStartObject();
            fields(json);
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(buffer.WrittenSpan) + "\n";
    }

    /// <summary>A place in the first of the sources.</summary>
    public static void WriteLocation(Utf8JsonWriter json, SourceRange? range)
    {
        json.WriteStartObject("location");
        if (range is { } lines) WriteRanges(json, "ranges", lines);
        json.WriteEndObject();
    }

    /// <summary>A list with some lines as its only entry.</summary>
    public static void WriteRanges(Utf8JsonWriter json, string name, SourceRange lines)
    {
        json.WriteStartArray(name);
        json.WriteStartObject();
        WritePosition(json, "start", lines.Start);
        WritePosition(json, "end", lines.End);
        json.WriteEndObject();
        json.WriteEndArray();
    }

    private static void WritePosition(Utf8JsonWriter json, string name, int line)
    {
        json.WriteStartObject(name);
        json.WriteNumber("line", line);
        json.WriteEndObject();
    }
}
