namespace CrunSharp.Build.Dockerfile.Instructions;

/// <summary>WORKDIR: where commands run; made when it is missing.</summary>
/// <param name="Path">Absolute, or relative to the one before.</param>
public sealed record WorkdirInstruction(string Path) : Instruction
{
    /// <inheritdoc/>
    public override string Name => "WORKDIR";

    /// <inheritdoc/>
    internal override Instruction Expand(WordExpander expand) => this with { Path = expand.Word(Path) };
}
