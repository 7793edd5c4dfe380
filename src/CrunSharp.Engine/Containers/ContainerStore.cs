using System.Text;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci;

namespace CrunSharp.Engine.Containers;

/// <summary>
/// The containers on disk: a directory for each, and a file for each name. A name is taken only while the directory
/// that it leads to has its record, so that nothing killed halfway keeps a name.
/// </summary>
public sealed class ContainerStore(EnginePaths paths)
{
    private const string NamesLock = ".lock";

    /// <summary>Makes a container from its configuration.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="isStarting">Whether this process is about to start it: if it is killed before that, nobody wants the container.</param>
    /// <exception cref="CrunException">The name is taken.</exception>
    public Container Create(ContainerConfig config, bool isStarting = false)
    {
        FileAt.MakeDirectories(paths.Names);
        using var names = FileAt.OpenDirectory(paths.Names);
        using (FileLock.Exclusive(names, NamesLock))
        {
            if (HolderOf(config.Name) is { } holder)
            {
                throw CrunException.Exists($"Conflict. The container name \"/{config.Name}\" is already in use by container \"{holder}\". "
                    + "You have to remove (or rename) that container to be able to reuse that name");
            }
            var directory = Path.Combine(paths.Containers, config.Id);
            FileAt.MakeDirectory(null, directory, 0x1c0);
            foreach (var name in (ReadOnlySpan<string>)["upper", "work"]) FileAt.MakeDirectory(null, $"{directory}/{name}", name == "upper" ? 0x1edu : 0x1c0u);
            AtomicFile.Write(names, config.Name, Encoding.ASCII.GetBytes(config.Id));
            var starter = isStarting ? FileLock.Exclusive(null, $"{directory}/{Container.StarterLock}") : null;
            // The record last: with it the container exists.
            AtomicFile.Write(null, $"{directory}/{Container.ConfigFile}", ConfigJson.Config.Format(config));
            return new Container(paths, config) { Starter = starter };
        }
    }

    /// <summary>All containers, the newest first.</summary>
    public IReadOnlyList<Container> List()
    {
        var containers = new List<Container>();
        foreach (var id in Ids())
        {
            if (TryRead(id) is { } container) containers.Add(container);
        }
        containers.Sort(static (a, b) => string.CompareOrdinal(b.Config.Created, a.Config.Created));
        return containers;
    }

    /// <summary>A container by its name, id, or the beginning of its id; null when there is none.</summary>
    /// <exception cref="CrunException">Several ids begin so.</exception>
    public Container? TryFind(string nameOrId)
    {
        var name = nameOrId.StartsWith('/') ? nameOrId[1..] : nameOrId;
        if (name.Length == 0) return null;
        if (IsId(name) && TryRead(name) is { } exact) return exact;
        if (IsName(name) && HolderOf(name) is { } holder && TryRead(holder) is { } named) return named;
        if (name.AsSpan().ContainsAnyExcept("0123456789abcdef")) return null;
        Container? found = null;
        foreach (var id in Ids())
        {
            if (!id.StartsWith(name, StringComparison.Ordinal) || TryRead(id) is not { } container) continue;
            if (found is not null) throw CrunException.Invalid($"multiple IDs found with provided prefix: {name}");
            found = container;
        }
        return found;
    }

    /// <summary>A container by its name, id, or the beginning of its id.</summary>
    /// <exception cref="CrunException">There is none, or several ids begin so.</exception>
    public Container Find(string nameOrId) =>
        TryFind(nameOrId) ?? throw CrunException.NotFound($"No such container: {nameOrId}");

    /// <summary>Whether a name may be a container's.</summary>
    public static bool IsName(string name) =>
        name.Length is >= 2 and <= 128 && char.IsAsciiLetterOrDigit(name[0])
        && !name.AsSpan(1).ContainsAnyExcept("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-");

    internal void Remove(Container container)
    {
        var trash = Path.Combine(paths.Containers, $".{container.Id}.removed");
        using (FileLock.Exclusive(null, $"{paths.Names}/{NamesLock}"))
        {
            if (HolderOf(container.Config.Name) == container.Id) FileAt.Remove(null, $"{paths.Names}/{container.Config.Name}");
            // Without its record it is gone; what a kill leaves here is swept by the next removal.
            FileAt.Rename(null, Path.Combine(paths.Containers, container.Id), null, trash);
        }
        FileAt.RemoveTree(null, trash);
    }

    /// <summary>Removes what killed commands left: directories without a record.</summary>
    internal void Sweep()
    {
        using var directory = FileAt.TryOpen(null, paths.Containers, Kernel.Libc.OpenFlags.O_RDONLY | Kernel.Libc.OpenFlags.O_DIRECTORY, out _);
        if (directory is null) return;
        using var names = FileLock.Exclusive(null, $"{paths.Names}/{NamesLock}");
        foreach (var entry in FileAt.List(directory))
        {
            if (entry.EndsWith(".removed", StringComparison.Ordinal)
                || (IsId(entry) && FileAt.TryStatus(directory, $"{entry}/{Container.ConfigFile}") is null))
                FileAt.RemoveTree(directory, entry);
        }
    }

    private string? HolderOf(string name)
    {
        if (AtomicFile.TryRead(null, $"{paths.Names}/{name}", 128) is not { } content) return null;
        var id = Encoding.ASCII.GetString(content);
        return IsId(id) && FileAt.TryStatus(null, Path.Combine(paths.Containers, id, Container.ConfigFile)) is not null ? id : null;
    }

    private Container? TryRead(string id)
    {
        var path = Path.Combine(paths.Containers, id, Container.ConfigFile);
        return AtomicFile.TryRead(null, path) is { } json ? new Container(paths, ConfigJson.Config.Parse(json, "record", $"read {path}")) : null;
    }

    private List<string> Ids()
    {
        using var directory = FileAt.TryOpen(null, paths.Containers, Kernel.Libc.OpenFlags.O_RDONLY | Kernel.Libc.OpenFlags.O_DIRECTORY, out _);
        if (directory is null) return [];
        var ids = FileAt.List(directory);
        ids.RemoveAll(static name => !IsId(name));
        return ids;
    }

    private static bool IsId(string text) => Digest.TryParseHex(text, out _);
}
