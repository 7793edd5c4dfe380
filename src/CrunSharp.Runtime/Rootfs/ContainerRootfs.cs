using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Mounts;
using CrunSharp.Kernel.Terminals;
using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Runtime.Rootfs;

/// <summary>
/// A container's root file system before there is a process in it: the root and its mounts as detached mounts, with all
/// mount points made. What depends on the container's namespaces is left to the stage.
/// </summary>
internal sealed class ContainerRootfs : IDisposable
{
    private const string Spec = "config.md#mounts";

    // File systems that show the namespaces of the process that mounts them.
    private static readonly string[] OfNamespaces = ["proc", "sysfs", "mqueue", "cgroup", "cgroup2"];

    private readonly List<PreparedMount> _mounts = [];
    private SafeFileHandle? _terminalMaster;

    private ContainerRootfs(SafeFileHandle root) => Root = root;

    /// <summary>The root; belongs to the caller.</summary>
    public SafeFileHandle Root { get; }

    /// <summary>The mounts, in their order.</summary>
    public IReadOnlyList<PreparedMount> Mounts => _mounts;

    /// <summary>The terminal.</summary>
    /// <value>Null when the process has none.</value>
    public SafeFileHandle? Terminal { get; private set; }

    /// <summary>The paths in the root that were made as mount points, the outer ones first.</summary>
    public List<string> MadeMountPoints { get; } = [];

    /// <summary>Prepares the root of a container.</summary>
    /// <param name="spec">The container.</param>
    /// <param name="root">Its root, a detached mount.</param>
    /// <exception cref="CrunException">A source does not exist, or a mount cannot be made.</exception>
    public static ContainerRootfs Prepare(RuntimeSpec spec, SafeFileHandle root)
    {
        var rootfs = new ContainerRootfs(root);
        try
        {
            foreach (var mount in spec.Mounts ?? []) rootfs.Add(mount);
            rootfs.AddDevices(spec);
            if (spec.Process?.Terminal == true) rootfs.AddTerminal(spec.Process);
            if (spec.Process is { } process) rootfs.MakeWorkingDirectory(process.Cwd);
            return rootfs;
        }
        catch
        {
            rootfs.Dispose();
            throw;
        }
    }

    /// <summary>Hands over the master side of the terminal; null when the process has none.</summary>
    public SafeFileHandle? TakeTerminalMaster()
    {
        var master = _terminalMaster;
        _terminalMaster = null;
        return master;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var mount in _mounts) mount.Mount?.Dispose();
        _terminalMaster?.Dispose();
        Terminal?.Dispose();
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

    private void MakeWorkingDirectory(string path)
    {
        var mountPoints = MadeMountPoints.Count;
        OpenOrMakeDirectory(path, "make the working directory").Dispose();
        MadeMountPoints.RemoveRange(mountPoints, MadeMountPoints.Count - mountPoints);
    }

    private void Add(MountSpec mount)
    {
        var destination = Clean(mount.Destination);
        var operation = $"mount {destination}";
        var options = MountOptions.Of(mount);
        var isDirectory = true;
        SafeFileHandle? made = null;
        if (options.IsBind)
        {
            made = Bind(mount, options, operation, out isDirectory);
        }
        else if (mount.Type is not { } type)
        {
            throw CrunException.Invalid("the mount has neither a type nor the option bind", operation, Spec);
        }
        else if (!OfNamespaces.Contains(type))
        {
            if (type == "devpts") options.Data.RemoveAll(static option => option.Key == "newinstance");
            made = DetachedMount.FileSystem(type, WithSource(options.Data, type, mount.Source), options.Set, operation);
        }
        try
        {
            if (made is not null && options.RecursiveSet != 0 | options.RecursiveClear != 0)
                DetachedMount.SetAttributes(made, options.RecursiveSet, options.RecursiveClear, MountPropagation.None, recursive: true, operation);
            MakeMountPoint(destination, isDirectory, operation);
        }
        catch
        {
            made?.Dispose();
            throw;
        }
        _mounts.Add(new PreparedMount
        {
            Destination = destination,
            Mount = made,
            Type = mount.Type == "cgroup" ? "cgroup2" : mount.Type,
            Data = options.Data,
            Attributes = options.Set,
        });
    }

    private static SafeFileHandle Bind(MountSpec mount, MountOptions options, string operation, out bool isDirectory)
    {
        if (mount.Source is not { Length: > 0 } source) throw CrunException.Invalid("the bind mount has no source", operation, Spec);
        using var file = FileAt.TryOpen(null, source, OpenFlags.O_PATH, out var errno)
            ?? throw new CrunException(ErrorKind.NotFound, $"bind source \"{source}\"", operation, errno, spec: Spec);
        isDirectory = FileAt.Status(file).Kind == FileKind.Directory;
        var bound = DetachedMount.CopyOf(file, options.IsRecursive, operation);
        try
        {
            var propagation = options.Propagation == MountPropagation.None ? MountPropagation.MS_PRIVATE : options.Propagation;
            DetachedMount.SetAttributes(bound, 0, 0, propagation, options.PropagationIsRecursive || options.Propagation == MountPropagation.None, operation);
            if (options.Set != 0 || options.Clear != 0)
                DetachedMount.SetAttributes(bound, options.Set, options.Clear, MountPropagation.None, recursive: false, operation);
            return bound;
        }
        catch
        {
            bound.Dispose();
            throw;
        }
    }

    private static List<KeyValuePair<string, string?>> WithSource(List<KeyValuePair<string, string?>> data, string type, string? source) =>
        source is { Length: > 0 } && source != type && type is not ("tmpfs" or "devpts")
            ? [new("source", source), .. data]
            : data;

