using System.Globalization;
using System.Text;
using CrunSharp.Build;
using CrunSharp.Build.Dockerfile;
using CrunSharp.Build.History;
using CrunSharp.Build.Linting;
using CrunSharp.Build.Progress;
using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Commands.Images;
using CrunSharp.Engine.Transfers;
using CrunSharp.Oci;

namespace CrunSharp.Cli.Commands.Builds;

/// <summary>What a build tells: its progress, and what is told at its end.</summary>
internal sealed class BuildReport : IBuildProgress, IDisposable
{
    private readonly Lock _lock = new();
    private readonly CommandContext _context;
    private readonly BuildOptions _options;
    private readonly string _mode;
    private IBuildProgress _display;
    private readonly List<LintWarning> _warnings = [];
    private readonly List<(BuildStep Step, string Reason)> _reasons = [];
    private readonly string? _timelineFile;
    private readonly Timeline? _timeline;
    private readonly bool _explains;
    private readonly BuildRecorder? _recorder;
    private bool _hasEnded;
    private int _pulls;

    /// <summary>Begins.</summary>
    /// <param name="context">Where it goes.</param>
    /// <param name="options">What is wanted.</param>
    public BuildReport(CommandContext context, BuildOptions options)
    {
        _context = context;
        _options = options;
        _mode = options.Quiet ? "quiet" : options.Progress ?? (context.Variable("BUILDKIT_PROGRESS") is { Length: > 0 } set ? BuildDisplay.Check(set) : "auto");
        _display = BuildDisplay.Create(context, _mode);
        _explains = options.Explain;
        if (options.Call.Method != "build") return;
        _recorder = new BuildRecorder(context.Clock);
        if (options.TimelineFile is not { } file) return;
        _timelineFile = Path.GetFullPath(file);
        _timeline = new Timeline(context.Clock);
    }

    /// <summary>Whether only the image's id is printed.</summary>
    public bool IsQuiet => _mode == "quiet";

    /// <summary>Whether nobody wants to see how images are fetched.</summary>
    public bool HidesPulls => _mode is "quiet" or "none" or "rawjson";

    /// <summary>Takes the time of an image that is pulled, which shows by itself how it goes on.</summary>
    public async Task<T> PullAsync<T>(string name, Func<IPullProgress?, TextWriter, Task<T>> pull)
    {
        var step = new BuildStep(-Interlocked.Increment(ref _pulls), $"pull {name}");
        var tellsPrograms = _mode == "rawjson";
        _timeline?.Started(step);
        if (tellsPrograms) _display.Started(step);
        try
        {
            var pulled = await pull(tellsPrograms ? new PullStatuses(step, _display, _context.Clock) : null, _recorder is null ? TextWriter.Null : new RecordedText(_recorder)).ConfigureAwait(false);
            _timeline?.Finished(step);
            if (tellsPrograms) _display.Finished(step);
            return pulled;
        }
        catch (CrunException error)
        {
            _timeline?.Failed(step, error.Message);
            if (tellsPrograms) _display.Failed(step, error.Message);
            throw;
        }
    }

    public void Started(BuildStep step)
    {
        _timeline?.Started(step);
        _recorder?.Started(step);
        _display.Started(step);
    }

    public void Cached(BuildStep step)
    {
        _timeline?.Cached(step);
        _recorder?.Cached(step);
        _display.Cached(step);
    }

    public void Output(BuildStep step, ReadOnlyMemory<byte> bytes, bool isError)
    {
        _recorder?.Output(step, bytes, isError);
        _display.Output(step, bytes, isError);
    }

    public void Moved(BuildStep step, TransferStatus status) => _display.Moved(step, status);

    public void Finished(BuildStep step)
    {
        _timeline?.Finished(step);
        _recorder?.Finished(step);
        _display.Finished(step);
    }

    public void Failed(BuildStep step, string reason)
    {
        _timeline?.Failed(step, reason);
        _recorder?.Failed(step, reason);
        _display.Failed(step, reason);
    }

