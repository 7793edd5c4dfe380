namespace CrunSharp.Build.Dockerfile.Instructions;

/// <summary>VOLUME: paths whose data outlives a container.</summary>
/// <param name="Paths">The paths.</param>
public sealed record VolumeInstruction(IReadOnlyList<string> Paths) : Instruction
{
    /// <inheritdoc/>
    public override string Name => "VOLUME";

    /// <inheritdoc/>
    internal override Instruction Expand(WordExpander expand) => this with { Paths = Expand(Paths, expand) };
}
