using CrunSharp.Build.Graph;
using CrunSharp.Storage;

namespace CrunSharp.Build.Steps;

/// <summary>What a step is done on.</summary>
/// <param name="Lowers">The layers beneath, the lowest first.</param>
/// <param name="View">The layers beneath as one; null when there are none.</param>
/// <param name="Draft">The new layer.</param>
/// <param name="Output">Where a command's output goes.</param>
internal sealed record StepSite(IReadOnlyList<ViewLayer> Lowers, LayerView? View, LayerDraft Draft, StepOutput Output)
{
    /// <summary>Is called when a command has failed, while all that was made for it is still there; null for nothing.</summary>
    public Func<StepSpec, string, Task>? OnFailure { get; init; }
}

/// <summary>A step that makes a layer.</summary>
internal abstract class LayerStep
{
    /// <summary>What the image's history says of it.</summary>
    public required string History { get; init; }

    /// <summary>All that its result depends on, but for the layers that it is done on. Nobody adds to it.</summary>
    public abstract CacheKey Key { get; }

    /// <summary>Whether the layers that it is done on do not matter: it does not look at them, and its result fits on all.</summary>
    public virtual bool IsIndependent => false;

    /// <summary>Why its known result is not taken, for people; null when there is no reason.</summary>
    public string? Refused { get; set; }

    /// <summary>How many files it takes, roughly.</summary>
    public virtual long Files => 0;

    /// <summary>Adds what it takes to a list: kind, permissions, owner and content in words, by path.</summary>
    public virtual void AddFiles(Dictionary<string, string> files)
    {
    }

    /// <summary>Does it.</summary>
    public abstract Task RunAsync(StepSite site, CancellationToken cancellationToken);
}
