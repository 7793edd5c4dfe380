using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Storage;

/// <summary>A directory that entries are made in.</summary>
/// <param name="Handle">The directory.</param>
/// <param name="GivesGroup">Whether what is made in it gets its group.</param>
internal sealed record EntryParent(SafeFileHandle Handle, bool GivesGroup);

/// <summary>
/// Turns the paths of a tar's entries into directories that are open: all of them within the root, whatever links say.
/// Directories stay open for the entries after, until something on the way to them is replaced.
/// </summary>
internal sealed class EntryPaths(SafeFileHandle root) : IDisposable
{
    private const OpenFlags AsDirectory = OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY;
    private const int MostOpen = 128;

    // The kernel takes paths of up to 4095 bytes, and a character is up to three; what is longer is walked in parts.
    private const int LongestPath = 1300;
    private readonly Dictionary<string, EntryParent> _open = [];
    private readonly List<EntryParent> _retired = [];

    /// <summary>Directories that no entry described before something was put into them.</summary>
    public List<string> Implied { get; } = [];

    /// <summary>A clean relative path: no empty parts, no <c>.</c>; empty for the root itself.</summary>
    /// <exception cref="CrunException">It leads upwards, or a part is longer than 255 bytes.</exception>
    public static string Clean(string path)
    {
        var parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        var isClean = parts.Length > 0 && path.Length > 0 && path[0] != '/' && path[^1] != '/';
        foreach (var part in parts)
        {
            if (part == "..") throw CrunException.Integrity("the path leads upwards");
            if (part == ".") isClean = false;
            if (part.Length > 85 && PathEncoding.Encode(part).Length > LongestName(part)) throw CrunException.Integrity("a part of the path is longer than 255 bytes");
        }
        return isClean && parts.Length - 1 == path.AsSpan().Count('/') ? path : string.Join('/', parts.Where(static p => p != "."));
    }

    // The prefix of a whiteout is no part of the name on disk.
    private static int LongestName(string part) => part.StartsWith(Whiteouts.Prefix, StringComparison.Ordinal) ? 255 + Whiteouts.Prefix.Length : 255;

    /// <summary>The directory's path and the last name of a clean path.</summary>
    public static (string Directory, string Name) Split(string path)
    {
        var slash = path.LastIndexOf('/');
        return slash < 0 ? ("", path) : (path[..slash], path[(slash + 1)..]);
    }

    /// <summary>Gives the next entry its turn: what was replaced by the one before is closed now.</summary>
    public void NextEntry()
    {
        if (_open.Count > MostOpen) Forget();
        foreach (var parent in _retired) parent.Handle.Dispose();
        _retired.Clear();
    }

    /// <summary>A directory was replaced: whatever was opened by its path may be another now.</summary>
    public void Forget()
    {
        _retired.AddRange(_open.Values);
        _open.Clear();
    }

    /// <summary>The directory of this clean path; it is made, and its parents, where it is missing.</summary>
    /// <exception cref="CrunException">Something that is no directory is in the way.</exception>
    public EntryParent OpenOrMake(string path, Action<string> onMade)
    {
        if (TryOpen(path, out var errno) is { } there) return there;
        if (errno != Errno.ENOENT) throw CrunException.Integrity($"/{path} is in the way: {errno.Describe()}");
        var (directory, name) = Split(path);
        var parent = OpenOrMake(directory, onMade);
        if (!FileAt.TryMakeDirectory(parent.Handle, name, 0x1ed, out errno))
            throw CrunException.Integrity(errno == Errno.EEXIST ? $"/{path} is a link to nothing" : $"cannot make /{path}: {errno.Describe()}");
        Implied.Add(path);
        onMade(path);
        return TryOpen(path, out errno) ?? throw CrunException.Integrity($"/{path} is in the way: {errno.Describe()}");
    }

    /// <summary>The directory of this clean path; null when it cannot be opened.</summary>
    public EntryParent? TryOpen(string path, out Errno errno)
    {
        errno = Errno.None;
        if (_open.TryGetValue(path, out var known)) return known;
        var handle = path.Length <= LongestPath
            ? FileAt.TryOpenInRoot(root, path.Length == 0 ? "." : path, AsDirectory, out errno)
            : TryOpenLong(path, out errno);
        if (handle is null) return null;
        return _open[path] = new EntryParent(handle, (FileAt.Status(handle).Mode & 0x400) != 0);
    }

    public void Dispose()
    {
        Forget();
        NextEntry();
    }

    private SafeFileHandle? TryOpenLong(string path, out Errno errno)
    {
        errno = Errno.None;
        SafeFileHandle? at = null;
        for (var start = 0; start < path.Length;)
        {
            var end = path.Length - start <= LongestPath ? path.Length : path.LastIndexOf('/', start + LongestPath);
            var next = FileAt.TryOpenBeneath(at ?? root, path[start..end], AsDirectory, out errno);
            at?.Dispose();
            if (next is null) return null;
            (at, start) = (next, end + 1);
        }
        return at;
    }
}
