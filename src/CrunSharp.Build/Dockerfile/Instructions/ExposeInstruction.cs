namespace CrunSharp.Build.Dockerfile.Instructions;

/// <summary>EXPOSE: ports that the program listens on.</summary>
/// <param name="Ports"><c>port[-port][/protocol]</c>, sorted; variables may hold several.</param>
public sealed record ExposeInstruction(IReadOnlyList<string> Ports) : Instruction
{
    /// <inheritdoc/>
    public override string Name => "EXPOSE";

    /// <inheritdoc/>
    internal override Instruction Expand(WordExpander expand) => this with { Ports = [.. Ports.SelectMany(expand.Words)] };
}
