using System.Globalization;
using System.Text;
using CrunSharp.Build.Dockerfile;
using CrunSharp.Build.Linting;
using CrunSharp.Build.Progress;
using CrunSharp.Cli.CommandLine;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci;

namespace CrunSharp.Cli.Commands.Builds;

/// <summary>What a build tells: its progress, and what is told at its end.</summary>
internal sealed class BuildReport : IBuildProgress, IDisposable
{
    private readonly Lock _lock = new();
    private readonly CommandContext _context;
    private readonly string _mode;
    private IBuildProgress _display;
    private readonly List<LintWarning> _warnings = [];
    private readonly List<(BuildStep Step, string Reason)> _reasons = [];
    private readonly string? _timelineFile;
    private readonly Timeline? _timeline;
    private readonly bool _explains;
    private bool _hasEnded;
    private int _pulls;

    /// <summary>Begins.</summary>
    /// <param name="context">Where it goes.</param>
    /// <param name="options">What is wanted.</param>
    public BuildReport(CommandContext context, BuildOptions options)
    {
        _context = context;
        _mode = options.Quiet ? "quiet" : options.Progress ?? (context.Variable("BUILDKIT_PROGRESS") is { Length: > 0 } set ? BuildDisplay.Check(set) : "auto");
        _display = BuildDisplay.Create(context, _mode);
        _explains = options.Explain;
        if (options.Call.Method != "build" || options.TimelineFile is not { } file) return;
        _timelineFile = Path.GetFullPath(file);
        _timeline = new Timeline(context.Clock);
    }

    /// <summary>Whether only the image's id is printed.</summary>
    public bool IsQuiet => _mode == "quiet";

    /// <summary>Whether nobody wants to see how images are fetched.</summary>
    public bool HidesPulls => _mode is "quiet" or "none" or "rawjson";

    /// <summary>Takes the time of an image that is pulled, which shows by itself how it goes on.</summary>
    public async Task<T> PullAsync<T>(string name, Func<Task<T>> pull)
    {
        var step = new BuildStep(-Interlocked.Increment(ref _pulls), $"pull {name}");
        _timeline?.Started(step);
        var pulled = await pull().ConfigureAwait(false);
        _timeline?.Finished(step);
        return pulled;
    }

    public void Started(BuildStep step)
    {
        _timeline?.Started(step);
        _display.Started(step);
    }

    public void Cached(BuildStep step)
    {
        _timeline?.Cached(step);
        _display.Cached(step);
    }

    public void Output(BuildStep step, ReadOnlyMemory<byte> bytes, bool isError) => _display.Output(step, bytes, isError);

    public void Finished(BuildStep step)
    {
        _timeline?.Finished(step);
        _display.Finished(step);
    }

    public void Failed(BuildStep step, string reason)
    {
        _timeline?.Failed(step, reason);
        _display.Failed(step, reason);
    }

    public void Explained(BuildStep step, string reason)
    {
        lock (_lock) _reasons.Add((step, reason));
        _timeline?.Explained(step, reason);
        _display.Explained(step, reason);
    }

    public void Warning(string text) => _display.Warning(text);

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

    private void WriteTimeline(Exception? error)
    {
        if (_timelineFile is null) return;
        try
        {
            AtomicFile.Write(null, _timelineFile, Encoding.UTF8.GetBytes(_timeline!.ToHtml("crun-sharp build", error?.Message)), mode: 0x1a4);
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

    public void Dispose() => End(null);
}
