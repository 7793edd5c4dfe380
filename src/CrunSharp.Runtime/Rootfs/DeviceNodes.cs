using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Mounts;
using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;
using CrunSharp.Runtime.Init;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Runtime.Rootfs;

/// <summary>Makes the device nodes of a container, and the links that belong to them.</summary>
/// <seealso href="https://github.com/opencontainers/runtime-spec/blob/main/config-linux.md#default-devices"/>
internal sealed class DeviceNodes(RootTree tree, List<PreparedMount> mounts, IdentityMap? map)
{
    private const string Spec = "config-linux.md#devices";
    private const uint ForAll = 0x1b6; // 0666

    private static readonly (string Name, int Major, int Minor)[] Defaults =
        [("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0)];

    private static readonly (string Name, string Target)[] Links =
    [
        ("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"), ("stdout", "/proc/self/fd/1"), ("stderr", "/proc/self/fd/2"),
        ("core", "/proc/kcore"),
    ];

    /// <summary>The paths of those that a container has, the default ones first.</summary>
    public static IEnumerable<string> PathsOf(RuntimeSpec spec) =>
        Defaults.Select(static device => "/dev/" + device.Name).Concat((spec.Linux?.Devices ?? []).Select(static device => RootTree.Clean(device.Path))).Distinct();

    /// <summary>Makes them.</summary>
    /// <exception cref="CrunException">One cannot be made, or something else is in its place.</exception>
    public void Make(RuntimeSpec spec)
    {
        // A directory of the host at /dev has its own.
        var isOwn = spec.Mounts?.Any(static mount => RootTree.Clean(mount.Destination) == "/dev" && MountOptions.Of(mount).IsBind) != true;
        var devices = spec.Linux?.Devices ?? [];
        foreach (var (name, major, minor) in Defaults)
        {
            var path = "/dev/" + name;
            // What the configuration mounts there is wanted there.
            if (isOwn && tree.MountAt(path) is null && !devices.Any(device => RootTree.Clean(device.Path) == path))
                Make(new DeviceSpec { Type = "c", Path = path, Major = major, Minor = minor, FileMode = ForAll });
        }
        foreach (var device in devices) Make(device);
        if (isOwn) MakeLinks();
    }

    private void Make(DeviceSpec device)
    {
        var operation = $"make the device {device.Path}";
        var kind = device.Type switch { "b" => FileKind.BlockDevice, "p" => FileKind.Fifo, _ => FileKind.CharacterDevice };
        using var parent = Parent(device.Path, out var name, out var path);
        var (major, minor) = kind == FileKind.Fifo ? (0u, 0u) : ((uint)(device.Major ?? 0), (uint)(device.Minor ?? 0));
        if ((tree.MountAt(path) is { } mount ? FileAt.Status(mount) : FileAt.TryStatus(parent, name)) is { } present)
        {
            if (present.Kind == kind && present.RdevMajor == major && present.RdevMinor == minor) return;
            throw CrunException.Invalid("something else is in its place", operation, Spec);
        }
        // Without an owner and a mode of its own the host's will do in a user namespace, where no restore could make a node again.
        if (map is not null && device is { Uid: null, Gid: null } && TryBindFromHost(device, path, kind, major, minor, device.FileMode)) return;
        try
        {
            FileAt.MakeNode(parent, name, kind, (device.FileMode ?? ForAll) & 0xfff, major, minor);
        }
        catch (CrunException error) when (error.Errno == Errno.EPERM && kind != FileKind.Fifo)
        {
            if (!TryBindFromHost(device, path, kind, major, minor, null))
                throw new CrunException(ErrorKind.Denied, "no device can be made here, and the host has none like it at this path", operation, Errno.EPERM, spec: Spec);
            return;
        }
        SetOwner(parent, name, device);
    }

    private SafeFileHandle Parent(string path, out string name, out string canonical)
    {
        try
        {
            return tree.OpenParent(path, out name, out canonical)
                ?? throw CrunException.Invalid("it lies on a file system of the kernel", $"make the device {path}", Spec);
        }
        catch (CrunException error) when (error.Operation is null)
        {
            throw error.Within($"make the device {path}");
        }
    }

    private void SetOwner(SafeFileHandle parent, string name, DeviceSpec device)
    {
        var (uid, gid) = (device.Uid ?? 0, device.Gid ?? 0);
        // Engines give the owners that the device has on the host, of which the container may have none: nobody's, then.
        if (map is not null) (uid, gid) = (map.TryHostUser(uid) ?? 0, map.TryHostGroup(gid) ?? 0);
        if (uid == 0 && gid == 0) return;
        FileAt.SetOwner(parent, name, uid, gid);
    }

    // Shows the host's node at this path, if it is of the same device and, unless that is null, mode.
    private bool TryBindFromHost(DeviceSpec device, string path, FileKind kind, uint major, uint minor, uint? mode)
    {
        if (kind == FileKind.Fifo) return false;
        using var file = FileAt.TryOpen(null, device.Path, OpenFlags.O_PATH, out _);
        if (file is null || FileAt.Status(file) is var status && (status.Kind != kind || status.RdevMajor != major || status.RdevMinor != minor)) return false;
        if (mode is not null && (status.Mode & 0xfff) != mode) return false;
        tree.MakeFile(path);
        var operation = $"make the device {device.Path}";
        var mount = DetachedMount.CopyOf(file, recursive: false, operation);
        // A device can be written to all the same, but nobody in the container can change the host's mode and owner.
        DetachedMount.SetAttributes(mount, MountAttributes.MOUNT_ATTR_RDONLY | MountAttributes.MOUNT_ATTR_NOSUID | MountAttributes.MOUNT_ATTR_NOEXEC, 0, 0, recursive: false, operation);
        tree.Attach(path, mount);
        mounts.Add(new PreparedMount { Destination = path, Mount = mount });
        return true;
    }

    private void MakeLinks()
    {
        using var dev = tree.OpenParent("/dev/fd", out _, out _);
        if (dev is null) return;
        foreach (var (name, target) in Links)
        {
            if (FileAt.TryStatus(dev, name) is null && (name != "core" || FileAt.TryStatus(null, target) is not null)) MakeLink(dev, name, target);
        }
        // The terminals' multiplexer of the container's own devpts, and not what an image may have.
        if (FileAt.TryStatus(dev, "ptmx") is { } present)
        {
            if (present.Kind != FileKind.CharacterDevice || mounts.Exists(static mount => mount.Destination == "/dev/ptmx")) return;
            FileAt.Remove(dev, "ptmx");
        }
        MakeLink(dev, "ptmx", "pts/ptmx");
    }

    private void MakeLink(SafeFileHandle dev, string name, string target)
    {
        FileAt.MakeSymbolicLink(dev, name, target);
        if (map is not null) FileAt.SetOwner(dev, name, map.Root.Uid, map.Root.Gid);
    }
}
