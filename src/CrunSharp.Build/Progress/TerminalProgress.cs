using System.Globalization;
using System.Text;

namespace CrunSharp.Build.Progress;

/// <summary>The terminal that <see cref="TerminalProgress"/> draws on.</summary>
/// <param name="Columns">How wide it is.</param>
/// <param name="Rows">How high it is.</param>
public readonly record struct TerminalArea(int Columns, int Rows);

/// <summary>
/// Progress for a terminal: what is done scrolls up and stays; below it are, drawn anew each time, how long it takes so far
/// and the running steps with the last lines of their output. Only its own lines are touched.
/// </summary>
public sealed class TerminalProgress : IBuildProgress, IDisposable
{
    private const int MostTail = 6;
    private const string Clear = "\x1b[2K";
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(100);

    private readonly Lock _lock = new();
    private readonly TextWriter _output;
    private readonly Func<TerminalArea> _area;
    private readonly TimeProvider _clock;
    private readonly bool _isColoured;
    private readonly long _began;
    private readonly ITimer _timer;
    private readonly SortedDictionary<int, (BuildStep Step, StepLog Log)> _running = [];
    private readonly StringBuilder _failures = new();
    private long _shown;
    private int _drawn;
    private int _steps;
    private int _done;
    private bool _hasFailed;
    private bool _isOver;

    /// <summary>Begins to draw.</summary>
    /// <param name="output">The terminal.</param>
    /// <param name="area">Its size; asked each time.</param>
    /// <param name="clock">The time.</param>
    /// <param name="isColoured">Whether colours are wanted.</param>
    public TerminalProgress(TextWriter output, Func<TerminalArea> area, TimeProvider? clock = null, bool isColoured = false)
    {
        (_output, _area, _clock, _isColoured) = (output, area, clock ?? TimeProvider.System, isColoured);
        _began = _clock.GetTimestamp();
        // A silent step's time goes on too.
        _timer = _clock.CreateTimer(_ => Draw(), null, Tick, Tick);
    }

    /// <inheritdoc/>
    public void Started(BuildStep step)
    {
        lock (_lock)
        {
            _steps++;
            _running[step.Number] = (step, new StepLog(_clock.GetTimestamp()));
            Redraw("");
        }
    }

    /// <inheritdoc/>
    public void Cached(BuildStep step)
    {
        lock (_lock)
        {
            _steps++;
            _done++;
            Redraw(Coloured(Row($" => CACHED {step.Title}", "0.0s"), "34"));
        }
    }

    /// <inheritdoc/>
    public void Output(BuildStep step, ReadOnlyMemory<byte> bytes, bool isError)
    {
        lock (_lock)
        {
            _running[step.Number].Log.Add(bytes.Span);
            // What comes by the thousand is drawn when there is time to see it.
            if (_clock.GetElapsedTime(_shown) >= Tick) Redraw("");
        }
    }

    /// <inheritdoc/>
    public void Finished(BuildStep step)
    {
        lock (_lock)
        {
            _done++;
            var elapsed = Elapsed(_running[step.Number].Log.Started);
            _running.Remove(step.Number);
            Redraw(Coloured(Row($" => {step.Title}", elapsed), "34"));
        }
    }

    /// <inheritdoc/>
    public void Failed(BuildStep step, string reason)
    {
        lock (_lock)
        {
            _hasFailed = true;
            _running.Remove(step.Number, out var failed);
            var isCanceled = reason == ShownStep.Canceled;
            if (!isCanceled) Keep(step, failed.Log);
            Redraw(Coloured(Row($" => {(isCanceled ? "CANCELED" : "ERROR")} {step.Title}", failed.Log is null ? "" : Elapsed(failed.Log.Started)), isCanceled ? "33" : "31"));
        }
    }

    /// <inheritdoc/>
    public void Warning(string text)
    {
        lock (_lock) Redraw(Coloured($"WARNING: {text}\n", "33"));
    }

    // Why a step failed is told by who ends the build: here is what it wrote.
    private void Keep(BuildStep step, StepLog? log)
    {
        log?.Rest();
        _failures.Append(CultureInfo.InvariantCulture, $"------\n > {step.Title}:\n");
        foreach (var line in log?.Last ?? []) _failures.Append(TerminalText.Printable(line)).Append('\n');
        _failures.Append("------\n");
    }

    /// <summary>Ends: what is left is the time that it took, and below it the last lines of steps that failed.</summary>
    public void Dispose()
    {
        _timer.Dispose();
        lock (_lock)
        {
            if (_isOver) return;
            _running.Clear();
            Redraw(_steps == 0 ? "" : Coloured($"{Header()}{(_hasFailed ? "" : " FINISHED")}\n", _hasFailed ? "31" : "34"));
            _output.Write(_failures);
            _output.Flush();
            _isOver = true;
        }
    }

    private void Draw()
    {
        lock (_lock)
        {
            if (_running.Count > 0 && !_isOver) Redraw("");
        }
    }

    // One write for everything, so that nothing flickers.
    private void Redraw(string permanent)
    {
        var text = new StringBuilder();
        if (_drawn > 0) text.Append(CultureInfo.InvariantCulture, $"\x1b[{_drawn}A\r\x1b[J");
        text.Append(permanent);
        _drawn = 0;
        _shown = _clock.GetTimestamp();
        if (_running.Count > 0) DrawRunning(text, _area());
        _output.Write(text);
        _output.Flush();
    }

    // No more than the terminal has rows: what scrolled away cannot be drawn anew.
    private void DrawRunning(StringBuilder text, TerminalArea area)
    {
        var room = Math.Max(area.Rows, 8) - 2;
        DrawLine(text, Header() + "\n");
        var shown = Math.Min(_running.Count, room - 1);
        var tail = Math.Clamp((room - 1 - shown) / shown, 0, MostTail);
        foreach (var (step, log) in _running.Values.Take(shown))
        {
            DrawLine(text, Row($" => {step.Title}", Elapsed(log.Started)));
            foreach (var line in log.Tail(tail)) DrawLine(text, Row($" => => # {line}", ""));
        }
    }

    private void DrawLine(StringBuilder text, string line)
    {
        text.Append(Clear).Append(line);
        _drawn++;
    }

    private string Header() => string.Create(CultureInfo.InvariantCulture, $"[+] Building {_clock.GetElapsedTime(_began).TotalSeconds:0.0}s ({_done}/{_steps})");

    // The time is at the right end.
    private string Row(string line, string time)
    {
        var columns = Math.Max(_area().Columns - 1, 20);
        line = TerminalText.Printable(line);
        if (time.Length == 0) return TerminalText.Fit(line, columns) + "\n";
        var fit = TerminalText.Fit(line, columns - time.Length - 1);
        return fit + new string(' ', columns - time.Length - TerminalText.Width(fit)) + time + "\n";
    }

    private string Coloured(string text, string colour) => _isColoured ? $"\x1b[{colour}m{text.TrimEnd('\n')}\x1b[0m\n" : text;

    private string Elapsed(long started) =>
        string.Create(CultureInfo.InvariantCulture, $"{_clock.GetElapsedTime(started).TotalSeconds:0.0}s");
}
