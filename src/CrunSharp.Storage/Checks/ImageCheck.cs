using CrunSharp.Kernel.Files;
using CrunSharp.Oci;

namespace CrunSharp.Storage;

/// <summary>Compares images with what they are made of, and names with images.</summary>
internal sealed class ImageCheck(CheckRun run)
{
    private readonly ImageStore _images = run.Store.Images;

    /// <summary>Checks all images and names; how many there were.</summary>
    public (int Images, int Names) Run()
    {
        var ids = _images.Ids().ToList();
        foreach (var id in ids) Check(id);
        return (ids.Count, CheckNames());
    }

    private void Check(Digest id)
    {
        if (!_images.HasWholeRecord(id) && _images.TryReadRecord(id) is not null)
        {
            run.Found(FindingKind.Image, Name(id), "its record is damaged", () =>
            {
                if (FileAt.TryStatus(run.Store.Directories.Images, $"{id.Hex}.json") is { Kind: FileKind.Directory }) FileAt.RemoveTree(run.Store.Directories.Images, $"{id.Hex}.json");
                _images.Write(new ImageRecord { Id = id, Manifest = FindManifest(id) });
                return Mending.Succeeded("written anew");
            });
        }
        if (_images.TryGet(id) is not { } image) return;
        if (ProblemOf(image) is { } problem)
        {
            if (_images.TryReadRecord(id) is null) return; // it was removed meanwhile
            run.Found(FindingKind.Image, Name(id), problem, () =>
            {
                _images.Remove(id);
                return Mending.Succeeded("removed: load or build it again");
            });
        }
        else if (image.ManifestDigest is not null && ManifestProblem(image) is { } mistake)
        {
            run.Found(FindingKind.Image, Name(id), mistake, () =>
            {
                if (_images.TryReadRecord(id) is { } record) _images.Write(record with { Manifest = null });
                return Mending.Succeeded("forgotten: the image does not need it");
            });
        }
    }

    private string? ProblemOf(Image image)
    {
        if (image.Damage is { } damage) return damage.Message;
        foreach (var diffId in image.DiffIds)
        {
            if (!run.Store.Layers.Exists(diffId)) return $"layer {diffId} is not in the store";
        }
        return null;
    }

    private static string? ManifestProblem(Image image)
    {
        try
        {
            var manifest = ManifestReader.Read(image.ReadRawManifest());
            return manifest.Config.Digest == image.Id ? null : $"its manifest {image.ManifestDigest} is of another image";
        }
        catch (CrunException error) when (error.Kind is ErrorKind.Integrity or ErrorKind.NotFound)
        {
            return $"its manifest is damaged or missing: {error.Message}";
        }
    }

    // The manifest of an image whose record does not say it any more; null when there is none, or more than one.
    private Digest? FindManifest(Digest id)
    {
        Digest? found = null;
        foreach (var name in FileAt.List(run.Store.Directories.Blobs))
        {
            if (!Digest.TryParseHex(name, out var digest) || run.Store.Content.SizeOf(digest) is not (> 0 and <= ManifestReader.MostBytes)) continue;
            if (!IsManifestOf(digest, id)) continue;
            if (found is not null) return null;
            found = digest;
        }
        return found;
    }

    private bool IsManifestOf(Digest digest, Digest id)
    {
        try
        {
            return ManifestReader.Read(run.Store.Content.Read(digest, ManifestReader.MostBytes)).Config.Digest == id;
        }
        catch (CrunException)
        {
            return false;
        }
    }

    private int CheckNames()
    {
        var count = 0;
        foreach (var (file, entry) in _images.NameFiles.Files())
        {
            count++;
            var problem = entry is not { } e ? "its file is damaged"
                : NameFiles.FileName(e.Name) != file ? "its file is another name's"
                : _images.TryReadRecord(e.Id) is null ? $"its image {e.Id} is not in the store" : null;
            if (problem is null || FileAt.TryStatus(run.Store.Directories.Names, file) is null) continue;
            run.Found(FindingKind.Name, entry?.Name.Familiar ?? file, problem, () =>
            {
                // It may have been given to another image since.
                if (_images.NameFiles.Read(file)?.Id == entry?.Id) FileAt.RemoveTree(run.Store.Directories.Names, file);
                return Mending.Succeeded("removed");
            });
        }
        return count;
    }

    private string Name(Digest id) => _images.NamesOf(id) is [var first, ..] ? $"{first.Familiar} ({id.Short})" : id.ToString();
}
