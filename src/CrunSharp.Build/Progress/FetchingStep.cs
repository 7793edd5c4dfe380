using CrunSharp.Engine.Transfers;
using CrunSharp.Oci;

namespace CrunSharp.Build.Progress;

/// <summary>Something that comes from or goes elsewhere, as it is shown until this is disposed.</summary>
/// <param name="progress">Is told what happens.</param>
/// <param name="step">The step.</param>
internal sealed class FetchingStep(IBuildProgress progress, BuildStep step) : IDisposable, IPushProgress
{
    private bool _hasFailed;

    /// <summary>Runs something that can fail, and shows that it did.</summary>
    /// <param name="shown">What is shown of it.</param>
    /// <param name="work">The work.</param>
    public static async Task<T> WatchAsync<T>(IDisposable shown, Func<Task<T>> work)
    {
        try
        {
            return await work().ConfigureAwait(false);
        }
        catch (Exception error) when (shown is FetchingStep step)
        {
            step.Fail(error);
            throw;
        }
    }

    /// <summary>The same, waiting.</summary>
    public static T Watch<T>(IDisposable shown, Func<T> work) => WatchAsync(shown, () => Task.FromResult(work())).GetAwaiter().GetResult();

    /// <inheritdoc/>
    public void Report(Digest layer, PushState state) => progress.Moved(step, new TransferStatus(layer.ToString(),
        state.Stage switch { PushStage.Exists => "exists", PushStage.Mounted => "mounted", PushStage.Pushed => "done", _ => "pushing" },
        state.Sent, state.Size, state.Stage is PushStage.Pushed or PushStage.Exists or PushStage.Mounted));

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!_hasFailed) progress.Finished(step);
    }

    private void Fail(Exception error)
    {
        _hasFailed = true;
        progress.Failed(step, error is OperationCanceledException ? ShownStep.Canceled : VisibleText.Of(CrunException.Of(error).Message));
    }
}
