using CrunSharp.Oci;

namespace CrunSharp.Build.Progress;

/// <summary>Gives what is shown its numbers.</summary>
/// <param name="progress">Is told what happens.</param>
internal sealed class StepNumbers(IBuildProgress progress)
{
    private int _shown;

    /// <summary>The next thing that is shown.</summary>
    public BuildStep Next(string title) => new(Interlocked.Increment(ref _shown), VisibleText.Of(title));

    /// <summary>Shows that something comes from elsewhere, until the result is disposed; if it does not come, the step that needs it tells.</summary>
    public FetchingStep Fetching(string title)
    {
        var step = Next(title);
        progress.Started(step);
        return new FetchingStep(progress, step);
    }
}
