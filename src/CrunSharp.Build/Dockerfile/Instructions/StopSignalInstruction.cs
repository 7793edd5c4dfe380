namespace CrunSharp.Build.Dockerfile.Instructions;

/// <summary>STOPSIGNAL: the signal that asks the program to end.</summary>
/// <param name="Signal">A name or a number.</param>
public sealed record StopSignalInstruction(string Signal) : Instruction
{
    /// <inheritdoc/>
    public override string Name => "STOPSIGNAL";

    /// <inheritdoc/>
    internal override Instruction Expand(WordExpander expand) => this with { Signal = expand.Word(Signal) };
}
