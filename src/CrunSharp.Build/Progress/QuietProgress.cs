namespace CrunSharp.Build.Progress;

/// <summary>Shows nothing.</summary>
public sealed class QuietProgress : IBuildProgress
{
    /// <inheritdoc/>
    public void Started(BuildStep step)
    {
    }

    /// <inheritdoc/>
    public void Cached(BuildStep step)
    {
    }

    /// <inheritdoc/>
    public void Output(BuildStep step, ReadOnlyMemory<byte> bytes, bool isError)
    {
    }

    /// <inheritdoc/>
    public void Finished(BuildStep step)
    {
    }

    /// <inheritdoc/>
    public void Failed(BuildStep step, string reason)
    {
    }

    /// <inheritdoc/>
    public void Warning(string text)
    {
    }
}
