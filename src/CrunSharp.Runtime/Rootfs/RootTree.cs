using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Runtime.Rootfs;

/// <summary>
/// A container's files as its processes will see them: the root with the mounts made so far, which are attached nowhere
/// yet. Paths are walked one component at a time below open directories, so that no symbolic link leads out, and a link
/// below one mount leads into another as it will.
/// </summary>
/// <param name="root">The root.</param>
/// <param name="owner">Who owns what is made: the container's root user.</param>
internal sealed class RootTree(SafeFileHandle root, (uint Uid, uint Gid) owner)
{
    private const int MostLinks = 40;
    private const OpenFlags AsPath = OpenFlags.O_PATH | OpenFlags.O_NOFOLLOW;

    private readonly List<(string Path, SafeFileHandle? Mount)> _mounts = [];

    /// <summary>The paths in the root that were made, the outer ones first.</summary>
    public List<string> Made { get; } = [];

    /// <summary>A mount goes to a path that <see cref="MakeDirectory"/> or <see cref="MakeFile"/> gave.</summary>
    /// <param name="path">The path, without links.</param>
    /// <param name="mount">The mount; null for one that is made in the container's namespaces: nothing is known of it here.</param>
    public void Attach(string path, SafeFileHandle? mount)
    {
        // What was below is hidden.
        _mounts.RemoveAll(below => IsBelow(below.Path, path));
        _mounts.Add((path, mount));
    }

    /// <summary>The mount that lies at a path; null when there is none that is known here.</summary>
    public SafeFileHandle? MountAt(string path) => _mounts.Find(mount => mount.Path == path).Mount;

    /// <summary>Where a directory is, without links; it is made with those above it when it is missing.</summary>
    /// <exception cref="CrunException">Something else is in the way, or it cannot be made.</exception>
    public string MakeDirectory(string path)
    {
        using var place = Walk(path, PlaceKind.Directory);
        return place!.Path;
    }

    /// <summary>Where a file is, without links; it is made, empty, with the directories above it when it is missing.</summary>
    /// <exception cref="CrunException">Something else is in the way, or it cannot be made.</exception>
    public string MakeFile(string path)
    {
        using var place = Walk(path, PlaceKind.File);
        return place!.Path;
    }

    /// <summary>Opens the directory above a path, which is made when it is missing; null when nothing is known of it.</summary>
    /// <param name="path">The path of what lies in the directory.</param>
    /// <param name="name">The name there.</param>
    /// <param name="canonical">The path without links.</param>
    /// <exception cref="CrunException">Something else is in the way, or it cannot be made.</exception>
    public SafeFileHandle? OpenParent(string path, out string name, out string canonical)
    {
        path = Clean(path);
        var slash = path.LastIndexOf('/');
        name = path[(slash + 1)..];
        using var place = Walk(slash <= 0 ? "/" : path[..slash], PlaceKind.Directory);
        canonical = place!.Path == "/" ? "/" + name : $"{place.Path}/{name}";
        return place.Handle is { } handle ? Reopen(handle, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY) : null;
    }

    /// <summary>Opens a directory; null when there is none, or nothing is known of it.</summary>
    public SafeFileHandle? TryOpenDirectory(string path)
    {
        using var place = Walk(path, PlaceKind.Any);
        return place?.Handle is { } handle && FileAt.Status(handle).Kind == FileKind.Directory
            ? Reopen(handle, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY)
            : null;
    }

    /// <summary>Opens a regular file for reading; null when there is none, or nothing is known of it.</summary>
    public SafeFileHandle? TryOpenFile(string path)
    {
        using var place = Walk(path, PlaceKind.Any);
        return place?.Handle is { } handle && FileAt.Status(handle).Kind == FileKind.Regular ? Reopen(handle, OpenFlags.O_RDONLY) : null;
    }

    /// <summary>A path without <c>.</c>, <c>..</c>, double and trailing slashes.</summary>
    public static string Clean(string path)
    {
        var parts = new List<string>();
        foreach (var part in path.Split('/'))
        {
            if (part is "" or ".") continue;
            if (part == "..") { if (parts.Count > 0) parts.RemoveAt(parts.Count - 1); }
            else parts.Add(part);
        }
        return "/" + string.Join('/', parts);
    }

    /// <summary>Whether a path is a directory or lies below it.</summary>
    public static bool IsBelow(string path, string directory) => directory == "/"
        || (path.StartsWith(directory, StringComparison.Ordinal) && (path.Length == directory.Length || path[directory.Length] == '/'));

    private static SafeFileHandle Reopen(SafeFileHandle handle, OpenFlags flags) =>
        FileAt.Open(null, $"/proc/self/fd/{handle.DangerousGetHandle()}", flags | OpenFlags.O_NONBLOCK | OpenFlags.O_NOCTTY);

    private Place? Walk(string path, PlaceKind make) => TryDirectly(Clean(path)) ?? WalkSlowly(path, make);

    // One call where no link is in the way.
    private Place? TryDirectly(string path)
    {
        SafeFileHandle? top = root;
        var from = 0;
        if (Innermost(path) is { } innermost) (from, top) = (innermost.Path.Length, innermost.Mount);
        if (top is null) return new Place(path, null);
        var rest = path.AsSpan(from).Trim('/').ToString();
        if (rest.Length == 0) return new Place(path, top, isOwned: false);
        return FileAt.TryOpenBeneath(top, rest, OpenFlags.O_PATH, out _) is { } handle ? new Place(path, handle) : null;
    }

