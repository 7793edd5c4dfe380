using System.Globalization;
using CrunSharp.Build.Graph;

namespace CrunSharp.Build.Progress;

/// <summary>The titles of a stage's steps: <c>[build 2/4] RUN make</c>.</summary>
/// <param name="stage">The stage.</param>
/// <param name="named">Whether the stage's name is part of them.</param>
/// <param name="hasPlatform">Whether its platform is.</param>
internal sealed class StepLabels(StageNode stage, bool named, bool hasPlatform = false)
{
    private int _next;

    /// <summary>The title of the next step.</summary>
    public string Next(string text)
    {
        var name = (hasPlatform ? stage.Platform + " " : "") + (named ? stage.Name + " " : "");
        return string.Create(CultureInfo.InvariantCulture, $"[{name}{++_next}/{Math.Max(stage.Steps, _next)}] {text.ReplaceLineEndings(" ")}");
    }
}
