using System.Text;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Kernel.Mounts;

/// <summary>
/// Mounts that are attached nowhere: each is a handle of its root, lives as long as the handle and vanishes with it, so
/// that a killed process leaves none behind. The stage attaches them inside a container's mount namespace.
/// </summary>
/// <seealso href="https://man7.org/linux/man-pages/man2/fsmount.2.html"/>
public static unsafe class DetachedMount
{
    private const int MostLowers = 500; // OVL_MAX_STACK

    // fsconfig takes strings of up to 255 bytes; "/proc/self/fd/123:" is 18 of them.
    private const int MostLowersInOneString = 14;
    private const int MostBytesInString = 255;
    private const uint CLONE_FS = 0x200;

    /// <summary>Whether a new file system can be copied, by open_tree, before it is attached: since Linux 6.15.</summary>
    public static bool CanBeCopied => Environment.OSVersion.Version is { Major: > 6 } or { Major: 6, Minor: >= 15 };

    /// <summary>A new file system.</summary>
    /// <param name="type">Its type, such as <c>tmpfs</c>.</param>
    /// <param name="options">Its options; a null value is a flag.</param>
    /// <param name="attributes">The mount's attributes.</param>
    /// <param name="operation">What an error says was being done.</param>
    /// <exception cref="CrunException">The errors of fsopen, fsconfig and fsmount.</exception>
    public static SafeFileHandle FileSystem(string type, IReadOnlyList<KeyValuePair<string, string?>> options,
        MountAttributes attributes, string operation)
    {
        var fd = OpenType(type);
        if (fd < 0) throw SystemCall.Failure(operation, $"fsopen({SystemCall.Quote(type)}, FSOPEN_CLOEXEC)");
        using var fileSystem = new SafeFileHandle(fd, ownsHandle: true);
        foreach (var (key, value) in options) Configure(fileSystem, key, value, operation);
        if (Fsconfig(fileSystem, MOUNT.FSCONFIG_CMD_CREATE, null, null) != 0)
            throw ConfigureFailure(SystemCall.LastErrno, fileSystem, operation, "FSCONFIG_CMD_CREATE, NULL, NULL");
        var mount = C.syscall_raw(NR.__NR_fsmount, fileSystem.DangerousGetHandle(), MOUNT.FSMOUNT_CLOEXEC, (nint)attributes, 0, 0, 0);
        return mount >= 0
            ? new SafeFileHandle(mount, ownsHandle: true)
            : throw SystemCall.Failure(operation, $"fsmount({SystemCall.Fd(fileSystem)}, FSMOUNT_CLOEXEC, {SystemCall.Flags(attributes)})");
    }

    /// <summary>An overlay of directories.</summary>
    /// <param name="lowers">The read-only directories, the lowest first. Of one that is there twice, only the upper one can be seen.</param>
    /// <param name="upper">The directory that changes go to; null makes it read-only.</param>
    /// <param name="work">An empty directory beside <paramref name="upper"/>.</param>
    /// <param name="isVolatile">Whether nothing is synced to disk: what a crash leaves must then be thrown away.</param>
    /// <exception cref="CrunException">The errors of fsopen, fsconfig and fsmount; or there are more directories than Linux takes.</exception>
    /// <seealso href="https://docs.kernel.org/filesystems/overlayfs.html"/>
    public static SafeFileHandle Overlay(IReadOnlyList<SafeFileHandle> lowers, SafeFileHandle? upper, SafeFileHandle? work, bool isVolatile)
    {
        lowers = WithoutHidden(lowers);
        if (lowers.Count > MostLowers) throw CrunException.Unsupported($"it has {lowers.Count} layers, and Linux mounts {MostLowers} at most", "mount the overlay");
        if (lowers.Count <= MostLowersInOneString) return Overlay(Joined(lowers, "/proc/self/fd/"), lowers.Count, upper, work, isVolatile);
        try
        {
            // Linux 6.7 takes the directories one by one.
            var options = new List<KeyValuePair<string, string?>>();
            for (var i = lowers.Count - 1; i >= 0; i--) options.Add(new("lowerdir+", Through(lowers[i])));
            return Overlay(options, lowers.Count, upper, work, isVolatile);
        }
        catch (CrunException error) when (error.Errno == Errno.EINVAL && error.Call!.Contains("lowerdir+", StringComparison.Ordinal))
        {
            return OverlayOfShortNames(lowers, upper, work, isVolatile);
        }
    }

