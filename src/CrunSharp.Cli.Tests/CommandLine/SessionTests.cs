using System.Text;

namespace CrunSharp.Cli.Tests.CommandLine;

/// <summary>Each file of <c>cases/sessions</c> has command lines after <c>$</c>, what they write, and their exit codes in brackets.</summary>
public class SessionTests
{
    [TestCase("help")]
    [TestCase("options")]
    [TestCase("values")]
    [TestCase("operands")]
    [TestCase("unknown")]
    [TestCase("version")]
    public void Command_lines_are_answered(string name)
    {
        var actual = new StringBuilder();
        foreach (var line in File.ReadLines(Golden.Path($"sessions/{name}.txt")))
        {
            if (line.StartsWith("# ", StringComparison.Ordinal)) actual.Append(line).Append('\n');
            if (!line.StartsWith("$ ", StringComparison.Ordinal)) continue;
            var (code, text) = new Session().Run(Session.Words(line[2..]));
            actual.Append(line).Append('\n').Append(text);
            if (text.Length > 0 && text[^1] != '\n') actual.Append('\n');
            actual.Append('[').Append(code).Append("]\n\n");
        }
        Golden.Check($"sessions/{name}.txt", actual.ToString());
    }
}
