using System.Text;
using System.Text.Json;

namespace CrunSharp.Oci.Json;

/// <summary>Where in a document something is, for errors: found by reading it once more, so that reading need not keep track.</summary>
internal static class JsonPosition
{
    /// <summary>The path, line and byte of an offset: <c>$.config.Env[2] (line 1, byte 30)</c>.</summary>
    public static string At(ReadOnlySpan<byte> json, int offset)
    {
        var before = json[..Math.Min(offset, json.Length)];
        return $"{PathAt(json, offset)} (line {before.Count((byte)'\n') + 1}, byte {before.Length - (before.LastIndexOf((byte)'\n') + 1) + 1})";
    }

    private static string PathAt(ReadOnlySpan<byte> json, int offset)
    {
        // A level is a field's name, or the number of an element.
        var levels = new List<(string? Name, int Index)>();
        var reader = new Utf8JsonReader(json);
        try
        {
            while (reader.Read() && reader.TokenStartIndex <= offset)
            {
                if (reader.TokenType is JsonTokenType.EndArray or JsonTokenType.EndObject)
                {
                    levels.RemoveAt(levels.Count - 1);
                    continue;
                }
                if (reader.TokenType == JsonTokenType.PropertyName) levels[^1] = (reader.GetString(), 0);
                else if (levels.Count > 0 && levels[^1].Name is null) levels[^1] = (null, levels[^1].Index + 1);
                if (reader.TokenStartIndex == offset) break;
                if (reader.TokenType == JsonTokenType.StartArray) levels.Add((null, -1));
                if (reader.TokenType == JsonTokenType.StartObject) levels.Add(("", 0));
            }
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            // That is the place.
        }
        var path = new StringBuilder("$");
        foreach (var (name, index) in levels)
        {
            if (name is null) path.Append(index < 0 ? "" : $"[{index}]");
            else if (name.Length > 0) path.Append('.').Append(IsPlain(name) ? name : "?");
        }
        return path.ToString();
    }

    // An error is one line, whatever a document calls its fields.
    private static bool IsPlain(string name) =>
        name.Length <= 64 && !name.AsSpan().ContainsAnyExceptInRange(' ', '~');
}
