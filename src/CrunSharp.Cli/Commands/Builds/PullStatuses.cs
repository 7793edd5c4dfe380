using System.Collections.Concurrent;
using CrunSharp.Build.Progress;
using CrunSharp.Engine.Transfers;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;

namespace CrunSharp.Cli.Commands.Builds;

/// <summary>A pull as part of a build's progress, for programs: a status for each layer, ten times a second at most.</summary>
/// <param name="step">What it is part of.</param>
/// <param name="progress">Gets it.</param>
/// <param name="clock">The time.</param>
internal sealed class PullStatuses(BuildStep step, IBuildProgress progress, TimeProvider clock) : IPullProgress
{
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(100);

    private readonly ConcurrentDictionary<Digest, long> _told = [];

    public void Pulling(ImageReference name)
    {
    }

    public void Layers(IReadOnlyList<Descriptor> layers)
    {
    }

    public void Report(Descriptor layer, LayerStage stage, long arrived)
    {
        var id = layer.Digest.ToString();
        switch (stage)
        {
            case LayerStage.Waiting: Tell(id, "waiting", 0, layer.Size, false); break;
            case LayerStage.Downloading when IsTime(layer.Digest): Tell(id, "downloading", arrived, layer.Size, false); break;
            case LayerStage.Extracting:
                Tell(id, "done", layer.Size, layer.Size, true);
                Tell($"extracting {id}", "extract", 0, 0, false);
                break;
            case LayerStage.Complete: Tell($"extracting {id}", "extract", 0, 0, true); break;
            case LayerStage.Exists: Tell(id, "exists", 0, layer.Size, true); break;
        }
    }

    public void Warning(string text) => progress.Warning(text);

    private bool IsTime(Digest layer)
    {
        var now = clock.GetTimestamp();
        if (_told.TryGetValue(layer, out var last) && clock.GetElapsedTime(last, now) < Tick) return false;
        _told[layer] = now;
        return true;
    }

    private void Tell(string id, string action, long current, long total, bool isComplete) =>
        progress.Moved(step, new TransferStatus(id, action, current, total, isComplete));
}
