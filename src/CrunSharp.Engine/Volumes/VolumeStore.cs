using System.Runtime.InteropServices;
using CrunSharp.Engine.Containers;
using CrunSharp.Engine.Supervision;
using CrunSharp.Kernel;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Engine.Volumes;

/// <summary>The volumes on disk: a directory for each, with its data and a record of it.</summary>
/// <param name="paths">Where the engine keeps what it knows.</param>
/// <param name="time">The clock.</param>
public sealed class VolumeStore(EnginePaths paths, TimeProvider time)
{
    private const string RecordFile = "volume.json";
    private const string DataDirectory = "_data";
    private const string Trash = ".removed";

    /// <summary>A volume's directory on the host.</summary>
    public string DataOf(string name) => Path.Combine(paths.Volumes, name, DataDirectory);

    /// <summary>A volume; null when there is none of that name.</summary>
    public VolumeRecord? TryFind(string name)
    {
        if (!IsName(name)) return null;
        var path = Path.Combine(paths.Volumes, name, RecordFile);
        try
        {
            if (AtomicFile.TryRead(null, path) is not { } json) return null;
            return EngineJson.Volume.Parse(json, "record", $"read {path}") with { Name = name };
        }
        catch (CrunException error) when (error.Kind is ErrorKind.Integrity or ErrorKind.InvalidInput)
        {
            // A power cut tore the record. The data is what counts: it stays usable, as a named volume's.
            return new VolumeRecord { Name = name, Created = "" };
        }
    }

    /// <summary>Makes a volume, or gives the one that there is.</summary>
    /// <param name="name">Its name; null for one without, which gets 64 hexadecimal digits.</param>
    /// <param name="labels">Its labels.</param>
    /// <exception cref="CrunException">The name is not allowed.</exception>
    public VolumeRecord Create(string? name, IReadOnlyDictionary<string, string>? labels = null)
    {
        if (name is not null && !IsName(name))
        {
            throw CrunException.Invalid($"create {name}: \"{name}\" includes invalid characters for a local volume name, only "
                + "\"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to pass a host directory, use absolute path");
        }
        return Make(name ?? NewName(), name is null, labels);
    }

    /// <summary>A name for a volume that the user gives none.</summary>
    internal static string NewName() => KernelRandom.Hex(32);

    /// <summary>Makes a volume, or gives the one that there is.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="isAnonymous">Whether the user gave it none.</param>
    /// <param name="labels">Its labels.</param>
    internal VolumeRecord Make(string name, bool isAnonymous, IReadOnlyDictionary<string, string>? labels = null)
    {
        var record = new VolumeRecord
        {
            Name = name,
            Created = Supervisor.Now(time),
            IsAnonymous = isAnonymous,
            Labels = labels ?? new Dictionary<string, string>(),
        };
        FileAt.MakeDirectories(paths.Volumes);
        var directory = Path.Combine(paths.Volumes, record.Name);
        FileAt.MakeDirectories(directory, 0x1c1);
        FileAt.MakeDirectories($"{directory}/{DataDirectory}", 0x1ed);
        using var handle = FileAt.OpenDirectory(directory);
        return AtomicFile.TryCreate(handle, RecordFile, EngineJson.Volume.Format(record), sent: true)
            ? record
            : TryFind(record.Name) ?? record;
    }

    /// <summary>All volumes, by name.</summary>
    public IReadOnlyList<VolumeRecord> List()
    {
        using var directory = FileAt.TryOpen(null, paths.Volumes, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY, out _);
        if (directory is null) return [];
        Sweep(directory);
        var volumes = new List<VolumeRecord>();
        foreach (var name in FileAt.List(directory))
        {
            if (TryFind(name) is { } volume) volumes.Add(volume);
        }
        CollectionsMarshal.AsSpan(volumes).Sort(static (a, b) => string.CompareOrdinal(a.Name, b.Name));
        return volumes;
    }

    /// <summary>Removes a volume and its data.</summary>
    /// <exception cref="CrunException">There is none of that name, or a container has it.</exception>
    public void Remove(string name)
    {
        if (TryFind(name) is null) throw CrunException.NotFound($"get {name}: no such volume");
        Discard(name);
    }

    /// <summary>Removes a volume and its data, also what there is of one that was not made or removed to the end.</summary>
    /// <exception cref="CrunException">A container has it.</exception>
    internal void Discard(string name)
    {
        var users = new List<string>();
        foreach (var container in new ContainerStore(paths).List())
        {
            if (container.Config.Host.Mounts.Any(m => m.Type == "volume" && m.Name == name)) users.Add(container.Id);
        }
        if (users.Count > 0) throw CrunException.WrongState($"remove {name}: volume is in use - [{string.Join(", ", users)}]");
        using var directory = FileAt.TryOpen(null, paths.Volumes, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY, out _);
        if (directory is null) return;
        Sweep(directory);
        using var held = FileLock.TryExisting(directory, name, shared: false, wait: true);
        if (held is null) return; // another removed it
        // The name goes first: whoever is killed while the data goes leaves nothing that the next volume of that name would have.
        var trash = $".{KernelRandom.Hex(8)}{Trash}";
        FileAt.Rename(directory, name, directory, trash);
        FileAt.RemoveTree(directory, trash);
    }

    // What those who were killed left to remove: nobody holds its lock.
    private static void Sweep(SafeFileHandle directory)
    {
        foreach (var name in FileAt.List(directory))
        {
            if (name[0] != '.' || !name.EndsWith(Trash, StringComparison.Ordinal)) continue;
            using var held = FileLock.TryExisting(directory, name, shared: false, wait: false);
            if (held is null) continue;
            try
            {
                FileAt.RemoveTree(directory, name);
            }
            catch (CrunException)
            {
                // Something in it may not be removed now: that is in nobody's way, and the next one tries again.
            }
        }
    }

    /// <summary>Whether a name may be a volume's.</summary>
    public static bool IsName(string name) =>
        name.Length is >= 2 and <= 255 && char.IsAsciiLetterOrDigit(name[0])
        && name.All(static c => char.IsAsciiLetterOrDigit(c) || c is '_' or '.' or '-');
}
