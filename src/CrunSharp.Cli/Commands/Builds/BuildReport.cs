using CrunSharp.Build.Dockerfile;
using CrunSharp.Build.Linting;
using CrunSharp.Build.Progress;
using CrunSharp.Cli.CommandLine;

namespace CrunSharp.Cli.Commands.Builds;

/// <summary>What a build tells: its progress, and what is told at its end.</summary>
internal sealed class BuildReport : IBuildProgress, IDisposable
{
    private readonly Lock _lock = new();
    private readonly CommandContext _context;
    private readonly string _mode;
    private readonly IBuildProgress _display;
    private readonly List<LintWarning> _warnings = [];
    private bool _hasEnded;

    /// <summary>Begins.</summary>
    /// <param name="context">Where it goes.</param>
    /// <param name="options">What is wanted.</param>
    public BuildReport(CommandContext context, BuildOptions options)
    {
        _context = context;
        _mode = options.Quiet ? "quiet" : options.Progress ?? (context.Variable("BUILDKIT_PROGRESS") is { Length: > 0 } set ? BuildDisplay.Check(set) : "auto");
        _display = BuildDisplay.Create(context, _mode);
    }

    /// <summary>Whether only the image's id is printed.</summary>
    public bool IsQuiet => _mode == "quiet";

    /// <summary>Whether nobody wants to see how images are fetched.</summary>
    public bool HidesPulls => _mode is "quiet" or "none" or "rawjson";

    public void Started(BuildStep step) => _display.Started(step);

    public void Cached(BuildStep step) => _display.Cached(step);

    public void Output(BuildStep step, ReadOnlyMemory<byte> bytes, bool isError) => _display.Output(step, bytes, isError);

    public void Finished(BuildStep step) => _display.Finished(step);

    public void Failed(BuildStep step, string reason) => _display.Failed(step, reason);

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

    /// <summary>Ends the progress, and tells what is told at the end.</summary>
    /// <param name="error">Why the build failed; null when it did not.</param>
    public void End(Exception? error)
    {
        if (_hasEnded) return;
        _hasEnded = true;
        (_display as IDisposable)?.Dispose();
        if (_warnings.Count > 0 && !HidesPulls)
            _context.Error.Write(LintReport.Summary(_warnings, _context.Program, _context.Global.Debug));
        if (DockerfileError.ExcerptOf(error) is { } excerpt) _context.Error.Write(excerpt);
    }

    public void Dispose() => End(null);
}