    public void Explained(BuildStep step, string reason)
    {
        lock (_lock) _reasons.Add((step, reason));
        _timeline?.Explained(step, reason);
        _display.Explained(step, reason);
    }

    public void Warning(string text)
    {
        text = VisibleText.Of(text);
        _recorder?.Warning(text);
        _display.Warning(text);
    }

    /// <summary>Takes a warning; the same is told once.</summary>
    public void Lint(LintWarning warning)
    {
        lock (_lock)
        {
            if (_warnings.Exists(known => known.Range == warning.Range && known.Short == warning.Short)) return;
            _warnings.Add(warning);
        }
        _display.Lint(warning);
    }

    /// <summary>Shows no more of the progress: somebody else has the terminal.</summary>
    public void Pause()
    {
        var display = _display;
        _display = new QuietProgress();
        (display as IDisposable)?.Dispose();
    }

    /// <summary>Ends the progress, and tells what is told at the end.</summary>
    /// <param name="error">Why the build failed; null when it did not.</param>
    public void End(Exception? error)
    {
        if (_hasEnded) return;
        _hasEnded = true;
        (_display as IDisposable)?.Dispose();
        if (_warnings.Count > 0 && !HidesPulls)
            _context.Error.Write(LintReport.Summary(_warnings, _context.Program, _context.Global.Debug));
        if (_explains && !HidesPulls) _context.Error.Write(Reasons());
        if (DockerfileError.ExcerptOf(error) is { } excerpt) _context.Error.Write(excerpt);
        WriteTimeline(error);
    }

    /// <summary>Keeps the build in the history, after the answer was given. It is a help only: what cannot be written is no failure.</summary>
    /// <param name="request">What was built.</param>
    /// <param name="asked">The context as it was typed.</param>
    /// <param name="result">What came out; null when it failed.</param>
    /// <param name="error">Why it failed; null when it did not.</param>
    public void Keep(BuildRequest request, string asked, BuildResult? result, Exception? error)
    {
        if (_recorder is null) return;
        _context.Out.Flush();
        try
        {
            if (_warnings.Count > 0) _recorder.Add(LintReport.Summary(_warnings, _context.Program, true));
            if (DockerfileError.ExcerptOf(error) is { } excerpt) _recorder.Add(excerpt);
            var record = BuildNotes.Of(_options, asked, request);
            _recorder.Keep(_context.Global.RootOf(_context), record with { Image = result is { HasImage: true } ? result.ImageId.ToString() : null }, error);
        }
        catch (Exception failure) when (failure is CrunException or IOException)
        {
        }
    }

    private void WriteTimeline(Exception? error)
    {
        if (_timelineFile is null) return;
        try
        {
            OutputFile.Write(_timelineFile, Encoding.UTF8.GetBytes(_timeline!.ToHtml("crun-sharp build", error?.Message)));
        }
        catch (CrunException failure) when (error is not null)
        {
            _context.Complain(failure.Message);
        }
    }

    private string Reasons()
    {
        var text = new StringBuilder(_reasons.Count == 0 ? "\n Every step was in the cache.\n" : "\n Not in the cache:\n");
        foreach (var (step, reason) in _reasons.OrderBy(static told => told.Step.Number))
            text.Append(CultureInfo.InvariantCulture, $" - {TitleOf(step)}: miss: {reason}\n");
        return text.ToString();
    }

    // "[build 2/4] RUN make" without what is in brackets, in one line that is not endless.
    private static string TitleOf(BuildStep step)
    {
        var end = step.Title.StartsWith('[') ? step.Title.IndexOf("] ", StringComparison.Ordinal) : -1;
        var title = end < 0 ? step.Title : step.Title[(end + 2)..];
        return title.Length <= 100 ? title : title[..99] + "…";
    }

    public void Dispose()
    {
        End(null);
        _recorder?.Dispose();
    }
}
