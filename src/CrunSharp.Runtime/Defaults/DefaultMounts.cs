using System.Globalization;
using CrunSharp.Oci.Runtime;

namespace CrunSharp.Runtime.Defaults;

/// <summary>The file systems that every container has beside its root.</summary>
/// <seealso href="https://github.com/opencontainers/runtime-spec/blob/main/config-linux.md#default-filesystems"/>
public static class DefaultMounts
{
    /// <summary>The size of <c>/dev/shm</c> when none is asked for.</summary>
    /// <value>64 MiB, in bytes.</value>
    public const long SharedMemorySize = 64 * 1024 * 1024;

    /// <summary>The mounts in the order in which they are made.</summary>
    public static IReadOnlyList<MountSpec> List { get; } =
    [
        Mount("/proc", "proc", "proc", "nosuid", "noexec", "nodev"),
        Mount("/dev", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
        Mount("/dev/pts", "devpts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"),
        SharedMemory(SharedMemorySize),
        Mount("/dev/mqueue", "mqueue", "mqueue", "nosuid", "noexec", "nodev"),
        Mount("/sys", "sysfs", "sysfs", "nosuid", "noexec", "nodev", "ro"),
        Mount("/sys/fs/cgroup", "cgroup2", "cgroup", "nosuid", "noexec", "nodev", "relatime", "ro"),
    ];

    /// <summary>The mount of <c>/dev/shm</c>.</summary>
    /// <param name="size">Bytes.</param>
    public static MountSpec SharedMemory(long size) => Mount("/dev/shm", "tmpfs", "shm",
        "nosuid", "noexec", "nodev", "mode=1777", "size=" + size.ToString(CultureInfo.InvariantCulture));

    private static MountSpec Mount(string destination, string type, string source, params string[] options) =>
        new() { Destination = destination, Type = type, Source = source, Options = options };
}
