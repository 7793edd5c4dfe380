using CrunSharp.Oci;

namespace CrunSharp.Storage;

/// <summary>A container, as far as it is in the way of removing an image.</summary>
/// <param name="Id">The container's id.</param>
/// <param name="Image">The id of its image.</param>
/// <param name="IsRunning">Whether it runs (or is paused).</param>
public sealed record ImageUse(string Id, Digest Image, bool IsRunning);

/// <summary>Removes images by name or id, under Docker's rules and with Docker's words: <c>docker rmi</c>.</summary>
/// <remarks>
/// A name goes alone as long as the image has others. An id goes with all its names if they are of one repository, and
/// else only by force. Images of running containers stay whatever is asked for, those of stopped ones unless it is forced.
/// </remarks>
public sealed class ImageRemoval
{
    private readonly Store _store;
    private readonly Func<IReadOnlyList<ImageUse>> _uses;
    private readonly Func<IEnumerable<Digest>> _otherRoots;
    private readonly List<string> _lines = [];
    private readonly HashSet<Digest> _others = [];

    private ImageRemoval(Store store, Func<IReadOnlyList<ImageUse>> uses, Func<IEnumerable<Digest>> otherRoots) =>
        (_store, _uses, _otherRoots) = (store, uses, otherRoots);

    /// <summary>Removes a name, or an image.</summary>
    /// <param name="store">The store.</param>
    /// <param name="nameOrId">Which.</param>
    /// <param name="force">Whether to remove what is named in several repositories or used by a stopped container.</param>
    /// <param name="uses">Lists the containers.</param>
    /// <param name="otherRoots">The diffIDs of layers that containers and build caches use, which must stay.</param>
    /// <returns>What was done: lines such as <c>Untagged: web:latest</c> and <c>Deleted: sha256:…</c>.</returns>
    /// <exception cref="CrunException">There is no such image, or something is in the way.</exception>
    public static IReadOnlyList<string> Remove(Store store, string nameOrId, bool force, Func<IReadOnlyList<ImageUse>> uses,
        Func<IEnumerable<Digest>> otherRoots)
    {
        var removal = new ImageRemoval(store, uses, otherRoots);
        removal.Remove(store.Images.Resolve(nameOrId), nameOrId, force);
        removal.DeleteOthers();
        return removal._lines;
    }

    /// <summary>Removes images without a name that no container uses; with <paramref name="all"/>, named ones as well.</summary>
    /// <param name="store">The store.</param>
    /// <param name="all">Whether images that have names go as well.</param>
    /// <param name="wanted">Which of these to remove; null for all.</param>
    /// <param name="uses">Lists the containers.</param>
    /// <param name="otherRoots">The diffIDs of layers that containers and build caches use, which must stay.</param>
    /// <returns>What was done, and how many bytes it freed.</returns>
    public static (IReadOnlyList<string> Lines, long Bytes) Prune(Store store, bool all, Func<Image, bool>? wanted,
        Func<IReadOnlyList<ImageUse>> uses, Func<IEnumerable<Digest>> otherRoots)
    {
        var removal = new ImageRemoval(store, uses, otherRoots);
        var used = uses().Select(static u => u.Image).ToHashSet();
        foreach (var image in store.Images.List())
        {
            if (used.Contains(image.Id) || (!all && image.Names.Count + image.OtherNames.Count > 0) || wanted?.Invoke(image) == false) continue;
            if (all)
            {
                foreach (var name in store.Images.NamesOf(image.Id)) removal.Untag(name);
                store.Images.Remove(image.Id);
            }
            else if (!store.Images.RemoveUnnamed(image.Id)) continue; // another process has given it a name since it was listed
            removal._lines.Add($"Deleted: {image.Id}");
        }
        var collected = GarbageCollector.Collect(store, otherRoots);
        foreach (var layer in collected.Layers) removal._lines.Add($"Deleted: {layer}");
        return (removal._lines, collected.Bytes + store.Drafts.RemovePartial());
    }

