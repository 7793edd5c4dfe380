using CrunSharp.Kernel.Files;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Storage;

/// <summary>
/// What an overlay of layers needs so that directories which a layer's tar only implies show the owner, mode, time and
/// attributes that the layers beneath gave them: one more directory, on top of all lower ones, with those directories in it.
/// </summary>
public static class ImpliedDirectories
{
    /// <summary>Whether a stack of layers needs it.</summary>
    public static bool AreIn(IReadOnlyList<ViewLayer> layers)
    {
        foreach (var layer in layers)
            if (layer.Implied.Count > 0) return true;
        return false;
    }

    /// <summary>Writes the directories; those that are there already are left as they are.</summary>
    /// <param name="layers">The layers, the lowest first.</param>
    /// <param name="target">The directory that goes on top.</param>
    public static void Write(IReadOnlyList<ViewLayer> layers, SafeFileHandle target)
    {
        var view = LayerView.OfLayers([.. layers.Reverse()]);
        foreach (var path in layers.SelectMany(static layer => layer.Implied).Distinct().Order(StringComparer.Ordinal)) Write(view, target, path);
    }

    // An ancestor that is not implied is made as well, as it is: overlayfs shows the topmost directory of a name.
    private static void Write(LayerView view, SafeFileHandle target, string path)
    {
        var from = view.OpenRoot();
        var to = FileAt.Open(target, ".", ViewDirectory.AsDirectory);
        try
        {
            foreach (var name in path.Split('/'))
            {
                // Above it is a layer that has something else in its place, or nothing.
                if (from.Find(name) is not { Status.Kind: FileKind.Directory } entry || from.TryOpen(name) is not { } below) return;
                if (FileAt.TryMakeDirectory(to, name, 0x1c0, out var errno)) TreeCopy.Attributes(entry.Holder, to, name, entry.Status);
                else if (errno != Errno.EEXIST) FileAt.MakeDirectory(to, name);
                from.Dispose();
                from = below;
                var next = FileAt.Open(to, name, ViewDirectory.AsDirectory);
                to.Dispose();
                to = next;
            }
        }
        finally
        {
            from.Dispose();
            to.Dispose();
        }
    }
}
