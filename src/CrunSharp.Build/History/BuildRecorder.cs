using CrunSharp.Build.Progress;
using CrunSharp.Oci;

namespace CrunSharp.Build.History;

/// <summary>Notes what a build does, for the history: its log in memory, and how many steps there were.</summary>
public sealed class BuildRecorder : IBuildProgress, IDisposable
{
    private const int MostErrorLetters = 4096;

    private readonly TimeProvider _clock;
    private readonly HistoryLog _log;
    private readonly DateTimeOffset _started;
    private readonly long _began;
    private int _steps, _done, _cached;

    /// <summary>Begins.</summary>
    /// <param name="clock">The time.</param>
    public BuildRecorder(TimeProvider clock)
    {
        (_clock, _started, _began) = (clock, clock.GetUtcNow(), clock.GetTimestamp());
        _log = new HistoryLog(clock, _began);
    }

    /// <inheritdoc/>
    public void Started(BuildStep step)
    {
        Interlocked.Increment(ref _steps);
        _log.Add(LogEvent.Started, step.Number, step.Title);
    }

    /// <inheritdoc/>
    public void Cached(BuildStep step)
    {
        Interlocked.Increment(ref _steps);
        Interlocked.Increment(ref _done);
        Interlocked.Increment(ref _cached);
        _log.Add(LogEvent.Cached, step.Number, step.Title);
    }

    /// <inheritdoc/>
    public void Output(BuildStep step, ReadOnlyMemory<byte> bytes, bool isError) => _log.Add(LogEvent.Output, step.Number, bytes.Span);

    /// <inheritdoc/>
    public void Finished(BuildStep step)
    {
        Interlocked.Increment(ref _done);
        _log.Add(LogEvent.Finished, step.Number);
    }

    /// <inheritdoc/>
    public void Failed(BuildStep step, string reason) => _log.Add(LogEvent.Failed, step.Number, reason);

    /// <inheritdoc/>
    public void Warning(string text) => _log.Add(LogEvent.Warning, 0, text);

    /// <summary>Adds lines to the log.</summary>
    public void Add(string text) => _log.Add(LogEvent.Text, 0, text);

    /// <summary>Keeps the build in the history of a store.</summary>
    /// <param name="store">The store's directory.</param>
    /// <param name="asked">What was to be built.</param>
    /// <param name="error">Why it failed; null when it did not.</param>
    /// <exception cref="CrunException">It cannot be written.</exception>
    public string Keep(string store, BuildRecord asked, Exception? error)
    {
        _log.TellLeft();
        if (error is not (null or OperationCanceledException)) Add($"ERROR: {error.Message}\n");
        var log = _log.Finish();
        return BuildHistory.Add(store, asked with
        {
            Status = error switch { null => BuildRecord.Completed, OperationCanceledException => BuildRecord.Canceled, _ => BuildRecord.Failed },
            Error = error is null or OperationCanceledException ? null : error.Message.Length > MostErrorLetters ? error.Message[..MostErrorLetters] + "…" : error.Message,
            Started = _started.ToUnixTimeMilliseconds(),
            Duration = (long)_clock.GetElapsedTime(_began).TotalMilliseconds,
            Steps = _steps,
            Done = _done,
            Cached = _cached,
            LogSize = _log.Size,
            LogCoding = _log.Coding,
        }, log.Span);
    }

    /// <summary>Forgets the log.</summary>
    public void Dispose() => _log.Dispose();
}
