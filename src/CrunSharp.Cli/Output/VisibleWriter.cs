using System.Text;
using CrunSharp.Oci;

namespace CrunSharp.Cli.Output;

/// <summary>Writes text of others so that what would move a terminal's cursor can be seen.</summary>
/// <param name="output">Where to.</param>
internal sealed class VisibleWriter(TextWriter output) : TextWriter
{
    public override Encoding Encoding => output.Encoding;

    public override void Write(char value) => Write([value]);

    public override void Write(string? value) => output.Write(VisibleText.Of(value ?? "", hasLines: true));

    public override void Write(ReadOnlySpan<char> buffer) => Write(buffer.ToString());

    public override void Flush() => output.Flush();
}
