using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using CrunSharp.Oci;

namespace CrunSharp.Cli.Output;

/// <summary>Shows documents that came from elsewhere: all of their fields, in their order, and nothing that a terminal acts on.</summary>
internal static class JsonText
{
    /// <summary>A document with each field on a line.</summary>
    /// <param name="json">The document.</param>
    /// <param name="indent">What a level is indented by: tabs or blanks.</param>
    /// <exception cref="CrunException">It is no JSON.</exception>
    public static string Indent(ReadOnlyMemory<byte> json, string indent)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            var buffer = new ArrayBufferWriter<byte>(json.Length * 2);
            var options = new JsonWriterOptions { Indented = true, IndentCharacter = indent[0], IndentSize = indent.Length, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
            using (var writer = new Utf8JsonWriter(buffer, options)) document.RootElement.WriteTo(writer);
            return Encoding.UTF8.GetString(buffer.WrittenSpan);
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw CrunException.Integrity("the document is no JSON", inner: error);
        }
    }
}
