namespace CrunSharp.Build.Dockerfile.Instructions;

/// <summary>ARG: variables that the caller of the build may set.</summary>
/// <param name="Arguments">Names, and defaults where they have one.</param>
public sealed record ArgInstruction(IReadOnlyList<ArgDefault> Arguments) : Instruction
{
    /// <inheritdoc/>
    public override string Name => "ARG";
}

/// <summary>A variable of ARG.</summary>
/// <param name="Name">The name.</param>
/// <param name="Default">The default; null when it has none.</param>
public sealed record ArgDefault(string Name, string? Default);
