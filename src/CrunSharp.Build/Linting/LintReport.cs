using System.Globalization;
using System.Text;
using System.Text.Json;
using CrunSharp.Build.Dockerfile;
using CrunSharp.Oci;

namespace CrunSharp.Build.Linting;

/// <summary>What <c>--check</c> found, as <c>docker buildx</c> shows it.</summary>
public static class LintReport
{
    /// <summary>The warnings in the order of their lines, each with its rule, where to read of it, and the lines.</summary>
    /// <param name="result">What was found.</param>
    /// <param name="fileName">The Dockerfile's name for people.</param>
    public static string ToText(CheckResult result, string fileName)
    {
        if (result.Warnings.Count == 0) return result.Error is null ? "Check complete, no warnings found.\n" : "";
        var text = new StringBuilder(result.Warnings.Count == 1 ? "Check complete, 1 warning has been found!\n"
            : string.Create(CultureInfo.InvariantCulture, $"Check complete, {result.Warnings.Count} warnings have been found!\n"));
        foreach (var warning in result.Warnings.OrderBy(static warning => warning.Range.Start))
        {
            text.Append(CultureInfo.InvariantCulture, $"\nWARNING: {warning.Rule.Name}{(warning.Rule.Url is { } url ? " - " + url : "")}\n{VisibleText.Of(warning.Detail)}\n");
            text.Append(result.Source.Excerpt(warning.Range, fileName));
        }
        return text.ToString();
    }

    /// <summary>The warnings at the end of a build: one line for each, or with <paramref name="isLong"/> all that is known.</summary>
    /// <param name="warnings">The warnings; at least one.</param>
    /// <param name="program">The program's name, for how to see more.</param>
    /// <param name="isLong">Whether descriptions, addresses and lines are shown.</param>
    public static string Summary(IReadOnlyList<LintWarning> warnings, string program, bool isLong)
    {
        var text = new StringBuilder("\n ").Append(CultureInfo.InvariantCulture, $"{warnings.Count} warning{(warnings.Count == 1 ? "" : "s")} found");
        text.Append(isLong ? ":\n" : $" (use {program} --debug to expand):\n");
        foreach (var warning in warnings)
        {
            text.Append(CultureInfo.InvariantCulture, $" - {VisibleText.Of(warning.Short)}\n");
            if (!isLong) continue;
            text.Append(warning.Rule.Description).Append('\n');
            if (warning.Rule.Url is { } url) text.Append(CultureInfo.InvariantCulture, $"More info: {url}\n");
            text.Append(warning.Source?.Excerpt(warning.Range)).Append('\n');
        }
        return text.ToString();
    }

    /// <summary>The same as JSON.</summary>
    public static string ToJson(CheckResult result) => CallJson.Write(json =>
    {
        json.WriteStartArray("warnings");
        foreach (var warning in result.Warnings)
        {
            json.WriteStartObject();
            json.WriteString("ruleName", warning.Rule.Name);
            json.WriteString("description", warning.Rule.Description);
            if (warning.Rule.Url is { } url) json.WriteString("url", url);
            json.WriteString("detail", warning.Detail);
            CallJson.WriteLocation(json, warning.Range);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        WriteSource(json, result.Source);
        if (result.Error is not { } error) return;
        json.WriteStartObject("buildError");
        json.WriteString("message", MessageOf(result.Source, error, result.IsParsed));
        CallJson.WriteLocation(json, DockerfileError.RangeOf(error));
        json.WriteEndObject();
    });

    private static void WriteSource(Utf8JsonWriter json, DockerfileSource source)
    {
        json.WriteStartArray("sources");
        json.WriteStartObject();
        json.WriteString("filename", source.Name);
        json.WriteBase64String("data", Encoding.UTF8.GetBytes(string.Concat(source.Lines)));
        json.WriteString("language", "Dockerfile");
        json.WriteEndObject();
        json.WriteEndArray();
    }

    // BuildKit says the place of what cannot be read in words.
    private static string MessageOf(DockerfileSource source, CrunException error, bool isParsed)
    {
        if (DockerfileError.RangeOf(error) is not { } range) return error.Message;
        var place = $"{source.Name}:{range}: ";
        var message = error.Message.StartsWith(place, StringComparison.Ordinal) ? error.Message[place.Length..] : error.Message;
        return isParsed ? message : string.Create(CultureInfo.InvariantCulture, $"dockerfile parse error on line {range.Start}: {message}");
    }
}
