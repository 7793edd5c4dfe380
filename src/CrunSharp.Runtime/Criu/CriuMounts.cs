using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Mounts;
using CrunSharp.Kernel.Processes;
using CrunSharp.Oci.Runtime;
using CrunSharp.Runtime.Rootfs;

namespace CrunSharp.Runtime.Criu;

/// <summary>
/// The mounts of a container whose files are the host's: criu's images have them by a name only, the destination as the
/// configuration has it, and at the restore the source is where the configuration says then.
/// </summary>
internal static class CriuMounts
{
    private const string Nothing = "/dev/null";
    private const long CgroupMagic = 0x27e0eb;
    private const long Cgroup2Magic = 0x63677270;

    /// <summary>Names those of a running container.</summary>
    public static void AddForDump(ProtobufMessage options, RuntimeSpec spec, PidHandle process)
    {
        using var root = FileAt.Open(null, $"/proc/{process.Pid}/root", OpenFlags.O_PATH | OpenFlags.O_DIRECTORY);
        foreach (var (name, _) in Bound(spec, "")) Add(name);
        if (!HasCgroupNamespace(spec))
        {
            foreach (var mount in spec.Mounts ?? [])
            {
                if (mount.Type is not ("cgroup" or "cgroup2")) continue;
                Add(RootTree.Clean(mount.Destination), Cgroup2Magic);
                foreach (var hierarchy in CgroupHierarchy.OfHost()) Add(RootTree.Clean($"{mount.Destination}/{hierarchy.Name}"), hierarchy.IsVersion2 ? Cgroup2Magic : CgroupMagic);
            }
        }
        foreach (var path in spec.Linux?.MaskedPaths ?? [])
        {
            // A masked directory is an empty file system, which criu restores itself.
            if (PlaceOf(root, path, null) is { IsDirectory: false } masked) CriuRequest.AddMount(options, masked.Path, Nothing);
        }

        void Add(string name, long? type = null)
        {
            if (PlaceOf(root, name, type) is { } place) CriuRequest.AddMount(options, place.Path, name);
        }
    }

    /// <summary>Gives the sources of those of a container that is restored.</summary>
    /// <param name="options">The options.</param>
    /// <param name="spec">The container.</param>
    /// <param name="bundle">The bundle's directory.</param>
    /// <param name="cgroups">The container's directory in each hierarchy, by the hierarchy's mount point.</param>
    public static void AddForRestore(ProtobufMessage options, RuntimeSpec spec, string bundle, IReadOnlyDictionary<string, string> cgroups)
    {
        foreach (var (name, source) in Bound(spec, bundle)) CriuRequest.AddMount(options, name, source);
        if (!HasCgroupNamespace(spec))
        {
            foreach (var mount in spec.Mounts ?? [])
            {
                if (mount.Type is not ("cgroup" or "cgroup2")) continue;
                foreach (var hierarchy in CgroupHierarchy.OfHost())
                {
                    var source = cgroups.TryGetValue(hierarchy.MountPoint, out var directory) ? directory : hierarchy.OwnDirectory();
                    if (hierarchy.MountPoint == "/sys/fs/cgroup" || mount.Type == "cgroup2" && hierarchy.IsVersion2)
                        CriuRequest.AddMount(options, RootTree.Clean(mount.Destination), source);
                    else if (mount.Type == "cgroup") CriuRequest.AddMount(options, RootTree.Clean($"{mount.Destination}/{hierarchy.Name}"), source);
                }
            }
        }
        if (spec.Linux?.MaskedPaths is { Count: > 0 }) CriuRequest.AddMount(options, Nothing, Nothing);
    }

    private static IEnumerable<(string Name, string Source)> Bound(RuntimeSpec spec, string bundle)
    {
        foreach (var mount in spec.Mounts ?? [])
        {
            var wanted = MountOptions.Of(mount);
            if (!wanted.IsBind || wanted.IsRemount || mount.Source is not { } source) continue;
            yield return (RootTree.Clean(mount.Destination), source.StartsWith('/') ? source : $"{bundle}/{source}");
        }
    }

    private static bool HasCgroupNamespace(RuntimeSpec spec) => spec.Linux?.Namespaces?.Any(static ns => ns.Type == "cgroup") == true;

    // The place that a path leads to in the container, where links were followed; null where there is none, or none of that file system.
    private static (string Path, bool IsDirectory)? PlaceOf(Microsoft.Win32.SafeHandles.SafeFileHandle root, string path, long? type)
    {
        using var file = FileAt.TryOpenInRoot(root, path, OpenFlags.O_PATH, out _);
        return file is null || type is { } wanted && DetachedMount.TypeOf(file) != wanted ? null : (FileAt.PathOf(file), FileAt.Status(file).Kind == FileKind.Directory);
    }
}
