using System.Globalization;
using System.Text;

namespace CrunSharp.Build.Progress;

/// <summary>Progress as lines that are only ever added, as BuildKit's <c>plain</c>: for logs and pipes.</summary>
/// <param name="output">Where the lines go.</param>
/// <param name="clock">The time.</param>
public sealed class PlainProgress(TextWriter output, TimeProvider? clock = null) : IBuildProgress
{
    private readonly Lock _lock = new();
    private readonly TimeProvider _clock = clock ?? TimeProvider.System;
    private readonly Dictionary<int, StepLog> _logs = [];
    private readonly StringBuilder _text = new();

    /// <inheritdoc/>
    public void Started(BuildStep step)
    {
        lock (_lock)
        {
            _logs[step.Number] = new StepLog(_clock.GetTimestamp());
            output.Write($"#{step.Number} {step.Title}\n");
            output.Flush();
        }
    }

    /// <inheritdoc/>
    public void Cached(BuildStep step)
    {
        lock (_lock)
        {
            output.Write($"#{step.Number} {step.Title}\n#{step.Number} CACHED\n\n");
            output.Flush();
        }
    }

    /// <inheritdoc/>
    public void Output(BuildStep step, ReadOnlyMemory<byte> bytes, bool isError)
    {
        lock (_lock)
        {
            var log = _logs[step.Number];
            // All at once: each writing may be a system call.
            var before = Before(step, log);
            _text.Clear();
            foreach (var line in log.Add(bytes.Span)) _text.Append(before).Append(line).Append('\n');
            foreach (var part in _text.GetChunks()) output.Write(part.Span);
            output.Flush();
        }
    }

    /// <inheritdoc/>
    public void Finished(BuildStep step)
    {
        lock (_lock)
        {
            var log = _logs[step.Number];
            if (log.Rest() is { } line) WriteLine(step, log, line);
            output.Write(string.Create(CultureInfo.InvariantCulture, $"#{step.Number} DONE {Elapsed(log):0.0}s\n\n"));
            output.Flush();
            _logs.Remove(step.Number);
        }
    }

    /// <inheritdoc/>
    public void Failed(BuildStep step, string reason)
    {
        lock (_lock)
        {
            var log = _logs.GetValueOrDefault(step.Number) ?? new StepLog(_clock.GetTimestamp());
            if (log.Rest() is { } line) WriteLine(step, log, line);
            if (reason == ShownStep.Canceled)
            {
                output.Write($"#{step.Number} CANCELED\n\n");
            }
            else
            {
                output.Write($"#{step.Number} ERROR: {reason}\n------\n > {step.Title}:\n");
                foreach (var last in log.Last) output.Write($"{last}\n");
                output.Write("------\n");
            }
            output.Flush();
            _logs.Remove(step.Number);
        }
    }

    /// <inheritdoc/>
    public void Warning(string text)
    {
        lock (_lock) output.Write($"WARNING: {text}\n");
    }

    private double Elapsed(StepLog log) => _clock.GetElapsedTime(log.Started).TotalSeconds;

    private string Before(BuildStep step, StepLog log) => string.Create(CultureInfo.InvariantCulture, $"#{step.Number} {Elapsed(log):0.000} ");

    private void WriteLine(BuildStep step, StepLog log, string line) => output.Write($"{Before(step, log)}{line}\n");
}
