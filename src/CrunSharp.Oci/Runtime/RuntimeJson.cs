using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using CrunSharp.Oci.Json;

namespace CrunSharp.Oci.Runtime;

/// <summary>Reads and writes the runtime-spec's documents.</summary>
/// <remarks>What is missing is told by <see cref="SpecCheck"/>, which knows the specification's sections.</remarks>
internal static class RuntimeJson
{
    private const int MostBytes = 16 * 1024 * 1024;

    /// <summary>Reads a document.</summary>
    /// <param name="kind">Its kind.</param>
    /// <param name="json">UTF-8, also with a byte order mark.</param>
    /// <param name="path">Where it is from, for errors.</param>
    /// <exception cref="CrunException">It is malformed; the text tells path, line and byte.</exception>
    public static T Read<T>(JsonKind<T> kind, ReadOnlySpan<byte> json, string path) where T : class
    {
        if (json.Length > MostBytes) throw CrunException.Invalid($"the document has more than {MostBytes} bytes", $"read {path}");
        if (json.StartsWith("\uFEFF"u8)) json = json[3..];
        try
        {
            return kind.Parse(json, "document");
        }
        catch (CrunException error) when (error.Kind == ErrorKind.Integrity)
        {
            throw new CrunException(ErrorKind.InvalidInput, error.Reason.Replace("the document is ", "", StringComparison.Ordinal), path, inner: error);
        }
    }

    /// <summary>Writes a document.</summary>
    public static byte[] Write<T>(JsonKind<T> kind, T document, bool isIndented)
    {
        var buffer = new ArrayBufferWriter<byte>(4096);
        var options = new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, Indented = isIndented, SkipValidation = true };
        using (var writer = new Utf8JsonWriter(buffer, options)) kind.Write(writer, document);
        return buffer.WrittenSpan.ToArray();
    }
}