    private void Remove(Image image, string nameOrId, bool force)
    {
        if (!IsId(image, nameOrId))
        {
            var name = Find(image, ImageReference.Parse(nameOrId));
            RemoveName(image, name, nameOrId, force);
            return;
        }
        var isSingle = image.Names.Select(static n => (n.Host, n.Path)).Distinct().Count() <= 1
            && image.Names.Count(static n => n.Digest is null) <= 1;
        var names = image.Names;
        CheckUse(image, force);
        if (!isSingle && !force) throw Conflict(image, "must be forced", "image is referenced in multiple repositories");
        foreach (var name in names) Untag(name);
        Delete(image, _store.Images.Remove);
    }

    private void RemoveName(Image image, ImageReference name, string asked, bool force)
    {
        // A repository's digests go with its last tag.
        var isLast = !image.Names.Any(n => n != name && (n.Digest is null || n.Host != name.Host || n.Path != name.Path));
        if (isLast && !force && _uses().FirstOrDefault(u => u.Image == image.Id) is { } use)
        {
            throw CrunException.WrongState(
                $"conflict: unable to remove repository reference \"{asked}\" (must force) - container {Short(use.Id)} is using its referenced image {image.Id.Short}");
        }
        Untag(name);
        var rest = _store.Images.NamesOf(image.Id);
        if (name.Digest is null && !rest.Any(r => r.Digest is null && r.Host == name.Host && r.Path == name.Path))
        {
            // The last tag of a repository takes the repository's digests with it.
            foreach (var digest in rest.Where(r => r.Host == name.Host && r.Path == name.Path).ToList()) Untag(digest);
            rest = _store.Images.NamesOf(image.Id);
        }
        if (rest.Count > 0) return;
        // A container that uses the image keeps it, without a name.
        if (!_uses().Any(u => u.Image == image.Id)) Delete(image, _store.Images.RemoveUnnamed);
    }

    private void CheckUse(Image image, bool force)
    {
        foreach (var use in _uses().Where(u => u.Image == image.Id).OrderByDescending(static u => u.IsRunning))
        {
            if (use.IsRunning) throw Conflict(image, "cannot be forced", $"image is being used by running container {Short(use.Id)}");
            if (!force) throw Conflict(image, "must be forced", $"image is being used by stopped container {Short(use.Id)}");
        }
    }

    private void Delete(Image image, Func<Digest, bool> remove)
    {
        var layers = image.TryGetDiffIds() ?? [];
        List<Digest> contents = [image.Id];
        if (image.ManifestDigest is { } manifest) contents.Add(manifest);
        if (image.TryReadManifest() is { } parts) contents.AddRange(parts.Layers.Select(static l => l.Digest));
        if (!remove(image.Id)) return;
        _lines.Add($"Deleted: {image.Id}");
        var collected = GarbageCollector.Collect(_store, _otherRoots, layers, contents);
        foreach (var layer in layers.Reverse().Where(collected.Layers.Contains)) _lines.Add($"Deleted: {layer}");
    }

    private void Untag(ImageReference name)
    {
        var others = _store.Images.OthersOf(name);
        if (!_store.Images.Untag(name)) return;
        _lines.Add($"Untagged: {name.Familiar}");
        _others.UnionWith(others);
    }

    // Images for other platforms go with the last name that stands for them.
    private void DeleteOthers()
    {
        var uses = _uses();
        foreach (var id in _others)
        {
            if (_store.Images.TryGet(id) is { } image && !uses.Any(use => use.Image == id)) Delete(image, _store.Images.RemoveUnnamed);
        }
    }

    private static ImageReference Find(Image image, ImageReference asked) =>
        image.Names.FirstOrDefault(n => n == asked)
            ?? image.Names.FirstOrDefault(n => n.Host == asked.Host && n.Path == asked.Path && n.Digest == asked.Digest)
            ?? asked;

    private static bool IsId(Image image, string text)
    {
        var digits = text.StartsWith("sha256:", StringComparison.Ordinal) ? text["sha256:".Length..] : text;
        return image.Id.Hex.StartsWith(digits, StringComparison.Ordinal)
            && !(ImageReference.TryParse(text, out var name) && image.Names.Contains(name));
    }

    private static CrunException Conflict(Image image, string how, string why) =>
        CrunException.WrongState($"conflict: unable to delete {image.Id.Short} ({how}) - {why}");

    private static string Short(string id) => id.Length > 12 ? id[..12] : id;
}
