using CrunSharp.Build.Linting;

namespace CrunSharp.Build.Progress;

/// <summary>A step as it is shown.</summary>
/// <param name="Number">Its number in the order of starting, from 1.</param>
/// <param name="Title">What it is: <c>[build 2/4] RUN apt-get update</c>.</param>
public sealed record BuildStep(int Number, string Title);

/// <summary>Is told what a build does. Calls may come from several threads.</summary>
public interface IBuildProgress
{
    /// <summary>A step begins.</summary>
    void Started(BuildStep step);

    /// <summary>A step need not be done: its result is known. It was not started.</summary>
    void Cached(BuildStep step);

    /// <summary>A step's command wrote something.</summary>
    /// <param name="step">The step.</param>
    /// <param name="bytes">What it wrote; not to be kept.</param>
    /// <param name="isError">Whether to its standard error.</param>
    void Output(BuildStep step, ReadOnlyMemory<byte> bytes, bool isError);

    /// <summary>A part of what a step brings or sends is on its way. The step was started.</summary>
    void Moved(BuildStep step, TransferStatus status)
    {
    }

    /// <summary>A step is done.</summary>
    void Finished(BuildStep step);

    /// <summary>A step failed.</summary>
    /// <param name="step">The step.</param>
    /// <param name="reason">Why, in one line.</param>
    void Failed(BuildStep step, string reason);

    /// <summary>Something is probably not as it was meant.</summary>
    void Warning(string text);

    /// <summary>Why a step was done, and not found in the cache; told at the end, if it was asked for.</summary>
    /// <param name="step">The step.</param>
    /// <param name="reason">What is not as it was before.</param>
    void Explained(BuildStep step, string reason)
    {
    }

    /// <summary>The Dockerfile does not follow a rule.</summary>
    void Lint(LintWarning warning)
    {
    }
}
