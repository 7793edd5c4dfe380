using CrunSharp.Kernel.Files;
using CrunSharp.Oci;

namespace CrunSharp.Storage;

/// <summary>Writes what a stack of layers shows as one tar, without marks: <c>export</c>.</summary>
public static class ViewTar
{
    /// <summary>Writes the tar of a view. Sockets are left out, as no tar can say them.</summary>
    /// <param name="view">The view.</param>
    /// <param name="output">Where to; it stays the caller's.</param>
    /// <exception cref="CrunException">A file changes while it is read, or is of a kind that no tar can say.</exception>
    public static void Write(LayerView view, Stream output) => Write([("", view)], output, null);

    /// <summary>Writes several views as one tar, each in a directory of its own.</summary>
    /// <param name="views">The views, each with the name of its directory; empty for none.</param>
    /// <param name="output">Where to; it stays the caller's.</param>
    /// <param name="latest">The latest time that an entry may have; null for any.</param>
    /// <exception cref="CrunException">A file is of a kind that no tar can say.</exception>
    public static void Write(IReadOnlyList<(string Folder, LayerView View)> views, Stream output, FileTime? latest)
    {
        var tar = new Tar(output, latest);
        foreach (var (folder, view) in views)
        {
            using var root = view.OpenRoot();
            tar.WriteRoot(root, folder);
        }
        tar.End();
    }

    private sealed class Tar : LayerTar
    {
        public Tar(Stream output, FileTime? latest) : base(output, long.MaxValue) => Latest = latest;

        public void WriteRoot(ViewDirectory root, string folder)
        {
            if (folder.Length > 0)
            {
                using var own = root.OpenTop();
                WriteDirectoryEntry(own, folder, root.Status);
            }
            Write(root, folder, 0);
        }

        public void End() => Finish();

        private void Write(ViewDirectory directory, string path, int depth)
        {
            if (depth > MostDepth) throw Refused(path, $"directories are nested more than {MostDepth} deep");
            foreach (var name in directory.Names())
            {
                // It may have gone meanwhile: containers run.
                if (directory.Find(name) is not { } entry || entry.Status.Kind == FileKind.Socket) continue;
                var inside = path.Length == 0 ? name : $"{path}/{name}";
                if (entry.Status.Kind != FileKind.Directory)
                {
                    WriteOther(entry.Holder, name, inside, entry.Status);
                    continue;
                }
                using var own = directory.TryOpen(name);
                if (own is null) continue;
                using (var described = FileAt.Open(entry.Holder, name, ViewDirectory.AsDirectory)) WriteDirectoryEntry(described, inside, entry.Status);
                Write(own, inside, depth + 1);
            }
        }
    }
}
