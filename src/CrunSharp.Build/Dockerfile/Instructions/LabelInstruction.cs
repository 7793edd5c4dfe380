namespace CrunSharp.Build.Dockerfile.Instructions;

/// <summary>LABEL: labels of the image.</summary>
/// <param name="Labels">Names and values.</param>
public sealed record LabelInstruction(IReadOnlyList<NamedValue> Labels) : Instruction
{
    /// <inheritdoc/>
    public override string Name => "LABEL";

    /// <inheritdoc/>
    internal override Instruction Expand(WordExpander expand) => this with { Labels = Expand(Labels, expand) };
}