    private (string Path, SafeFileHandle? Mount)? Innermost(string path)
    {
        (string Path, SafeFileHandle? Mount)? found = null;
        foreach (var mount in _mounts)
        {
            if (IsBelow(path, mount.Path) && mount.Path.Length >= (found?.Path.Length ?? 0)) found = mount;
        }
        return found;
    }

    private Place? WalkSlowly(string path, PlaceKind make)
    {
        using var walk = new Walking(root);
        var rest = new Stack<string>();
        Push(rest, path);
        var links = 0;
        while (rest.TryPop(out var name))
        {
            if (name is "" or ".") continue;
            if (name == "..") { walk.Up(); continue; }
            var below = walk.PathOf(name);
            var mounted = _mounts.FindLastIndex(mount => mount.Path == below);
            if (mounted >= 0)
            {
                if (_mounts[mounted].Mount is { } mount)
                {
                    walk.Down(name, mount, isOwned: false);
                    continue;
                }
                // Nothing is known of it, but of what is mounted in it.
                var literal = Clean($"{below}/{string.Join('/', rest)}");
                if (Innermost(literal)!.Value is not { Mount: { } inner } known) return new Place(literal, null);
                walk.Down(known.Path[(below.Length - name.Length)..], inner, isOwned: false);
                rest.Clear();
                Push(rest, literal[known.Path.Length..]);
                continue;
            }
            var child = FileAt.TryOpen(walk.Handle, name, AsPath, out var errno);
            if (child is null)
            {
                if (errno != Errno.ENOENT || make == PlaceKind.Any) return make == PlaceKind.Any ? null : throw Obstacle(path, below, errno);
                child = Make(walk, name, below, make == PlaceKind.File && !HasMore(rest));
            }
            if (FileAt.Status(child).Kind != FileKind.SymbolicLink)
            {
                walk.Down(name, child, isOwned: true);
                continue;
            }
            var target = FileAt.ReadSymbolicLink(child, "");
            child.Dispose();
            if (++links > MostLinks) throw Obstacle(path, below, Errno.ELOOP);
            if (target.StartsWith('/')) walk.ToTop();
            Push(rest, target);
        }
        return walk.Arrive();
    }

    private static bool HasMore(Stack<string> rest)
    {
        foreach (var part in rest)
        {
            if (part is not ("" or ".")) return true;
        }
        return false;
    }

    private SafeFileHandle Make(Walking walk, string name, string path, bool isFile)
    {
        Errno errno;
        if (isFile)
        {
            using var file = FileAt.TryOpen(walk.Handle, name, OpenFlags.O_WRONLY | OpenFlags.O_CREAT | OpenFlags.O_EXCL | OpenFlags.O_NOFOLLOW, out errno, 0x1a4);
        }
        else
        {
            FileAt.TryMakeDirectory(walk.Handle, name, 0x1ed, out errno);
        }
        if (errno is not (Errno.None or Errno.EEXIST))
            throw new CrunException(ErrorKind.System, $"{path} is missing and cannot be made", errno: errno);
        if (errno == Errno.None)
        {
            if (owner != (0u, 0u)) FileAt.SetOwner(walk.Handle, name, owner.Uid, owner.Gid);
            if (!_mounts.Exists(mount => IsBelow(path, mount.Path))) Made.Add(path);
        }
        return FileAt.Open(walk.Handle, name, AsPath);
    }

    private static CrunException Obstacle(string path, string at, Errno errno) =>
        new(ErrorKind.System, path == at ? $"cannot enter {path}" : $"cannot enter {path} at {at}", errno: errno);

    private static void Push(Stack<string> rest, string path)
    {
        var parts = path.Split('/');
        for (var i = parts.Length - 1; i >= 0; i--) rest.Push(parts[i]);
    }

    private enum PlaceKind { Any, Directory, File }

    /// <summary>Where a walk ended; without a handle where nothing is known.</summary>
    private sealed class Place(string path, SafeFileHandle? handle, bool isOwned = true) : IDisposable
    {
        public string Path => path;
        public SafeFileHandle? Handle => handle;
        public void Dispose()
        {
            if (isOwned) handle?.Dispose();
        }
    }

    /// <summary>The directories from the root to where a walk is.</summary>
    private sealed class Walking(SafeFileHandle root) : IDisposable
    {
        private readonly List<(string Name, SafeFileHandle Handle, bool IsOwned)> _path = [];

        public SafeFileHandle Handle => _path.Count > 0 ? _path[^1].Handle : root;

        public string PathOf(string name) => $"/{string.Concat(_path.Select(static part => part.Name + "/"))}{name}";

        public void Down(string name, SafeFileHandle handle, bool isOwned) => _path.Add((name, handle, isOwned));

        public void Up()
        {
            if (_path.Count == 0) return;
            if (_path[^1].IsOwned) _path[^1].Handle.Dispose();
            _path.RemoveAt(_path.Count - 1);
        }

        public void ToTop()
        {
            while (_path.Count > 0) Up();
        }

        public Place Arrive()
        {
            if (_path.Count == 0) return new Place("/", root, isOwned: false);
            var path = PathOf("")[..^1];
            var (_, handle, isOwned) = _path[^1];
            _path.RemoveAt(_path.Count - 1);
            return new Place(path, handle, isOwned);
        }

        public void Dispose() => ToTop();
    }
}
