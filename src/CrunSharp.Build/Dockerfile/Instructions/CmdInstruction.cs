namespace CrunSharp.Build.Dockerfile.Instructions;

/// <summary>CMD: what a container runs by default.</summary>
/// <param name="Command">The command.</param>
public sealed record CmdInstruction(CommandForm Command) : Instruction
{
    /// <inheritdoc/>
    public override string Name => "CMD";
}
