using System.Text.Json;

namespace CrunSharp.Registry;

/// <summary>What a server says about a failure.</summary>
/// <param name="Code">The first error's code, such as <c>MANIFEST_UNKNOWN</c>; empty when there is none.</param>
/// <param name="Text">All of it as one line; empty when it says nothing.</param>
/// <seealso href="https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes"/>
internal readonly record struct ErrorBody(string Code, string Text)
{
    private const int MostErrors = 3;

    /// <summary>Reads a body; whatever it is, there is no error.</summary>
    public static ErrorBody Parse(ReadOnlyMemory<byte> body)
    {
        try
        {
            using var document = JsonDocument.Parse(body, new JsonDocumentOptions { MaxDepth = 16 });
            var root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object) return new ErrorBody("", "");
            if (root.TryGetProperty("errors", out var errors) && errors.ValueKind == JsonValueKind.Array) return FromList(errors);
            // Token servers: OAuth's form, and Docker's.
            if (Field(root, "error_description") is { Length: > 0 } description) return new ErrorBody(Field(root, "error"), Words.Clean(description));
            if (Field(root, "details") is { Length: > 0 } details) return new ErrorBody("", Words.Clean(details));
            if (Field(root, "message") is { Length: > 0 } message) return new ErrorBody("", Words.Clean(message));
            return new ErrorBody("", Words.Clean(Field(root, "error")));
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException) // the latter: strings that are no UTF-16
        {
            return new ErrorBody("", "");
        }
    }

    private static ErrorBody FromList(JsonElement errors)
    {
        var (code, texts) = ("", new List<string>());
        foreach (var error in errors.EnumerateArray())
        {
            if (error.ValueKind != JsonValueKind.Object || texts.Count == MostErrors) continue;
            var own = Field(error, "code");
            if (texts.Count == 0) code = own;
            var message = Field(error, "message");
            var text = own.ToLowerInvariant().Replace('_', ' ');
            if (message.Length > 0) text += text.Length > 0 ? $": {message}" : message;
            if (Field(error, "detail") is { Length: > 0 } detail && detail != message) text += $": {detail}";
            texts.Add(Words.Clean(text));
        }
        return new ErrorBody(code.ToUpperInvariant(), string.Join(", ", texts));
    }

    private static string Field(JsonElement parent, string name) =>
        parent.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString()! : "";
}
