namespace CrunSharp.Build.Dockerfile.Instructions;

/// <summary>COPY: files of the context, of a stage or of an image.</summary>
/// <param name="From">A stage's name or index, or an image's name; null for the context.</param>
/// <param name="Parents">Whether the sources' directories are kept.</param>
public sealed record CopyInstruction(string? From, bool Parents) : TransferInstruction
{
    /// <inheritdoc/>
    public override string Name => "COPY";
}
