using CrunSharp.Oci;
using CrunSharp.Storage;

namespace CrunSharp.Engine.Transfers;

/// <summary>Other repositories of a registry that are known to have layers: images here came from them, or were pushed to them.</summary>
internal sealed class MountSources(Store store, ImageReference target)
{
    private const int MostForLayer = 3;

    private readonly Lazy<Dictionary<Digest, List<string>>> _paths = new(() => Find(store, target));

    /// <summary>Paths of repositories that may have a layer; few.</summary>
    public IReadOnlyList<string> Of(Digest layer) => _paths.Value.TryGetValue(layer, out var paths) ? paths : [];

    private static Dictionary<Digest, List<string>> Find(Store store, ImageReference target)
    {
        var found = new Dictionary<Digest, List<string>>();
        foreach (var image in store.Images.List())
        {
            foreach (var name in image.Names.Concat(image.OtherNames))
            {
                // Only a registry gives names with a digest.
                if (name.Digest is null || name.Host != target.Host || name.Path == target.Path || image.Damage is not null) continue;
                foreach (var layer in image.DiffIds)
                {
                    if (!found.TryGetValue(layer, out var paths)) found[layer] = paths = [];
                    if (paths.Count < MostForLayer && !paths.Contains(name.Path)) paths.Add(name.Path);
                }
            }
        }
        return found;
    }
}
