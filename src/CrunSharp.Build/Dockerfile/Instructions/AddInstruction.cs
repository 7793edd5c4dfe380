namespace CrunSharp.Build.Dockerfile.Instructions;

/// <summary>ADD: files of the context, archives unpacked, or what a URL gives.</summary>
/// <param name="Checksum">The value of <c>--checksum</c>.</param>
/// <param name="KeepGitDir">Whether <c>--keep-git-dir</c> was given.</param>
/// <param name="Unpack">The value of <c>--unpack</c>; null when it was not given.</param>
public sealed record AddInstruction(string? Checksum, bool KeepGitDir, bool? Unpack) : TransferInstruction
{
    /// <inheritdoc/>
    public override string Name => "ADD";
}
