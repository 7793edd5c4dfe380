using System.Text;
using CrunSharp.Cli.Templates;

namespace CrunSharp.Cli.Output;

/// <summary>Writes what <c>inspect</c> found: a JSON array, or for each document what a Go template says.</summary>
internal static class InspectFormat
{
    public static void Write(TextWriter output, IReadOnlyList<object?> documents, string? format)
    {
        if (string.IsNullOrEmpty(format))
        {
            output.Write(DomJson.WriteIndented(documents) + "\n");
            return;
        }
        var template = Template.Parse(format == "json" ? "{{json .}}" : format);
        var text = new StringBuilder();
        foreach (var document in documents)
        {
            template.Execute(document, text);
            text.Append('\n');
        }
        output.Write(text.ToString());
    }
}
