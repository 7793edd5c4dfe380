namespace CrunSharp.Build.Dockerfile.Instructions;

/// <summary>ENTRYPOINT: what a container runs, with CMD as its arguments.</summary>
/// <param name="Command">The command.</param>
public sealed record EntrypointInstruction(CommandForm Command) : Instruction
{
    /// <inheritdoc/>
    public override string Name => "ENTRYPOINT";
}
