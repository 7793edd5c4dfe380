using CrunSharp.Build.Steps;
using CrunSharp.Oci;
using CrunSharp.Storage;

namespace CrunSharp.Build.Graph;

/// <summary>A layer of a stage: known by its directory at once, and by its digest a little later.</summary>
/// <param name="Directory">The directory, as a layer to stand on.</param>
/// <param name="Committed">The layer, when its digest is known.</param>
/// <param name="Created">When it was made, RFC 3339; null for a base image's.</param>
/// <param name="HidesAll">Whether what is beneath it does not show.</param>
internal sealed record BuiltLayer(StepLayer Directory, Task<Layer> Committed, string? Created, bool HidesAll);

/// <summary>A stage as far as it is built.</summary>
internal sealed class StageResult(StageImage image, IReadOnlyList<BuiltLayer> layers)
{
    private readonly List<BuiltLayer> _layers = [.. layers];

    /// <summary>Its configuration.</summary>
    public StageImage Image { get; } = image;

    /// <summary>Its layers, the lowest first.</summary>
    public IReadOnlyList<BuiltLayer> Layers => _layers;

    /// <summary>Whether a step was done that never was before: what follows cannot be known.</summary>
    public bool IsNew { get; set; }

    /// <summary>Adds a layer.</summary>
    public void Add(BuiltLayer layer) => _layers.Add(layer);

    /// <summary>The layers that show, the lowest first.</summary>
    public List<StepLayer> Lowers()
    {
        var first = Math.Max(_layers.FindLastIndex(static layer => layer.HidesAll), 0);
        return [.. _layers.Skip(first).Select(static layer => layer.Directory)];
    }

    /// <summary>The layers as one; null when there are none.</summary>
    public LayerView? View()
    {
        var lowers = Lowers();
        lowers.Reverse();
        return lowers.Count == 0 ? null : LayerView.OfLayers(lowers);
    }

    /// <summary>The layers' digests, when all are known.</summary>
    public async Task<IReadOnlyList<Digest>> DiffIdsAsync()
    {
        var digests = new Digest[_layers.Count];
        for (var i = 0; i < digests.Length; i++) digests[i] = (await _layers[i].Committed.ConfigureAwait(false)).DiffId;
        return digests;
    }
}
