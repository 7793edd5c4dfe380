using System.Runtime.InteropServices;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;

namespace CrunSharp.Runtime.Lifecycle;

/// <summary>The containers of an OCI runtime: a directory for each, below one root.</summary>
/// <param name="root">An absolute path; made when the first container is.</param>
public sealed class RuntimeStore(string root)
{
    /// <summary>The root.</summary>
    public string Root { get; } = root;

    /// <summary>A container by its id.</summary>
    /// <exception cref="CrunException">There is none.</exception>
    public RuntimeContainer Get(string id) =>
        TryGet(id) ?? throw CrunException.NotFound("container does not exist", $"container {id}");

    /// <summary>A container by its id; null when there is none.</summary>
    /// <exception cref="CrunException">No container can have this id.</exception>
    public RuntimeContainer? TryGet(string id)
    {
        Check(id);
        var directory = FileAt.TryOpen(null, PathOf(id), OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY | OpenFlags.O_NOFOLLOW, out _);
        return directory is null ? null : new RuntimeContainer(this, id, directory);
    }

    /// <summary>All containers, in the order of their ids.</summary>
    public IReadOnlyList<RuntimeContainer> List()
    {
        using var directory = FileAt.TryOpen(null, Root, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY, out _);
        if (directory is null) return [];
        var containers = new List<RuntimeContainer>();
        var names = FileAt.List(directory);
        CollectionsMarshal.AsSpan(names).Sort(StringComparer.Ordinal);
        foreach (var name in names)
        {
            if (IsId(name) && TryGet(name) is { } container) containers.Add(container);
        }
        return containers;
    }

    /// <summary>Makes a container's directory: from here on the id is taken.</summary>
    /// <exception cref="CrunException">The id is taken, or none.</exception>
    internal RuntimeContainer Add(string id)
    {
        Check(id);
        FileAt.MakeDirectories(Root, 0x1c9);
        if (!FileAt.TryMakeDirectory(null, PathOf(id), 0x1c9, out var errno))
        {
            throw errno == Errno.EEXIST
                ? CrunException.Exists("container with given ID already exists", $"container {id}")
                : new CrunException(ErrorKind.System, $"make the directory {PathOf(id)}", errno: errno);
        }
        return new RuntimeContainer(this, id, FileAt.OpenDirectory(PathOf(id)));
    }

    internal FilterCache Filters { get; } = new(root);

    internal string PathOf(string id) => $"{Root}/{id}";

    private static void Check(string id)
    {
        if (!IsId(id)) throw CrunException.Invalid("invalid container ID format", $"container {id}");
    }

    /// <summary>Whether a text may be a container's id.</summary>
    public static bool IsId(string text) =>
        text.Length is > 0 and <= 255 && text is not ("." or "..")
        && !text.AsSpan().ContainsAnyExcept("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+.-");
}
