using System.Runtime.InteropServices;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Storage;

/// <summary>A name in a <see cref="ViewDirectory"/>.</summary>
/// <param name="Name">The name.</param>
/// <param name="Status">What it is; of a merged directory, what the topmost says.</param>
/// <param name="Holder">The layer's directory that it is in; valid as long as the view's directory is open.</param>
public readonly record struct ViewEntry(string Name, FileStatus Status, SafeFileHandle Holder);

/// <summary>A directory of a <see cref="LayerView"/>: the directories of that path in all layers that show through.</summary>
public sealed class ViewDirectory : IDisposable
{
    /// <summary>How a directory of a layer is opened: nothing is followed.</summary>
    public const OpenFlags AsDirectory = OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY | OpenFlags.O_NOFOLLOW;
    /// <summary>The attribute by which a directory hides those of its name beneath.</summary>
    public const string OpaqueAttribute = "trusted.overlay.opaque";

    private readonly List<ViewLayer> _layers;
    private readonly string _path;
    private readonly bool _isOverlay;
    private bool _isListed;

    /// <summary>Takes over the handles, the topmost first.</summary>
    internal ViewDirectory(List<ViewLayer> layers, string path, bool isOverlay) => (_layers, _path, _isOverlay) = (layers, path, isOverlay);

    /// <summary>What the directory itself is.</summary>
    public FileStatus Status => FileAt.Status(_layers[0].Directory);

    /// <summary>The directory in the layer, where it is in one only; null where it is merged.</summary>
    public SafeFileHandle? Only => _layers.Count == 1 ? _layers[0].Directory : null;

    /// <summary>Looks a name up; null when there is none, or a whiteout hides it.</summary>
    public ViewEntry? Find(string name)
    {
        ViewEntry? implied = null;
        foreach (var layer in _layers)
        {
            if (FileAt.TryStatus(layer.Directory, name) is not { } status) continue;
            if (_isOverlay && status.IsWhiteout) return implied;
            // A directory that the layer's tar did not describe is as the layers beneath say.
            var isImplied = status.Kind == FileKind.Directory && layer.Implied.Count > 0 && layer.Implied.Contains(Below(name));
            if (implied is not null && status.Kind != FileKind.Directory) return implied;
            if (!isImplied) return new ViewEntry(name, status, layer.Directory);
            implied ??= new ViewEntry(name, status, layer.Directory);
        }
        return implied;
    }

    /// <summary>The names, in the order of their bytes.</summary>
    public List<string> Names()
    {
        var wasListed = _isListed;
        _isListed = true;
        if (_layers.Count == 1 && !_isOverlay) return Sorted(List(_layers[0]));
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var names = new List<string>();
        foreach (var layer in _layers)
        {
            foreach (var name in List(layer))
                if (seen.Add(name) && Find(name) is not null) names.Add(name);
        }
        return Sorted(names);

        List<string> List(ViewLayer layer) => wasListed ? FileAt.List(layer.Directory) : FileAt.ListOnce(layer.Directory);
    }

    /// <summary>Opens a directory in it; null when the name is none, a link included.</summary>
    public ViewDirectory? TryOpen(string name)
    {
        var layers = new List<ViewLayer>();
        foreach (var layer in _layers)
        {
            var directory = FileAt.TryOpen(layer.Directory, name, AsDirectory, out var errno);
            if (directory is null)
            {
                if (errno == Errno.ENOENT) continue;
                if (errno is Errno.ENOTDIR or Errno.ELOOP) break;
                foreach (var open in layers) open.Directory.Dispose();
                // The error with its text.
                FileAt.Open(layer.Directory, name, AsDirectory).Dispose();
                return null;
            }
            layers.Add(layer with { Directory = directory });
            if (!_isOverlay || ExtendedAttributes.Get(layer.Directory, name, OpaqueAttribute) is [(byte)'y']) break;
        }
        return layers.Count > 0 ? new ViewDirectory(layers, Below(name), _isOverlay) : null;
    }

    /// <summary>Opens a regular file for reading; what took its place meanwhile is refused.</summary>
    /// <exception cref="CrunException">It is no regular file any more.</exception>
    public SafeFileHandle OpenFile(in ViewEntry entry)
    {
        var file = FileAt.Open(entry.Holder, entry.Name, OpenFlags.O_RDONLY | OpenFlags.O_NOFOLLOW | OpenFlags.O_NONBLOCK | OpenFlags.O_NOCTTY);
        if (FileAt.Status(file).Kind == FileKind.Regular) return file;
        file.Dispose();
        throw CrunException.WrongState($"{entry.Name}: not a regular file any more");
    }

    /// <summary>Opens a regular file for reading by its name.</summary>
    /// <param name="name">The name.</param>
    /// <param name="status">What is open.</param>
    /// <returns>Null when there is none, or it is no regular file.</returns>
    public SafeFileHandle? TryOpenFile(string name, out FileStatus status)
    {
        status = default;
        var holder = _layers.Count == 1 && !_isOverlay ? _layers[0].Directory : Find(name)?.Holder;
        if (holder is null) return null;
        var file = FileAt.TryOpen(holder, name, OpenFlags.O_RDONLY | OpenFlags.O_NOFOLLOW | OpenFlags.O_NONBLOCK | OpenFlags.O_NOCTTY, out var errno);
        if (file is null && errno is Errno.ENOENT or Errno.ELOOP) return null;
        file ??= FileAt.Open(holder, name, OpenFlags.O_RDONLY | OpenFlags.O_NOFOLLOW | OpenFlags.O_NONBLOCK | OpenFlags.O_NOCTTY);
        status = FileAt.Status(file);
        if (status.Kind == FileKind.Regular) return file;
        file.Dispose();
        return null;
    }

    /// <summary>Opens the topmost of the directories that it consists of.</summary>
    internal SafeFileHandle OpenTop() => FileAt.Open(_layers[0].Directory, ".", AsDirectory);

    /// <summary>Closes the handles.</summary>
    public void Dispose()
    {
        foreach (var layer in _layers) layer.Directory.Dispose();
    }

    private string Below(string name) => _path.Length == 0 ? name : $"{_path}/{name}";

    private static List<string> Sorted(List<string> names)
    {
        CollectionsMarshal.AsSpan(names).Sort(StringComparer.Ordinal);
        return names;
    }
}
