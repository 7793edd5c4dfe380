using CrunSharp.Kernel.Files;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Storage;

/// <summary>A layer in a view.</summary>
/// <param name="Directory">Its directory.</param>
/// <param name="Implied">Directories in it, as paths without a leading slash, whose mode and owner are those of the layers beneath.</param>
public sealed record ViewLayer(SafeFileHandle Directory, IReadOnlyList<string> Implied);

/// <summary>
/// A stack of layer directories as overlayfs would show it, read without a mount. Nothing in it can lead outside: names are
/// opened one at a time without following links, and links are resolved here, with the view's root as <c>/</c>.
/// </summary>
public sealed class LayerView
{
    private const int MostLinks = 255;
    private readonly IReadOnlyList<ViewLayer> _layers;

    private LayerView(IReadOnlyList<ViewLayer> layers, bool isOverlay) => (_layers, IsOverlay) = (layers, isOverlay);

    /// <summary>Whether overlayfs's marks mean something; not in a build context.</summary>
    public bool IsOverlay { get; }

    /// <summary>The layers, the topmost first.</summary>
    public IReadOnlyList<ViewLayer> Layers => _layers;

    /// <summary>A view of layers, the topmost first. The handles stay the caller's.</summary>
    public static LayerView OfLayers(IReadOnlyList<ViewLayer> topFirst) => new(topFirst, isOverlay: true);

    /// <summary>A view of a directory as it is.</summary>
    public static LayerView OfDirectory(SafeFileHandle directory) => new([new ViewLayer(directory, [])], isOverlay: false);

    /// <summary>The same view with another layer on top.</summary>
    public LayerView Under(ViewLayer top) => new([top, .. _layers], IsOverlay);

    /// <summary>Opens the root.</summary>
    public ViewDirectory OpenRoot()
    {
        var own = new List<ViewLayer>(_layers.Count);
        foreach (var layer in _layers) own.Add(layer with { Directory = FileAt.Open(layer.Directory, ".", ViewDirectory.AsDirectory) });
        return new ViewDirectory(own, "", IsOverlay);
    }

    /// <summary>Opens a directory by a path that <see cref="Resolve"/> gave; a link in its place is an error.</summary>
    /// <exception cref="CrunException">A component is no directory any more.</exception>
    public ViewDirectory OpenDirectory(string resolved)
    {
        var directory = OpenRoot();
        foreach (var name in Components(resolved))
        {
            using var parent = directory;
            directory = parent.TryOpen(name) ?? throw CrunException.WrongState($"{resolved}: not a directory any more");
        }
        return directory;
    }

    /// <summary>Resolves a path as a process whose root directory is this view's would.</summary>
    /// <param name="path">The path; <c>..</c> stops at the root.</param>
    /// <param name="followLast">Whether a symbolic link in the last component is followed too.</param>
    /// <exception cref="CrunException">Too many links, or a file where a directory must be.</exception>
    public ResolvedPath Resolve(string path, bool followLast = true)
    {
        using var walk = new Walk(OpenRoot());
        var todo = new Stack<string>(Enumerable.Reverse(Components(path)));
        FileStatus? file = null;
        var missing = new List<string>();
        var links = 0;
        while (todo.TryPop(out var name))
        {
            if (name == ".") continue;
            if (file is not null) throw CrunException.Invalid($"/{string.Join('/', walk.Names)}: not a directory", $"resolve {path}");
            if (name == "..")
            {
                if (missing.Count > 0) missing.RemoveAt(missing.Count - 1);
                else walk.Leave();
                continue;
            }
            if (missing.Count > 0 || walk.Current.Find(name) is not { } entry)
            {
                missing.Add(name);
                continue;
            }
            if (entry.Status.Kind == FileKind.SymbolicLink && (followLast || todo.Count > 0))
            {
                if (++links > MostLinks) throw CrunException.Invalid("too many symbolic links", $"resolve {path}");
                var target = FileAt.ReadSymbolicLink(entry.Holder, name);
                if (target.StartsWith('/')) walk.LeaveAll();
                foreach (var component in Enumerable.Reverse(Components(target))) todo.Push(component);
                continue;
            }
            if (entry.Status.Kind == FileKind.Directory) walk.Enter(name);
            else (file, _) = (entry.Status, walk.Name(name));
        }
        FileStatus? status = missing.Count > 0 ? null : file ?? walk.Current.Status;
        return new ResolvedPath("/" + string.Join('/', [.. walk.Names, .. missing]), status);
    }

    /// <summary>Reads a small regular file, such as /etc/passwd; null when there is none, or it is no regular file.</summary>
    /// <exception cref="CrunException">It has more than <paramref name="most"/> bytes.</exception>
    public byte[]? TryReadFile(string path, int most)
    {
        var resolved = Resolve(path);
        if (resolved.Status is not { Kind: FileKind.Regular }) return null;
        using var parent = OpenDirectory(resolved.Parent);
        if (parent.Find(resolved.Name) is not { Status.Kind: FileKind.Regular } entry) return null;
        using var file = parent.OpenFile(entry);
        var size = FileAt.Status(file).Size;
        if (size > most) throw CrunException.Invalid($"the file has {size} bytes, more than {most}", $"read {path} of the image");
        var content = new byte[size];
        var length = 0;
        while (length < content.Length && RandomAccess.Read(file, content.AsSpan(length), length) is > 0 and var count) length += count;
        return content[..length];
    }

    private static string[] Components(string path) => path.Split('/', StringSplitOptions.RemoveEmptyEntries);

    // The directories from the root to where resolution is, all open.
    private sealed class Walk(ViewDirectory root) : IDisposable
    {
        private readonly List<ViewDirectory> _open = [root];

        public List<string> Names { get; } = [];

        public ViewDirectory Current => _open[^1];

        public void Enter(string name)
        {
            _open.Add(Current.TryOpen(name) ?? throw CrunException.WrongState($"{name}: not a directory any more"));
            Names.Add(name);
        }

        public string Name(string name)
        {
            Names.Add(name);
            return name;
        }

        public void Leave()
        {
            if (Names.Count == 0) return;
            Current.Dispose();
            _open.RemoveAt(_open.Count - 1);
            Names.RemoveAt(Names.Count - 1);
        }

        public void LeaveAll()
        {
            while (Names.Count > 0) Leave();
        }

        public void Dispose()
        {
            foreach (var directory in _open) directory.Dispose();
        }
    }
}

/// <summary>Where a path leads: no link, no <c>..</c> in it, seen from the view's root.</summary>
/// <param name="Path">The absolute path, with components at its end that do not exist.</param>
/// <param name="Status">What is there; null when nothing is.</param>
public readonly record struct ResolvedPath(string Path, FileStatus? Status)
{
    /// <summary>The last component; empty for the root.</summary>
    public string Name => Path[(Path.LastIndexOf('/') + 1)..];

    /// <summary>The path without its last component.</summary>
    public string Parent => Path[..Math.Max(Path.LastIndexOf('/'), 1)];

    /// <summary>Whether a directory is there.</summary>
    public bool IsDirectory => Status is { Kind: FileKind.Directory };
}
