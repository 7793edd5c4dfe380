using System.Text;
using System.Text.Json;
using CrunSharp.Build.Dockerfile;

namespace CrunSharp.Build.Linting;

/// <summary>The stages that <c>--target</c> takes: the answer to <c>--call=targets</c>.</summary>
public static class Targets
{
    /// <summary>The stages for people.</summary>
    public static string ToText(ParsedDockerfile file)
    {
        List<string[]> rows = [["TARGET", "DESCRIPTION"]];
        foreach (var stage in file.Stages)
        {
            var name = stage.From.StageName ?? "";
            var isDefault = stage.Index == file.Stages.Count - 1;
            rows.Add([name.Length == 0 && isDefault ? "(default)" : isDefault ? $"{name} (default)" : name, Outline.DescriptionOf(stage.From, name)]);
        }
        return Columns.Align(rows, 1);
    }

    /// <summary>The stages as JSON.</summary>
    public static string ToJson(ParsedDockerfile file) => CallJson.Write(json =>
    {
        json.WriteStartArray("targets");
        foreach (var stage in file.Stages)
        {
            json.WriteStartObject();
            var name = stage.From.StageName ?? "";
            if (name.Length > 0) json.WriteString("name", name);
            if (stage.Index == file.Stages.Count - 1) json.WriteBoolean("default", true);
            if (Outline.DescriptionOf(stage.From, name) is { Length: > 0 } description) json.WriteString("description", description);
            json.WriteString("base", stage.From.Image);
            if (stage.From.Platform is { } platform) json.WriteString("platform", platform);
            CallJson.WriteLocation(json, stage.From.Range);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        WriteSources(json, file.Source);
    });

    /// <summary>The texts that places are in.</summary>
    internal static void WriteSources(Utf8JsonWriter json, DockerfileSource source)
    {
        json.WriteStartArray("sources");
        json.WriteBase64StringValue(Encoding.UTF8.GetBytes(string.Concat(source.Lines)));
        json.WriteEndArray();
    }
}
