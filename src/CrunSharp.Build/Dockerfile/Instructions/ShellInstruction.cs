namespace CrunSharp.Build.Dockerfile.Instructions;

/// <summary>SHELL: the shell of the shell form.</summary>
/// <param name="Shell">The shell and its options.</param>
public sealed record ShellInstruction(IReadOnlyList<string> Shell) : Instruction
{
    /// <inheritdoc/>
    public override string Name => "SHELL";
}
