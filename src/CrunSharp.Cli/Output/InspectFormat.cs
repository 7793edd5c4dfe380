using System.Text;
using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Templates;
using CrunSharp.Oci;

namespace CrunSharp.Cli.Output;

/// <summary>Writes what <c>inspect</c> found: a JSON array, or for each document what a Go template says.</summary>
internal static class InspectFormat
{
    /// <summary>Finds and writes documents; what is not found is reported after those that are.</summary>
    /// <returns>The exit code: 1 when one was not found.</returns>
    public static int WriteEach(CommandContext context, IReadOnlyList<string> names, string? format, Func<string, object?> find)
    {
        var documents = new List<object?>();
        var errors = new List<CrunException>();
        foreach (var name in names)
        {
            try
            {
                documents.Add(find(name));
            }
            catch (CrunException error)
            {
                errors.Add(error);
            }
        }
        Write(context.Out, documents, format);
        context.Out.Flush();
        foreach (var error in errors) context.Complain(error.Message);
        return errors.Count > 0 ? ExitCodes.Failure : ExitCodes.Success;
    }

    /// <summary>Writes documents.</summary>
    /// <exception cref="CrunException">The template is malformed, or asks for what is not there.</exception>
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
