namespace CrunSharp.Build.Dockerfile.Instructions;

/// <summary>ONBUILD: an instruction for builds that start from this image.</summary>
/// <param name="Trigger">The instruction's text, heredocs included.</param>
public sealed record OnbuildInstruction(string Trigger) : Instruction
{
    /// <inheritdoc/>
    public override string Name => "ONBUILD";
}
