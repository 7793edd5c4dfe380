using System.Runtime.InteropServices;
using System.Text;
using CrunSharp.Engine.Supervision;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;

namespace CrunSharp.Engine.Containers;

/// <summary>
/// The containers on disk: a directory for each, and a file for each name. A name is taken only while the directory
/// that it leads to has its record, so that nothing killed halfway keeps a name.
/// </summary>
public sealed class ContainerStore(EnginePaths paths)
{
    private const string NamesLock = ".lock";
    private const string Trash = ".removed", TrashWithVolumes = ".volumes.removed";

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
            // What goes at its end anyway need not survive a power cut.
            var sent = !config.Host.AutoRemove;
            AtomicFile.Write(names, config.Name, Encoding.ASCII.GetBytes(config.Id), sent: sent);
            config = config with { StartsAtOnce = isStarting };
            var container = new Container(paths, config);
            var starter = isStarting ? FileLock.TryExisting(null, $"{directory}/{Container.StarterLock}", shared: false, wait: true) : null;
            // The record last: with it the container exists.
            AtomicFile.Write(null, $"{directory}/{Container.ConfigFile}", ConfigJson.Config.Format(config), sent: sent);
            return new Container(paths, config) { Starter = starter };
        }
    }

    /// <summary>All containers, the newest first.</summary>
    public IReadOnlyList<Container> List() => List(out _);

    /// <summary>All containers, the newest first, and whether there is something to sweep beside them.</summary>
    internal IReadOnlyList<Container> List(out bool hasTrash)
    {
        var containers = new List<Container>();
        foreach (var id in Ids(out hasTrash))
        {
            if (TryRead(id) is { } container) containers.Add(container);
            else hasTrash = true; // or it is being made
        }
        CollectionsMarshal.AsSpan(containers).Sort(static (a, b) => string.CompareOrdinal(b.Config.Created, a.Config.Created));
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
        foreach (var id in Ids(out _))
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

    /// <summary>Takes a container's name away and moves its files out of the way; where they are now.</summary>
    internal string MoveToTrash(Container container, bool withVolumes)
    {
        var trash = Path.Combine(paths.Containers, $".{container.Id}{(withVolumes ? TrashWithVolumes : Trash)}");
        using (FileLock.Exclusive(null, $"{paths.Names}/{NamesLock}"))
        {
            if (HolderOf(container.Config.Name) == container.Id) FileAt.Remove(null, $"{paths.Names}/{container.Config.Name}");
            FileAt.Rename(null, Path.Combine(paths.Containers, container.Id), null, trash);
        }
        return trash;
    }

    /// <summary>Removes what killed commands left: directories without a record.</summary>
    internal void Sweep()
    {
        using var directory = FileAt.TryOpen(null, paths.Containers, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY, out _);
        if (directory is null) return;
        using var names = FileLock.Exclusive(null, $"{paths.Names}/{NamesLock}");
        using (var folder = FileAt.OpenDirectory(paths.Names)) AtomicFile.Sweep(folder);
        foreach (var entry in FileAt.List(directory))
        {
            if (!IsTrash(entry) && !(IsId(entry) && FileAt.TryStatus(directory, $"{entry}/{Container.ConfigFile}") is null)) continue;
            using var held = FileLock.TryExisting(directory, entry, shared: false, wait: false);
            if (held is null) continue;
            if (entry.EndsWith(TrashWithVolumes, StringComparison.Ordinal) && TryRead(entry, entry[1..^TrashWithVolumes.Length]) is { } container)
                ContainerRemoval.RemoveVolumes(container);
            FileAt.RemoveTree(directory, entry);
        }
    }

    private string? HolderOf(string name)
    {
        using var file = FileAt.TryOpen(null, $"{paths.Names}/{name}", OpenFlags.O_RDONLY, out _);
        if (file is null) return null;
        Span<byte> content = stackalloc byte[128];
        var id = Encoding.ASCII.GetString(content[..OpenFile.Read(file, content)]);
        return IsId(id) && FileAt.TryStatus(null, Path.Combine(paths.Containers, id, Container.ConfigFile)) is not null ? id : null;
    }

    private Container? TryRead(string id) => TryRead(id, id);

    private Container? TryRead(string directory, string id)
    {
        var path = Path.Combine(paths.Containers, directory, Container.ConfigFile);
        try
        {
            if (AtomicFile.TryRead(null, path) is not { } json) return null;
            var config = ConfigJson.Config.Parse(json, "record", $"read {path}");
            return config.Id == id ? new Container(paths, config) : throw CrunException.Integrity("the record is another container's", $"read {path}");
        }
        catch (CrunException error) when (error.Kind is ErrorKind.Integrity or ErrorKind.InvalidInput)
        {
            // What a power cut tore keeps nobody from the others, and can be seen and removed.
            return new Container(paths, Remains(id)) { Damage = error };
        }
    }

    private ContainerConfig Remains(string id)
    {
        var made = FileAt.TryStatus(null, Path.Combine(paths.Containers, id)) is { } status ? DateTimeOffset.FromUnixTimeSeconds(status.Modified.Seconds) : default;
        using var names = FileAt.TryOpen(null, paths.Names, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY, out _);
        var name = names is null ? null : FileAt.List(names).Find(name => IsName(name) && HolderOf(name) == id);
        return new ContainerConfig
        {
            Id = id,
            Name = name ?? id[..12],
            Created = made.ToString("yyyy-MM-ddTHH:mm:ssZ", System.Globalization.CultureInfo.InvariantCulture),
            Image = "",
            ImageId = "",
            Layers = [],
            Host = new HostOptions(),
        };
    }

    private List<string> Ids(out bool hasTrash)
    {
        hasTrash = false;
        using var directory = FileAt.TryOpen(null, paths.Containers, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY, out _);
        if (directory is null) return [];
        var ids = FileAt.List(directory);
        hasTrash = ids.Exists(IsTrash);
        ids.RemoveAll(static name => !IsId(name));
        return ids;
    }

    private static bool IsTrash(string name) => name.EndsWith(Trash, StringComparison.Ordinal);

    private static bool IsId(string text) => Digest.TryParseHex(text, out _);
}
