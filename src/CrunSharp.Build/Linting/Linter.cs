using CrunSharp.Build.Dockerfile;
using CrunSharp.Build.Dockerfile.Instructions;
using CrunSharp.Oci;

namespace CrunSharp.Build.Linting;

/// <summary>Takes warnings, leaves out those that are not wanted, and passes the others on.</summary>
/// <param name="warn">Gets each warning as it is found.</param>
internal sealed class Linter(Action<LintWarning> warn)
{
    private readonly SortedSet<string> _violated = new(StringComparer.Ordinal);
    private readonly HashSet<LintWarning> _told = [];
    private HashSet<LintWarning> _toldBefore = [];
    private DockerfileSource? _source;
    private LintOptions _options = LintOptions.Default;

    /// <summary>Sets what is looked at, and what applies: the caller's words, or else those of the file.</summary>
    /// <exception cref="CrunException">They are wrong.</exception>
    public void Configure(DockerfileSource source, string? given, IReadOnlyDictionary<string, string> directives)
    {
        _source = source;
        _options = LintOptions.Parse(given ?? directives.GetValueOrDefault("check", ""));
    }

    /// <summary>Takes a warning about an instruction.</summary>
    public void Warn(LintRule rule, Instruction at, string detail) => Warn(rule, at.Range, at.Comments, detail);

    /// <summary>Takes a warning.</summary>
    /// <param name="rule">The rule.</param>
    /// <param name="range">The lines.</param>
    /// <param name="comments">The comments above them, which may say that it is not wanted.</param>
    /// <param name="detail">What is wrong.</param>
    public void Warn(LintRule rule, SourceRange range, IReadOnlyList<string> comments, string detail)
    {
        var isSkipped = _options.Skips(rule);
        if (LintOptions.OfComments(comments) is { } own)
            isSkipped = rule.IsExperimental ? isSkipped && own.Skips(rule) : isSkipped || own.Skips(rule);
        if (isSkipped) return;
        var warning = new LintWarning(rule, detail, range) { Source = _source };
        if (_toldBefore.Contains(warning)) return;
        _told.Add(warning);
        _violated.Add(rule.Name);
        warn(warning);
    }

    /// <summary>What comes now is of another platform: what was told already is not told again.</summary>
    public void BeginPlatform() => _toldBefore = [.. _told];

    /// <summary>Ends the build if there was a warning and warnings are errors.</summary>
    /// <exception cref="CrunException">So it is.</exception>
    public void ThrowIfError()
    {
        if (_options.IsError && _violated.Count > 0)
            throw CrunException.Invalid($"lint violation found for rules: {string.Join(", ", _violated)}");
    }
}