    /// <summary>
    /// Before Linux 6.7: all in one string, short because the names are relative to the directory of our descriptors,
    /// which a thread of its own makes its current one.
    /// </summary>
    internal static SafeFileHandle OverlayOfShortNames(IReadOnlyList<SafeFileHandle> lowers, SafeFileHandle? upper, SafeFileHandle? work, bool isVolatile)
    {
        var names = Joined(lowers, "");
        if (names[0].Value!.Length > MostBytesInString)
            throw CrunException.Unsupported($"{lowers.Count} layers need Linux 6.7 or later: mounting them takes {names[0].Value!.Length} bytes, and this kernel takes {MostBytesInString}");
        SafeFileHandle? mount = null;
        Exception? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                if (C.unshare((int)CLONE_FS) != 0 || C.chdir("/proc/self/fd") != 0)
                    throw SystemCall.Failure("mount the overlay", "chdir(\"/proc/self/fd\")");
                mount = Overlay(names, lowers.Count, upper, work, isVolatile);
            }
            catch (Exception error)
            {
                failure = error;
            }
        });
        thread.Start();
        thread.Join();
        if (failure is not null) System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failure);
        return mount!;
    }

    private static SafeFileHandle Overlay(List<KeyValuePair<string, string?>> lowers, int count, SafeFileHandle? upper, SafeFileHandle? work, bool isVolatile)
    {
        var options = new List<KeyValuePair<string, string?>>(lowers);
        if (upper is not null)
        {
            options.Add(new("upperdir", Through(upper)));
            options.Add(new("workdir", Through(work!)));
            if (isVolatile) options.Add(new("volatile", null));
        }
        // Upper directories are layers: nothing in them may refer to anything but themselves.
        options.Add(new("redirect_dir", "off"));
        options.Add(new("metacopy", "off"));
        options.Add(new("index", "off"));
        return FileSystem("overlay", options, MountAttributes.None, $"mount the overlay of {count} layers");
    }

    // The kernel refuses a directory that is there twice (ELOOP). Whatever the lower one shows, the upper one shows again.
    private static IReadOnlyList<SafeFileHandle> WithoutHidden(IReadOnlyList<SafeFileHandle> lowers)
    {
        if (lowers.Count < 2) return lowers;
        var seen = new HashSet<(ulong, ulong)>(lowers.Count);
        var visible = new List<SafeFileHandle>(lowers.Count);
        for (var i = lowers.Count - 1; i >= 0; i--)
        {
            var status = FileAt.Status(lowers[i]);
            if (seen.Add((status.Device, status.Inode))) visible.Add(lowers[i]);
        }
        visible.Reverse();
        return visible;
    }

    private static List<KeyValuePair<string, string?>> Joined(IReadOnlyList<SafeFileHandle> lowers, string prefix)
    {
        var joined = new StringBuilder();
        for (var i = lowers.Count - 1; i >= 0; i--)
            joined.Append(joined.Length > 0 ? ":" : "").Append(prefix).Append(lowers[i].DangerousGetHandle());
        return [new("lowerdir", joined.ToString())];
    }

    /// <summary>A copy of the mount at a trusted path, as a bind mount is.</summary>
    /// <exception cref="CrunException">The errors of open_tree.</exception>
    public static SafeFileHandle CopyOf(string path, bool recursive, string operation) => CopyOf(null, path, recursive, operation);

    /// <summary>A copy of the mount at an open file, as a bind mount is.</summary>
    /// <exception cref="CrunException">The errors of open_tree.</exception>
    public static SafeFileHandle CopyOf(SafeFileHandle file, bool recursive, string operation) => CopyOf(file, "", recursive, operation);

    /// <summary>Changes attributes and propagation of a mount.</summary>
    /// <exception cref="CrunException">The errors of mount_setattr.</exception>
    public static void SetAttributes(SafeFileHandle mount, MountAttributes set, MountAttributes clear, MountPropagation propagation,
        bool recursive, string operation)
    {
        var attributes = new mount_attr { attr_set = (ulong)set, attr_clr = (ulong)clear, propagation = (ulong)propagation };
        var flags = AT.AT_EMPTY_PATH | (recursive ? AT.AT_RECURSIVE : 0);
        if (C.syscall(NR.__NR_mount_setattr, mount.DangerousGetHandle(), "", flags, (nint)(&attributes), sizeof(mount_attr), 0) != 0)
            throw SystemCall.Failure(operation, $"mount_setattr({SystemCall.Fd(mount)}, \"\", AT_EMPTY_PATH{(recursive ? "|AT_RECURSIVE" : "")}, {{attr_set={SystemCall.Flags(set)}, attr_clr={SystemCall.Flags(clear)}, propagation={SystemCall.Flags(propagation)}}})");
    }

    /// <summary>Shows the files of a mount with other owners: those that a user namespace maps them to.</summary>
    /// <param name="mount">A mount that is attached nowhere.</param>
    /// <param name="userNamespace">The user namespace, a file of procfs.</param>
    /// <param name="recursive">Whether the mounts below get it as well.</param>
    /// <param name="operation">What an error says was being done.</param>
    /// <exception cref="CrunException">The errors of mount_setattr; EINVAL when the file system cannot do it.</exception>
    public static void SetIdMap(SafeFileHandle mount, SafeFileHandle userNamespace, bool recursive, string operation)
    {
        var attributes = new mount_attr { attr_set = (ulong)MountAttributes.MOUNT_ATTR_IDMAP, userns_fd = (ulong)userNamespace.DangerousGetHandle() };
        var flags = AT.AT_EMPTY_PATH | (recursive ? AT.AT_RECURSIVE : 0);
        if (C.syscall(NR.__NR_mount_setattr, mount.DangerousGetHandle(), "", flags, (nint)(&attributes), sizeof(mount_attr), 0) != 0)
            throw SystemCall.Failure(operation, $"mount_setattr({SystemCall.Fd(mount)}, \"\", AT_EMPTY_PATH{(recursive ? "|AT_RECURSIVE" : "")}, {{attr_set=MOUNT_ATTR_IDMAP, userns_fd={SystemCall.Fd(userNamespace)}}})");
    }

    /// <summary>The type of the file system that a file is on: its number of linux/magic.h.</summary>
    /// <exception cref="CrunException">The errors of fstatfs.</exception>
    public static long TypeOf(SafeFileHandle file)
    {
        var buffer = stackalloc byte[256];
        return C.syscall_raw(NR_OLD.__NR_fstatfs, file.DangerousGetHandle(), (nint)buffer, 0, 0, 0, 0) == 0
            ? *(long*)buffer
            : throw SystemCall.Failure($"look at {FileAt.PathOf(file)}", $"fstatfs({SystemCall.Fd(file)})");
    }

    private static SafeFileHandle CopyOf(SafeFileHandle? directory, string path, bool recursive, string operation)
    {
        var flags = MOUNT.OPEN_TREE_CLONE | (int)OpenFlags.O_CLOEXEC | AT.AT_EMPTY_PATH | (recursive ? AT.AT_RECURSIVE : 0);
        var fd = C.syscall(NR.__NR_open_tree, FileAt.Number(directory), path, flags, 0, 0, 0);
        return fd >= 0
            ? new SafeFileHandle(fd, ownsHandle: true)
            : throw SystemCall.Failure(operation, $"open_tree({SystemCall.Fd(directory)}, {SystemCall.Quote(path)}, OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC{(recursive ? "|AT_RECURSIVE" : "")})");
    }

    private static void Configure(SafeFileHandle fileSystem, string key, string? value, string operation)
    {
        if (Fsconfig(fileSystem, value is null ? MOUNT.FSCONFIG_SET_FLAG : MOUNT.FSCONFIG_SET_STRING, key, value) != 0)
            throw ConfigureFailure(SystemCall.LastErrno, fileSystem, operation, $"{(value is null ? "FSCONFIG_SET_FLAG" : "FSCONFIG_SET_STRING")}, {SystemCall.Quote(key)}, {SystemCall.Quote(value)}");
    }

    // The file system itself may say what it did not like: the kernel's log of this fsopen.
    private static CrunException ConfigureFailure(Errno errno, SafeFileHandle fileSystem, string operation, string arguments)
    {
        var reason = "";
        var buffer = stackalloc byte[512];
        var length = C.read(fileSystem, buffer, 512);
        if (length > 2) reason = Encoding.UTF8.GetString(buffer + 2, (int)length - 2).Trim();
        return new CrunException(ErrorKind.System, reason, operation, errno, $"fsconfig({SystemCall.Fd(fileSystem)}, {arguments}, 0)");
    }

    private static nint OpenType(string type)
    {
        fixed (byte* name = PathEncoding.Encode(type + '\0')) return C.syscall_raw(NR.__NR_fsopen, (nint)name, MOUNT.FSOPEN_CLOEXEC, 0, 0, 0, 0);
    }

    private static nint Fsconfig(SafeFileHandle fileSystem, int command, string? key, string? value)
    {
        fixed (byte* keyBytes = key is null ? null : PathEncoding.Encode(key + '\0'))
        fixed (byte* valueBytes = value is null ? null : PathEncoding.Encode(value + '\0'))
            return C.syscall_raw(NR.__NR_fsconfig, fileSystem.DangerousGetHandle(), command, (nint)keyBytes, (nint)valueBytes, 0, 0);
    }

    private static string Through(SafeFileHandle directory) => $"/proc/self/fd/{directory.DangerousGetHandle()}";
}
