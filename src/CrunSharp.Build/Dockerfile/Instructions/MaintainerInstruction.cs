namespace CrunSharp.Build.Dockerfile.Instructions;

/// <summary>MAINTAINER: who made the image (deprecated).</summary>
/// <param name="Author">Who.</param>
public sealed record MaintainerInstruction(string Author) : Instruction
{
    /// <inheritdoc/>
    public override string Name => "MAINTAINER";
}
