using System.Text;
using CrunSharp.Oci;

namespace CrunSharp.Cli.Templates;

/// <summary>A Go template, as <c>--format</c> takes it.</summary>
/// <seealso href="https://pkg.go.dev/text/template"/>
internal sealed class Template
{
    private readonly string _source;
    private readonly IReadOnlyList<Node> _nodes;

    private Template(string source, IReadOnlyList<Node> nodes) => (_source, _nodes) = (source, nodes);

    /// <summary>Reads a template.</summary>
    /// <exception cref="CrunException">It is malformed; the text names the line.</exception>
    public static Template Parse(string source) => new(source, Parser.Parse(source));

    /// <summary>Appends what the template makes of a value.</summary>
    /// <exception cref="CrunException">A field is missing or a function cannot take its arguments; the text names the place.</exception>
    public void Execute(object? value, StringBuilder output) => new Evaluator(_source, value, output).Run(_nodes);

    /// <summary>What the template makes of a value.</summary>
    public string Execute(object? value)
    {
        var output = new StringBuilder();
        Execute(value, output);
        return output.ToString();
    }
}
