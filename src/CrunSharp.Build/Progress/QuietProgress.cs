namespace CrunSharp.Build.Progress;

/// <summary>Shows nothing, but the last lines of a step that fails where there is somewhere to show them.</summary>
/// <param name="failures">Where those lines go; null for nowhere.</param>
public sealed class QuietProgress(TextWriter? failures = null) : IBuildProgress
{
    private readonly Lock _lock = new();
    private readonly Dictionary<int, StepLog> _logs = [];

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
        if (failures is null) return;
        lock (_lock)
        {
            if (!_logs.TryGetValue(step.Number, out var log)) _logs[step.Number] = log = new StepLog(0);
            log.Add(bytes.Span);
        }
    }

    /// <inheritdoc/>
    public void Finished(BuildStep step)
    {
        lock (_lock) _logs.Remove(step.Number);
    }

    /// <inheritdoc/>
    public void Failed(BuildStep step, string reason)
    {
        lock (_lock)
        {
            if (!_logs.Remove(step.Number, out var log) || reason == ShownStep.Canceled) return;
            log.Rest();
            failures?.Write($"------\n > {step.Title}:\n");
            foreach (var line in log.Last) failures?.Write($"{TerminalText.Printable(line)}\n");
            failures?.Write("------\n");
        }
    }

    /// <inheritdoc/>
    public void Warning(string text)
    {
    }
}
