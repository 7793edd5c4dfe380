using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Mounts;
using CrunSharp.Kernel.Terminals;
using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;
using CrunSharp.Runtime.Init;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Runtime.Rootfs;

/// <summary>
/// A container's root file system before there is a process in it: the root and its mounts as detached mounts, with all
/// mount points made. What depends on the container's namespaces is left to the stage.
/// </summary>
internal sealed class ContainerRootfs : IDisposable
{
    private const long DevptsMagic = 0x1cd1;

    private readonly List<PreparedMount> _mounts = [];
    private readonly RootTree _tree;
    private SafeFileHandle? _terminalMaster;

    private ContainerRootfs(SafeFileHandle root, IdentityMap? map)
    {
        (Root, Map) = (root, map);
        _tree = new RootTree(root, map?.Root ?? (0, 0));
    }

    /// <summary>The root; belongs to the caller.</summary>
    public SafeFileHandle Root { get; }

    /// <summary>The ids of the container's user namespace; null when it has none.</summary>
    public IdentityMap? Map { get; }

    /// <summary>The mounts, in their order.</summary>
    public IReadOnlyList<PreparedMount> Mounts => _mounts;

    /// <summary>The terminal.</summary>
    /// <value>Null when the process has none.</value>
    public SafeFileHandle? Terminal { get; private set; }

    /// <summary>The paths in the root that were made as mount points, the outer ones first.</summary>
    public List<string> MadeMountPoints => _tree.Made;

    /// <summary>Prepares the root of a container.</summary>
    /// <param name="spec">The container.</param>
    /// <param name="root">Its root, a detached mount.</param>
    /// <param name="options">What the specification does not say.</param>
    /// <param name="namespaces">The container's namespaces.</param>
    /// <exception cref="CrunException">A source does not exist, or a mount cannot be made.</exception>
    public static ContainerRootfs Prepare(RuntimeSpec spec, SafeFileHandle root, LaunchOptions options, ContainerNamespaces namespaces)
    {
        var rootfs = new ContainerRootfs(root, namespaces.Map);
        try
        {
            if (!namespaces.Own.HasFlag(CloneFlags.CLONE_NEWNS)) RequireNoMounts(spec, namespaces.Map is null && options.RootPath != "/");
            rootfs.AddMounts(spec, options, namespaces);
            rootfs.AddContent(spec);
            return rootfs;
        }
        catch
        {
            rootfs.Dispose();
            throw;
        }
    }

    /// <summary>The home directory of a user, as the container's <c>/etc/passwd</c> tells; <c>/</c> when it does not.</summary>
    public string HomeOf(uint uid)
    {
        using var passwd = _tree.TryOpenFile("/etc/passwd");
        return HomeDirectory.Find(passwd, uid);
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

    // On the host, root may mount over and below the directory of the root file system, if that has a place there.
    private static void RequireNoMounts(RuntimeSpec spec, bool mayMountOnHost)
    {
        var (what, section) = !mayMountOnHost && spec.Mounts is { Count: > 0 } ? ("mounts", "config.md#mounts")
            : spec.Linux?.MaskedPaths is { Count: > 0 } ? ("masked paths", "config-linux.md#masked-paths")
            : spec.Linux?.ReadonlyPaths is { Count: > 0 } ? ("read-only paths", "config-linux.md#readonly-paths")
            : !mayMountOnHost && spec.Root?.Readonly == true ? ("a read-only root", "config.md#root")
            : (null, "");
        if (what is not null) throw CrunException.Invalid($"{what} need a mount namespace", spec: section);
    }

    private void AddMounts(RuntimeSpec spec, LaunchOptions options, ContainerNamespaces namespaces)
    {
        var making = new MountMaking(spec, options, namespaces);
        foreach (var mount in spec.Mounts ?? [])
        {
            try
            {
                making.Make(mount, _tree, _mounts);
            }
            catch (CrunException error) when (error.Operation?.StartsWith("mount ", StringComparison.Ordinal) != true)
            {
                throw error.Within($"mount {RootTree.Clean(mount.Destination)}");
            }
        }
    }

    private void AddContent(RuntimeSpec spec)
    {
        new DeviceNodes(_tree, _mounts, Map).Make(spec);
        if (spec.Process is not { } process) return;
        if (process.Terminal) AddTerminal(process);
        var made = _tree.Made.Count;
        try
        {
            _tree.MakeDirectory(process.Cwd);
        }
        catch (CrunException error)
        {
            throw error.Within("make the working directory");
        }
        // It is no mount point, but the process's own.
        _tree.Made.RemoveRange(made, _tree.Made.Count - made);
        foreach (var mount in _mounts)
        {
            if (mount.IsReadOnlyAtLast)
                DetachedMount.SetAttributes(mount.Mount!, MountAttributes.MOUNT_ATTR_RDONLY, 0, 0, recursive: false, $"mount {mount.Destination}");
        }
    }

    private void AddTerminal(ProcessSpec process)
    {
        const string operation = "make the terminal";
        using var devpts = _tree.TryOpenDirectory("/dev/pts");
        if (devpts is null || DetachedMount.TypeOf(devpts) != DevptsMagic)
            throw CrunException.Invalid("a terminal needs a devpts mounted at /dev/pts", operation, "config.md#process");
        (_terminalMaster, Terminal) = PseudoTerminal.Open(devpts);
        if (process.ConsoleSize is { Height: > 0 } size)
            Kernel.Terminals.Terminal.SetSize(_terminalMaster, new TerminalSize((ushort)Math.Min(size.Height, ushort.MaxValue), (ushort)Math.Min(size.Width, ushort.MaxValue)));
        StandardFiles.GiveTo(Terminal, process.User, Map);
        if (!_mounts.Exists(static mount => mount.Destination == "/dev/console"))
        {
            var console = _tree.MakeFile("/dev/console");
            _tree.Attach(console, null);
            _mounts.Add(new PreparedMount { Destination = console, File = Terminal });
        }
    }
}
