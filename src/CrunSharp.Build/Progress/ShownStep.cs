using CrunSharp.Build.Steps;
using CrunSharp.Oci;

namespace CrunSharp.Build.Progress;

/// <summary>A step in the progress: it gets its number when there is something to show of it.</summary>
/// <param name="progress">Is told what happens.</param>
/// <param name="numbers">Gives the number.</param>
/// <param name="title">What it is.</param>
internal sealed class ShownStep(IBuildProgress progress, StepNumbers numbers, string title)
{
    /// <summary>The reason of a step that was stopped, as BuildKit says it.</summary>
    public const string Canceled = "context canceled";

    private bool _hasFailed;

    /// <summary>The step; null until it is started.</summary>
    public BuildStep? Step { get; private set; }

    public bool WasStarted => Step is not null;

    public StepOutput Output => new((bytes, isError) => progress.Output(Step!, bytes, isError));

    public void Start() => progress.Started(Step = numbers.Next(title));

    public void End()
    {
        if (Step is null) progress.Cached(numbers.Next(title));
        else progress.Finished(Step);
    }

    public void Fail(string reason)
    {
        if (_hasFailed) return;
        _hasFailed = true;
        if (Step is null) Start();
        progress.Failed(Step!, VisibleText.Of(reason));
    }
}
