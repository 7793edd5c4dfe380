using System.Text;
using CrunSharp.Cli.Templates;
using CrunSharp.Oci;

namespace CrunSharp.Cli.Output;

/// <summary>A field of a list: its name in templates, its header in tables, and its value for a row.</summary>
internal readonly record struct Column<T>(string Field, string Header, Func<T, object?> Value);

/// <summary>Writes lists as docker does: a table, only ids, JSON lines, or what a Go template says.</summary>
/// <typeparam name="T">A row.</typeparam>
/// <param name="columns">All fields that a template can name.</param>
internal sealed class ListFormat<T>(Column<T>[] columns)
{
    private const string TablePrefix = "table";

    /// <summary>Writes the rows.</summary>
    /// <param name="output">Where to.</param>
    /// <param name="rows">The rows.</param>
    /// <param name="format">What <c>--format</c> says: empty, <c>table</c>, <c>json</c>, <c>table TEMPLATE</c> or <c>TEMPLATE</c>.</param>
    /// <param name="shown">The fields of the table that is written without a template.</param>
    public void Write(TextWriter output, IReadOnlyList<T> rows, string? format, ReadOnlySpan<string> shown)
    {
        switch (format)
        {
            case null or "" or TablePrefix:
                output.Write(TabWriter.Align(Table(rows, shown)));
                break;
            case "json":
                foreach (var row in rows) output.Write(DomJson.Write(Row(row, functions: false)) + "\n");
                break;
            default:
                WriteTemplate(output, rows, Unescape(format));
                break;
        }
    }

    /// <summary>The rows as documents, for a template over several lists.</summary>
    public List<object?> Documents(IReadOnlyList<T> rows) => [.. rows.Select(row => (object?)Row(row, functions: false))];

    private string Table(IReadOnlyList<T> rows, ReadOnlySpan<string> shown)
    {
        var chosen = new Column<T>[shown.Length];
        for (var i = 0; i < chosen.Length; i++) chosen[i] = Named(shown[i]);
        var text = new StringBuilder();
        text.AppendJoin('\t', Array.ConvertAll(chosen, static c => c.Header)).Append('\n');
        foreach (var row in rows)
            text.AppendJoin('\t', Array.ConvertAll(chosen, c => VisibleText.Of(c.Value(row)?.ToString() ?? ""))).Append('\n');
        return text.ToString();
    }

    private void WriteTemplate(TextWriter output, IReadOnlyList<T> rows, string format)
    {
        var isTable = format.StartsWith(TablePrefix, StringComparison.Ordinal);
        var template = Template.Parse(isTable ? format[TablePrefix.Length..].Trim() : format);
        var text = new StringBuilder();
        if (isTable)
        {
            var headers = new DomObject { IsMap = true };
            foreach (var column in columns) headers[column.Field] = Header(column);
            template.Execute(headers, text);
            text.Append('\n');
        }
        foreach (var row in rows)
        {
            template.Execute(Row(row, functions: true), text);
            text.Append('\n');
        }
        output.Write(isTable ? TabWriter.Align(text.ToString()) : text.ToString());
    }

    // A field that is called with an argument (.Label "x") has the argument for its header.
    private static object Header(Column<T> column) => column.Header.Length > 0
        ? column.Header
        : new DomFunction(static arguments => arguments is [string name] ? name[(name.LastIndexOf('.') + 1)..] : "");

    private DomObject Row(T row, bool functions)
    {
        var fields = new DomObject();
        foreach (var column in columns)
        {
            var value = column.Value(row);
            if (functions || value is not DomFunction) fields[column.Field] = value;
        }
        fields.Sort();
        return fields;
    }

    private Column<T> Named(string field)
    {
        foreach (var column in columns)
        {
            if (column.Field == field) return column;
        }
        throw new ArgumentException($"no column is named {field}", nameof(field));
    }

    private static string Unescape(string format) =>
        format.Replace("\\t", "\t", StringComparison.Ordinal).Replace("\\n", "\n", StringComparison.Ordinal);
}
