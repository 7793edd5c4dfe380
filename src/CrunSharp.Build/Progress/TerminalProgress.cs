using System.Globalization;
using System.Text;

namespace CrunSharp.Build.Progress;

/// <summary>
/// Progress for a terminal: what is done scrolls up and stays, the running steps with the last lines of their output are
/// redrawn below it. Only its own lines are touched.
/// </summary>
/// <param name="output">The terminal.</param>
/// <param name="width">How many columns it has; asked each time.</param>
/// <param name="clock">The time.</param>
public sealed class TerminalProgress(TextWriter output, Func<int> width, TimeProvider? clock = null) : IBuildProgress
{
    private const int ShownLines = 6;
    private const string Clear = "\x1b[2K";

    private readonly Lock _lock = new();
    private readonly TimeProvider _clock = clock ?? TimeProvider.System;
    private readonly SortedDictionary<int, (BuildStep Step, StepLog Log)> _running = [];
    private int _drawn;

    /// <inheritdoc/>
    public void Started(BuildStep step)
    {
        lock (_lock)
        {
            _running[step.Number] = (step, new StepLog(_clock.GetTimestamp()));
            Redraw(null);
        }
    }

    /// <inheritdoc/>
    public void Cached(BuildStep step)
    {
        lock (_lock) Redraw($" => CACHED {step.Title}");
    }

    /// <inheritdoc/>
    public void Output(BuildStep step, ReadOnlyMemory<byte> bytes, bool isError)
    {
        lock (_lock)
        {
            _running[step.Number].Log.Add(bytes.Span);
            Redraw(null);
        }
    }

    /// <inheritdoc/>
    public void Finished(BuildStep step)
    {
        lock (_lock)
        {
            var elapsed = Elapsed(_running[step.Number].Log);
            _running.Remove(step.Number);
            Redraw($" => {step.Title}{elapsed}");
        }
    }

    /// <inheritdoc/>
    public void Failed(BuildStep step, string reason)
    {
        lock (_lock)
        {
            _running.Remove(step.Number, out var failed);
            failed.Log?.Rest();
            var text = new StringBuilder($" => ERROR {step.Title}\n------\n > {step.Title}:\n");
            foreach (var line in failed.Log?.Last ?? []) text.Append(Printable(line)).Append('\n');
            Redraw(text.Append("------\n").Append(reason).ToString(), cut: false);
        }
    }

    /// <inheritdoc/>
    public void Warning(string text)
    {
        lock (_lock) Redraw($"WARNING: {text}", cut: false);
    }

    // One write for everything, so that nothing flickers.
    private void Redraw(string? permanent, bool cut = true)
    {
        var text = new StringBuilder();
        if (_drawn > 0) text.Append(CultureInfo.InvariantCulture, $"\x1b[{_drawn}A\r\x1b[J");
        if (permanent is not null) text.Append(Clear).Append(cut ? Fit(permanent) : permanent).Append('\n');
        _drawn = 0;
        foreach (var (step, log) in _running.Values)
        {
            Draw(text, $" => {step.Title}{Elapsed(log)}");
            foreach (var line in log.Last.Skip(Math.Max(0, log.Last.Count - ShownLines))) Draw(text, $" => => # {line}");
        }
        output.Write(text);
        output.Flush();
    }

    private void Draw(StringBuilder text, string line)
    {
        text.Append(Clear).Append(Fit(line)).Append('\n');
        _drawn++;
    }

    private string Fit(string line)
    {
        var most = Math.Max(width() - 1, 20);
        line = Printable(line);
        return line.Length <= most ? line : line[..(most - 1)] + "…";
    }

    // A command's output must not move the cursor or change the terminal.
    private static string Printable(string line)
    {
        var text = new StringBuilder(line.Length);
        for (var i = 0; i < line.Length; i++)
        {
            if (line[i] == '\x1b')
            {
                // An escape sequence ends with a letter.
                while (i + 1 < line.Length && !char.IsAsciiLetter(line[i])) i++;
                continue;
            }
            if (line[i] == '\t') text.Append("    ");
            else if (!char.IsControl(line[i])) text.Append(line[i]);
        }
        return text.ToString();
    }

    private string Elapsed(StepLog log) =>
        string.Create(CultureInfo.InvariantCulture, $" {_clock.GetElapsedTime(log.Started).TotalSeconds:0.0}s");
}
