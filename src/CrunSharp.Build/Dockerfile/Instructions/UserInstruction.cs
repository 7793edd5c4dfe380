namespace CrunSharp.Build.Dockerfile.Instructions;

/// <summary>USER: who runs commands.</summary>
/// <param name="User"><c>user[:group]</c>, names or numbers.</param>
public sealed record UserInstruction(string User) : Instruction
{
    /// <inheritdoc/>
    public override string Name => "USER";

    /// <inheritdoc/>
    internal override Instruction Expand(WordExpander expand) => this with { User = expand.Word(User) };
}
