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
    public static void Write(LayerView view, Stream output)
    {
        var tar = new Tar(output);
        using var root = view.OpenRoot();
        tar.Write(root);
    }

    private sealed class Tar(Stream output) : LayerTar(output, long.MaxValue)
    {
        public void Write(ViewDirectory root)
        {
            Write(root, "", 0);
            Finish();
        }

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
