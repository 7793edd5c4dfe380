using CrunSharp.Kernel.Files;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Storage;

/// <summary>
/// Makes one layer of several that lie on each other: what shows of them, and the marks that hide what is beneath. Files are
/// not copied but linked, as layers never change.
/// </summary>
internal static class LayerMerge
{
    /// <summary>Fills a directory.</summary>
    /// <param name="topFirst">The layers, the topmost first.</param>
    /// <param name="below">What is beneath them; null for nothing.</param>
    /// <param name="target">The directory.</param>
    public static void Write(IReadOnlyList<ViewLayer> topFirst, LayerView? below, SafeFileHandle target)
    {
        using var root = FileAt.Open(target, ".", ViewDirectory.AsDirectory);
        using var beneath = below?.OpenRoot();
        var layers = topFirst.Select(static layer => layer with { Directory = FileAt.Open(layer.Directory, ".", ViewDirectory.AsDirectory) }).ToList();
        Write(layers, beneath, root, "");
        Close(layers);
    }

    private static void Write(List<ViewLayer> layers, ViewDirectory? below, SafeFileHandle target, string path)
    {
        var done = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < layers.Count; i++)
        {
            foreach (var name in FileAt.List(layers[i].Directory))
            {
                if (!done.Add(name)) continue;
                var status = FileAt.Status(layers[i].Directory, name);
                if (status.Kind == FileKind.Directory) WriteDirectory(layers, i, below, target, name, path.Length == 0 ? name : $"{path}/{name}");
                // What hides nothing need not be there.
                else if (!status.IsWhiteout || below?.Find(name) is not null) FileAt.Link(layers[i].Directory, name, target, name);
            }
        }
    }

    private static void WriteDirectory(List<ViewLayer> layers, int first, ViewDirectory? below, SafeFileHandle target, string name, string path)
    {
        var parts = new List<ViewLayer>();
        ViewLayer? describes = null;
        var isOpaque = false;
        for (var i = first; i < layers.Count && !isOpaque; i++)
        {
            if (FileAt.TryStatus(layers[i].Directory, name) is not { } status) continue;
            // What is no directory hides those beneath, as the mark does.
            if (status.Kind != FileKind.Directory)
            {
                isOpaque = true;
                break;
            }
            parts.Add(layers[i] with { Directory = FileAt.Open(layers[i].Directory, name, ViewDirectory.AsDirectory) });
            if (!layers[i].Implied.Contains(path)) describes ??= layers[i];
            isOpaque = ExtendedAttributes.Get(layers[i].Directory, name, ViewDirectory.OpaqueAttribute) is [(byte)'y'];
        }
        FileAt.MakeDirectory(target, name, 0x1c0);
        using (var inner = FileAt.Open(target, name, ViewDirectory.AsDirectory))
        using (var beneath = isOpaque ? null : below?.TryOpen(name))
            Write(parts, beneath, inner, path);
        Close(parts);
        if (isOpaque && below?.Find(name) is not null) ExtendedAttributes.Set(target, name, ViewDirectory.OpaqueAttribute, "y"u8);
        if (describes is not null) TreeCopy.Attributes(describes.Directory, target, name, FileAt.Status(describes.Directory, name));
        else if (below?.Find(name) is { Status.Kind: FileKind.Directory } entry) TreeCopy.Attributes(entry.Holder, target, name, entry.Status);
        else TreeCopy.Attributes(layers[first].Directory, target, name, FileAt.Status(layers[first].Directory, name));
    }

    private static void Close(List<ViewLayer> layers)
    {
        foreach (var layer in layers) layer.Directory.Dispose();
    }
}
