using System.Text.Json;

namespace CrunSharp.NativeTests.Harness;

/// <summary>JSON to compare: names in order, a line for each value, nothing that is empty.</summary>
internal static class SortedJson
{
    public static string[] Of(string json, params string[] without)
    {
        using var document = JsonDocument.Parse(json);
        var lines = new List<string>();
        Add(lines, "", document.RootElement, without);
        return [.. lines];
    }

    private static void Add(List<string> lines, string path, JsonElement value, string[] without)
    {
        if (value.ValueKind == JsonValueKind.Object)
        {
            foreach (var property in value.EnumerateObject().OrderBy(static p => p.Name, StringComparer.Ordinal))
                if (!without.Contains(property.Name)) Add(lines, $"{path}/{property.Name}", property.Value, without);
            // A set, such as of ports.
            if (!value.EnumerateObject().Any() && path.Count('/') > 1) lines.Add(path);
        }
        else if (value.ValueKind == JsonValueKind.Array)
        {
            var i = 0;
            foreach (var item in value.EnumerateArray()) Add(lines, $"{path}/{i++}", item, without);
        }
        else if (value.ValueKind is not (JsonValueKind.Null or JsonValueKind.False) && value.ToString().Length > 0)
        {
            lines.Add($"{path} = {value}");
        }
    }
}
