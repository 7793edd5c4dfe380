using CrunSharp.Oci;
using CrunSharp.Storage;

namespace CrunSharp.Build.Graph;

/// <summary>A layer of a stage: known by its directory at once, and by its digest a little later.</summary>
/// <param name="Directory">The directory, as a layer to stand on.</param>
/// <param name="Committed">The layer, when its digest is known.</param>
/// <param name="Created">When it was made, RFC 3339; null for a base image's.</param>
/// <param name="HidesAll">Whether what is beneath it does not show.</param>
internal sealed record BuiltLayer(ViewLayer Directory, Task<Layer> Committed, string? Created, bool HidesAll);

/// <summary>A stage as far as it is built.</summary>
internal sealed class StageResult(StageImage image, IReadOnlyList<BuiltLayer> layers)
{
    private readonly List<BuiltLayer> _layers = [.. layers];
    private Digest _definition = new CacheKey().On(layers.Select(static layer => layer.Committed.Result.DiffId));

    /// <summary>Its configuration.</summary>
    public StageImage Image { get; private init; } = image;

    /// <summary>The id of the image at its bottom; null when there is none.</summary>
    public Digest? BaseId { get; init; }

    /// <summary>Its layers, the lowest first.</summary>
    public IReadOnlyList<BuiltLayer> Layers => _layers;

    /// <summary>Whether its own steps are done also if their result is known.</summary>
    public bool IsUncached { get; set; }

    /// <summary>The start of a stage that starts from this one.</summary>
    public StageResult Fork()
    {
        var fork = new StageResult(Image.Fork(), []) { _definition = _definition, BaseId = BaseId };
        fork._layers.AddRange(_layers);
        return fork;
    }

    /// <summary>What identifies the layers and one more step on them, whether they are done already or not.</summary>
    public Digest DefinitionOf(Digest step) => new CacheKey().On([_definition, step]);

    /// <summary>Adds the layer of a step.</summary>
    public void Add(BuiltLayer layer, Digest step)
    {
        _layers.Add(layer);
        _definition = DefinitionOf(step);
    }

    /// <summary>The layers that show, the lowest first.</summary>
    public IReadOnlyList<ViewLayer> Lowers() => Showing(_layers);

    /// <summary>The layers as one; null when there are none.</summary>
    public LayerView? View() => ViewOf(_layers);

    /// <summary>A stack of layers as one; null when there are none.</summary>
    public static LayerView? ViewOf(IReadOnlyList<BuiltLayer> layers)
    {
        var showing = Showing(layers);
        showing.Reverse();
        return showing.Count == 0 ? null : LayerView.OfLayers(showing);
    }

    /// <summary>The layers' digests, when all are known. The list is that of the moment of the call.</summary>
    public async Task<IReadOnlyList<Digest>> DiffIdsAsync()
    {
        var made = await Task.WhenAll(_layers.ConvertAll(static layer => layer.Committed)).ConfigureAwait(false);
        return Array.ConvertAll(made, static layer => layer.DiffId);
    }

    private static List<ViewLayer> Showing(IReadOnlyList<BuiltLayer> layers)
    {
        var showing = new List<ViewLayer>(layers.Count);
        foreach (var layer in layers)
        {
            if (layer.HidesAll) showing.Clear();
            showing.Add(layer.Directory);
        }
        return showing;
    }
}
