using System.Globalization;
using CrunSharp.Build.Dockerfile;

namespace CrunSharp.Build.Linting;

/// <summary>A rule of style and care for Dockerfiles.</summary>
/// <param name="Name">Its name, which <c># check=skip=</c> takes.</param>
/// <param name="Description">What it asks for.</param>
/// <param name="Url">Where it is explained; null when it is nowhere.</param>
/// <param name="IsExperimental">Whether it is off unless <c># check=experimental=</c> names it.</param>
public sealed record LintRule(string Name, string Description, string? Url, bool IsExperimental = false);

/// <summary>A place where a Dockerfile does not follow a rule.</summary>
/// <param name="Rule">The rule.</param>
/// <param name="Detail">What is wrong there.</param>
/// <param name="Range">The lines.</param>
public sealed record LintWarning(LintRule Rule, string Detail, SourceRange Range)
{
    /// <summary>The Dockerfile; null when it is not known.</summary>
    public DockerfileSource? Source { get; init; }

    /// <summary>Rule, detail and first line: <c>StageNameCasing: Stage name 'A' should be lowercase (line 1)</c>.</summary>
    public string Short => string.Create(CultureInfo.InvariantCulture, $"{Rule.Name}: {Detail} (line {Range.Start})");
}
