namespace CrunSharp.Engine.Supervision;

/// <summary>What must be undone, the last first; a failure does not keep the rest from being undone.</summary>
internal sealed class CleanupStack : IDisposable
{
    private readonly Stack<Action> _actions = new();

    /// <summary>The failures so far.</summary>
    public List<Exception> Failures { get; } = [];

    /// <summary>Adds something to undo.</summary>
    public void Push(Action action) => _actions.Push(action);

    /// <summary>Adds something to dispose, and gives it back.</summary>
    public T Owns<T>(T disposable) where T : IDisposable
    {
        _actions.Push(disposable.Dispose);
        return disposable;
    }

    /// <summary>Undoes all.</summary>
    public void Dispose()
    {
        while (_actions.TryPop(out var action))
        {
            try
            {
                action();
            }
            catch (Exception error)
            {
                Failures.Add(error);
            }
        }
    }
}
