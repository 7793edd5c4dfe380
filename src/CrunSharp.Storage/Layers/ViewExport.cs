using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Storage;

/// <summary>
/// Puts what stacks of layers show into a directory: with owners, modes, times, attributes, links and devices. All of it is
/// written beside first and renamed into place, and no link that is there already is followed.
/// </summary>
public sealed class ViewExport
{
    private const string Prefix = ".crun-sharp-output.";
    private static int s_count;
    private readonly FileTime? _latest;
    private readonly bool _removesOthers;

    /// <summary>An export.</summary>
    /// <param name="latest">The latest time that a file may have; null for any.</param>
    /// <param name="removesOthers">Whether what else is in the directory is removed.</param>
    public ViewExport(FileTime? latest, bool removesOthers) => (_latest, _removesOthers) = (latest, removesOthers);

    /// <summary>Writes views, each into a directory of its own.</summary>
    /// <param name="views">The views, each with the name of its directory; empty for none. No two may have the same file.</param>
    /// <param name="path">The directory, which is made if it is missing.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="CrunException">Something cannot be made. Each file that was there is then as it was, or whole and new.</exception>
    public void Write(IReadOnlyList<(string Folder, LayerView View)> views, string path, CancellationToken cancellationToken)
    {
        FileAt.MakeDirectories(path, 0x1ed);
        using var target = FileAt.OpenDirectory(path);
        Sweep(target);
        var name = $"{Prefix}{Environment.ProcessId:x}-{Interlocked.Increment(ref s_count):x}.tmp";
        FileAt.MakeDirectory(target, name, 0x1c0);
        try
        {
            using var stage = FileAt.Open(target, name, ViewDirectory.AsDirectory);
            foreach (var (folder, view) in views)
            {
                using var root = view.OpenRoot();
                if (folder.Length == 0)
                {
                    new Copy(this, stage, cancellationToken).Children(root, stage, "");
                    continue;
                }
                FileAt.MakeDirectory(stage, folder, 0x1ed);
                using var own = FileAt.Open(stage, folder, ViewDirectory.AsDirectory);
                new Copy(this, own, cancellationToken).Children(root, own, "");
            }
            // Stopped from here on it would be half of the old and half of the new.
            cancellationToken.ThrowIfCancellationRequested();
            Merge(stage, target, keep: name);
        }
        finally
        {
            FileAt.RemoveTree(target, name);
        }
    }

    // What processes left that were killed.
    private static void Sweep(SafeFileHandle target)
    {
        foreach (var name in AtomicFile.Leftovers(target))
        {
            if (name.StartsWith(Prefix, StringComparison.Ordinal)) FileAt.RemoveTree(target, name);
        }
    }

    private void Merge(SafeFileHandle from, SafeFileHandle to, string? keep)
    {
        var names = FileAt.List(from);
        foreach (var name in names)
        {
            var there = FileAt.TryStatus(to, name);
            if (FileAt.Status(from, name) is not { Kind: FileKind.Directory } status)
            {
                if (there is { Kind: FileKind.Directory }) FileAt.RemoveTree(to, name);
                FileAt.Rename(from, name, to, name);
                continue;
            }
            if (there is not { Kind: FileKind.Directory })
            {
                if (there is not null) FileAt.Remove(to, name);
                FileAt.Rename(from, name, to, name);
                continue;
            }
            using (var inner = FileAt.Open(from, name, ViewDirectory.AsDirectory))
            using (var outer = FileAt.Open(to, name, ViewDirectory.AsDirectory)) Merge(inner, outer, null);
            TreeCopy.Attributes(from, to, name, status);
        }
        if (!_removesOthers) return;
        var mine = names.ToHashSet(StringComparer.Ordinal);
        foreach (var name in FileAt.List(to))
        {
            if (mine.Contains(name) || name == keep) continue;
            if (FileAt.Status(to, name).Kind == FileKind.Directory) FileAt.RemoveTree(to, name);
            else FileAt.Remove(to, name);
        }
    }

    private FileTime Clamped(FileTime time) =>
        _latest is { } latest && (time.Seconds, time.Nanoseconds).CompareTo((latest.Seconds, latest.Nanoseconds)) > 0 ? latest : time;

    /// <summary>The copy of one view; links are within it.</summary>
    private sealed class Copy(ViewExport export, SafeFileHandle top, CancellationToken cancellationToken)
    {
        private readonly Dictionary<(ulong Device, ulong Inode), string> _links = [];

        public void Children(ViewDirectory from, SafeFileHandle to, string path)
        {
            cancellationToken.ThrowIfCancellationRequested();
            foreach (var name in from.Names())
            {
                if (from.Find(name) is not { } entry || entry.Status.Kind == FileKind.Socket) continue;
                var below = path.Length == 0 ? name : $"{path}/{name}";
                if (entry.Status.Kind == FileKind.Directory) CopyDirectory(from, entry, to, below);
                else CopyOther(from, entry, to, below);
            }
        }

        private void CopyDirectory(ViewDirectory from, in ViewEntry entry, SafeFileHandle to, string path)
        {
            // Several views may go into one directory.
            if (!FileAt.TryMakeDirectory(to, entry.Name, 0x1c0, out var errno) && (errno != Errno.EEXIST || FileAt.Status(to, entry.Name).Kind != FileKind.Directory))
                throw Twice(path);
            using (var source = from.TryOpen(entry.Name) ?? throw CrunException.WrongState($"/{path}: not a directory any more"))
            using (var target = FileAt.Open(to, entry.Name, ViewDirectory.AsDirectory)) Children(source, target, path);
            Describe(entry, to);
        }

        private void CopyOther(ViewDirectory from, in ViewEntry entry, SafeFileHandle to, string path)
        {
            var status = entry.Status;
            if (FileAt.TryStatus(to, entry.Name) is not null) throw Twice(path);
            if (status.Links > 1 && !_links.TryAdd((status.Device, status.Inode), path))
            {
                FileAt.Link(top, _links[(status.Device, status.Inode)], to, entry.Name);
                return;
            }
            if (status.Kind == FileKind.Regular)
            {
                using var source = from.OpenFile(entry);
                using var target = FileAt.Open(to, entry.Name, OpenFlags.O_WRONLY | OpenFlags.O_CREAT | OpenFlags.O_EXCL | OpenFlags.O_NOFOLLOW, 0x180);
                FileContent.Copy(source, target);
            }
            else if (status.Kind == FileKind.SymbolicLink) FileAt.MakeSymbolicLink(to, entry.Name, FileAt.ReadSymbolicLink(entry.Holder, entry.Name));
            else FileAt.MakeNode(to, entry.Name, status.Kind, status.Mode, status.RdevMajor, status.RdevMinor);
            Describe(entry, to);
        }

        private void Describe(in ViewEntry entry, SafeFileHandle to) =>
            TreeCopy.Attributes(entry.Holder, to, entry.Name, entry.Status with { Modified = export.Clamped(entry.Status.Modified) });

        private static CrunException Twice(string path) => CrunException.Invalid($"/{path} is in the files of several platforms (platform-split=true keeps them apart)");
    }
}
