using CrunSharp.Build.Linting;
using CrunSharp.Build.Progress;

namespace CrunSharp.Cli.Commands.Builds;

/// <summary>Passes a build's progress on, and keeps what is told at its end.</summary>
/// <param name="inner">Shows the progress.</param>
internal sealed class BuildReport(IBuildProgress inner) : IBuildProgress
{
    private readonly Lock _lock = new();
    private readonly List<LintWarning> _warnings = [];

    /// <summary>Where the Dockerfile does not follow a rule; the same is told once.</summary>
    public IReadOnlyList<LintWarning> Warnings => _warnings;

    public void Started(BuildStep step) => inner.Started(step);

    public void Cached(BuildStep step) => inner.Cached(step);

    public void Output(BuildStep step, ReadOnlyMemory<byte> bytes, bool isError) => inner.Output(step, bytes, isError);

    public void Finished(BuildStep step) => inner.Finished(step);

    public void Failed(BuildStep step, string reason) => inner.Failed(step, reason);

    public void Warning(string text) => inner.Warning(text);

    public void Lint(LintWarning warning)
    {
        lock (_lock)
        {
            if (_warnings.Exists(known => known.Range == warning.Range && known.Short == warning.Short)) return;
            _warnings.Add(warning);
        }
        inner.Lint(warning);
    }
}