    private void MakeMountPoint(string destination, bool isDirectory, string operation)
    {
        if (destination == "/") return;
        // /proc and /sys must be plain directories: a link there would show the container something else as procfs.
        if (isDirectory)
        {
            OpenOrMakeDirectory(destination, operation).Dispose();
            return;
        }
        var slash = destination.LastIndexOf('/');
        using var parent = OpenOrMakeDirectory(slash == 0 ? "/" : destination[..slash], operation);
        var name = destination[(slash + 1)..];
        if (FileAt.TryStatus(parent, name) is not null) return;
        FileAt.Open(parent, name, OpenFlags.O_WRONLY | OpenFlags.O_CREAT | OpenFlags.O_EXCL | OpenFlags.O_NOFOLLOW, 0x1a4).Dispose();
        if (!_mounts.Exists(mount => IsBelow(destination, mount.Destination))) MadeMountPoints.Add(destination);
    }

    /// <summary>Opens a directory of the container, below the innermost mount that hides it, making what is missing.</summary>
    private SafeFileHandle OpenOrMakeDirectory(string path, string operation)
    {
        path = Clean(path);
        var root = Root;
        var rest = path;
        var longest = 0;
        foreach (var mount in _mounts)
        {
            if (!IsBelow(path, mount.Destination) || mount.Destination.Length < longest) continue;
            longest = mount.Destination.Length;
            if (mount.Mount is null) return OpenNothing(); // of the kernel: nothing can be made there
            (root, rest) = (mount.Mount, path[mount.Destination.Length..]);
        }
        try
        {
            return FileAt.OpenOrMakeDirectoryInRoot(root, rest.Length == 0 ? "/" : rest, made: ReferenceEquals(root, Root) ? MadeMountPoints : null);
        }
        catch (CrunException error) when (error.Errno is Errno.EROFS or Errno.EACCES or Errno.ENOENT)
        {
            throw error.Within(operation);
        }
    }

    private SafeFileHandle OpenNothing() => FileAt.OpenInRoot(Root, "/", OpenFlags.O_PATH | OpenFlags.O_DIRECTORY);

    private static bool IsBelow(string path, string directory) =>
        path.StartsWith(directory, StringComparison.Ordinal) && (path.Length == directory.Length || path[directory.Length] == '/');

    private void AddDevices(RuntimeSpec spec)
    {
        if (_mounts.Find(static mount => mount.Destination == "/dev" && mount.Mount is not null)?.Mount is not { } dev) return;
        foreach (var (name, major, minor) in DefaultDevices)
            MakeDevice(dev, "/dev/" + name, FileKind.CharacterDevice, 0x1b6, (uint)major, (uint)minor, 0, 0);
        foreach (var device in spec.Linux?.Devices ?? [])
        {
            var path = Clean(device.Path);
            if (!IsBelow(path, "/dev") || path == "/dev")
                throw CrunException.Unsupported($"the device {device.Path} is not below /dev", "make devices", "config-linux.md#devices");
            var kind = device.Type switch { "b" => FileKind.BlockDevice, "p" => FileKind.Fifo, _ => FileKind.CharacterDevice };
            MakeDevice(dev, path, kind, device.FileMode ?? 0x1b6, (uint)(device.Major ?? 0), (uint)(device.Minor ?? 0), device.Uid ?? 0, device.Gid ?? 0);
        }
        foreach (var (name, target) in DefaultLinks)
        {
            if (FileAt.TryStatus(dev, name) is null) FileAt.MakeSymbolicLink(dev, name, target);
        }
    }

    private static void MakeDevice(SafeFileHandle dev, string path, FileKind kind, uint mode, uint major, uint minor, uint uid, uint gid)
    {
        var name = path["/dev/".Length..];
        var slash = name.LastIndexOf('/');
        using var parent = slash < 0 ? FileAt.OpenInRoot(dev, "/", OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY) : FileAt.OpenOrMakeDirectoryInRoot(dev, name[..slash]);
        name = name[(slash + 1)..];
        if (FileAt.TryStatus(parent, name) is not null) return;
        FileAt.MakeNode(parent, name, kind, mode, major, minor);
        if (uid != 0 || gid != 0) FileAt.SetOwner(parent, name, uid, gid);
    }

    private void AddTerminal(ProcessSpec process)
    {
        var devpts = _mounts.Find(static mount => mount.Destination == "/dev/pts")?.Mount
            ?? throw CrunException.Invalid("a terminal needs a devpts mounted at /dev/pts", "make the terminal", "config.md#process");
        (_terminalMaster, Terminal) = PseudoTerminal.Open(devpts);
        if (process.ConsoleSize is { } size)
            Kernel.Terminals.Terminal.SetSize(_terminalMaster, new TerminalSize((ushort)size.Height, (ushort)size.Width));
        MakeMountPoint("/dev/console", isDirectory: false, "mount /dev/console");
        _mounts.Add(new PreparedMount
        {
            Destination = "/dev/console",
            Mount = DetachedMount.CopyOf(Terminal, recursive: false, "mount /dev/console"),
        });
    }

    private static readonly (string Name, int Major, int Minor)[] DefaultDevices =
        [("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0)];

    private static readonly (string Name, string Target)[] DefaultLinks =
    [
        ("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"), ("stdout", "/proc/self/fd/1"), ("stderr", "/proc/self/fd/2"),
        ("core", "/proc/kcore"), ("ptmx", "pts/ptmx"),
    ];
}
