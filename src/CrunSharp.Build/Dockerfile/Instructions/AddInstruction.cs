namespace CrunSharp.Build.Dockerfile.Instructions;

/// <summary>ADD: files of the context, archives unpacked, or what a URL gives.</summary>
/// <param name="Checksum">The value of <c>--checksum</c>.</param>
/// <param name="KeepGitDir">The value of <c>--keep-git-dir</c>; null when it was not given.</param>
/// <param name="Unpack">The value of <c>--unpack</c>; null when it was not given.</param>
public sealed record AddInstruction(string? Checksum, bool? KeepGitDir, bool? Unpack) : TransferInstruction
{
    /// <inheritdoc/>
    public override string Name => "ADD";

    /// <inheritdoc/>
    internal override Instruction Expand(WordExpander expand)
    {
        var add = (AddInstruction)base.Expand(expand);
        return add.Checksum is null ? add : add with { Checksum = expand.Word(add.Checksum) };
    }
}
