using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Mounts;
using CrunSharp.Kernel.Processes;
using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;
using CrunSharp.Runtime.Rootfs;
using Microsoft.Win32.SafeHandles;

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
    private const long TmpfsMagic = 0x01021994;

    /// <summary>Names those of a running container.</summary>
    /// <exception cref="CrunException">It has a device that could not be made again.</exception>
    public static void AddForDump(ProtobufMessage options, RuntimeSpec spec, PidHandle process)
    {
        using var root = FileAt.Open(null, process.PathOf("root"), OpenFlags.O_PATH | OpenFlags.O_DIRECTORY);
        foreach (var (name, _) in Bound(spec, "")) Add(name);
        var hasUserNamespace = spec.Linux?.Namespaces?.Any(static ns => ns.Type == "user") == true;
        foreach (var device in DeviceNodes.PathsOf(spec))
        {
            if (hasUserNamespace) RequireMount(root, device);
            Add(device);
        }
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
        foreach (var device in DeviceNodes.PathsOf(spec)) CriuRequest.AddMount(options, device, device);
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

    // criu unpacks a file system in memory as the container's root user, who can make no device.
    private static void RequireMount(SafeFileHandle root, string device)
    {
        using var file = FileAt.TryOpenInRoot(root, device, OpenFlags.O_PATH, out _);
        using var parent = FileAt.TryOpenInRoot(root, Path.GetDirectoryName(device)!, OpenFlags.O_PATH, out _);
        if (file is null || parent is null || FileAt.Status(file) is var status && status.Kind is not (FileKind.CharacterDevice or FileKind.BlockDevice)) return;
        if (status.MountId == FileAt.Status(parent).MountId && DetachedMount.TypeOf(file) == TmpfsMagic)
            throw CrunException.Unsupported($"the device {device} has an owner or a mode of its own, which criu cannot restore in a user namespace");
    }

    // The place that a path leads to in the container, where links were followed; null where there is none, or none of that file system.
    private static (string Path, bool IsDirectory)? PlaceOf(SafeFileHandle root, string path, long? type)
    {
        using var file = FileAt.TryOpenInRoot(root, path, OpenFlags.O_PATH, out _);
        return file is null || type is { } wanted && DetachedMount.TypeOf(file) != wanted ? null : (FileAt.PathOf(file), FileAt.Status(file).Kind == FileKind.Directory);
    }
}
