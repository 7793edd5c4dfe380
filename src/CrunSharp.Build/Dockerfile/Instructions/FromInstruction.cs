namespace CrunSharp.Build.Dockerfile.Instructions;

/// <summary>FROM: the start of a stage.</summary>
/// <param name="Image">An image's name, the name of an earlier stage, or <c>scratch</c>.</param>
/// <param name="StageName">The stage's name in lower case; null when it has none.</param>
/// <param name="Platform">The value of <c>--platform</c>.</param>
public sealed record FromInstruction(string Image, string? StageName, string? Platform) : Instruction
{
    /// <inheritdoc/>
    public override string Name => "FROM";
}
