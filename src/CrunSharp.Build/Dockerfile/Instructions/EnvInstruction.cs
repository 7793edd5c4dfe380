namespace CrunSharp.Build.Dockerfile.Instructions;

/// <summary>ENV: environment variables.</summary>
/// <param name="Variables">Names and values.</param>
public sealed record EnvInstruction(IReadOnlyList<NamedValue> Variables) : Instruction
{
    /// <inheritdoc/>
    public override string Name => "ENV";

    /// <inheritdoc/>
    internal override Instruction Expand(WordExpander expand) => this with { Variables = Expand(Variables, expand) };
}
