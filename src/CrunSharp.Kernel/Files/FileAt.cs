using System.Runtime.InteropServices;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Kernel.Files;

/// <summary>
/// Files named by a directory's handle and a path relative to it, as the kernel's <c>…at</c> calls name them. A null
/// directory means that the path is absolute or relative to the current directory: for trusted paths only.
/// </summary>
/// <remarks>
/// Whatever an untrusted party can change (a root file system, a layer, a volume, a build context) is walked only
/// through <see cref="OpenInRoot"/> and <see cref="OpenBeneath"/> and single path components.
/// </remarks>
public static unsafe class FileAt
{
    // openat2 fails with EAGAIN when something was renamed meanwhile; a few tries always got through under attack.
    private const int MostTries = 128;

    /// <summary>Opens a directory by a trusted path, for <c>…at</c> calls and for listing.</summary>
    /// <exception cref="CrunException">ENOENT, ENOTDIR, EACCES and others of openat.</exception>
    public static SafeFileHandle OpenDirectory(string path) => Open(null, path, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY);

    /// <summary>Opens a file; symbolic links are followed unless O_NOFOLLOW is given. O_CLOEXEC is always set.</summary>
    /// <param name="directory">The directory that <paramref name="path"/> is relative to.</param>
    /// <param name="path">The path.</param>
    /// <param name="flags">How.</param>
    /// <param name="mode">Permissions of a file that is made, before the umask.</param>
    /// <exception cref="CrunException">The errors of openat.</exception>
    public static SafeFileHandle Open(SafeFileHandle? directory, string path, OpenFlags flags, uint mode = 0) =>
        TryOpen(directory, path, flags, out var errno, mode)
            ?? throw SystemCall.Failure(errno, $"open {path}", $"openat({SystemCall.Fd(directory)}, {SystemCall.Quote(path)}, {SystemCall.Flags(flags)})");

    /// <summary>Opens a file; null when that fails.</summary>
    public static SafeFileHandle? TryOpen(SafeFileHandle? directory, string path, OpenFlags flags, out Errno errno, uint mode = 0)
    {
        for (; ; )
        {
            var fd = C.openat(Number(directory), path, flags | OpenFlags.O_CLOEXEC, mode);
            errno = fd < 0 ? SystemCall.LastErrno : Errno.None;
            if (errno == Errno.EINTR) continue;
            return fd < 0 ? null : new SafeFileHandle(fd, ownsHandle: true);
        }
    }

    /// <summary>
    /// Opens a path as a process whose root directory is <paramref name="root"/> would: absolute links and <c>..</c>
    /// stay inside. Magic links of procfs are refused.
    /// </summary>
    /// <exception cref="CrunException">The errors of openat2.</exception>
    public static SafeFileHandle OpenInRoot(SafeFileHandle root, string path, OpenFlags flags, uint mode = 0) =>
        TryOpenInRoot(root, path, flags, out var errno, mode) ?? throw Openat2Failure(errno, root, path, flags, "RESOLVE_IN_ROOT");

    /// <summary>As <see cref="OpenInRoot"/>; null when it fails.</summary>
    public static SafeFileHandle? TryOpenInRoot(SafeFileHandle root, string path, OpenFlags flags, out Errno errno, uint mode = 0) =>
        Openat2(root, path, flags, mode, ResolveFlags.RESOLVE_IN_ROOT | ResolveFlags.RESOLVE_NO_MAGICLINKS, out errno);

    /// <summary>Opens a path below <paramref name="directory"/>; any symbolic link on the way is refused with ELOOP.</summary>
    /// <exception cref="CrunException">The errors of openat2; EXDEV when the path leads out.</exception>
    public static SafeFileHandle OpenBeneath(SafeFileHandle directory, string path, OpenFlags flags, uint mode = 0) =>
        TryOpenBeneath(directory, path, flags, out var errno, mode) ?? throw Openat2Failure(errno, directory, path, flags, "RESOLVE_BENEATH|RESOLVE_NO_SYMLINKS");

    /// <summary>As <see cref="OpenBeneath"/>; null when it fails.</summary>
    public static SafeFileHandle? TryOpenBeneath(SafeFileHandle directory, string path, OpenFlags flags, out Errno errno, uint mode = 0) =>
        Openat2(directory, path, flags, mode,
            ResolveFlags.RESOLVE_BENEATH | ResolveFlags.RESOLVE_NO_SYMLINKS | ResolveFlags.RESOLVE_NO_MAGICLINKS, out errno);

    /// <summary>
    /// Opens the directory <paramref name="path"/> in a root as <see cref="OpenInRoot"/> does, making those that are missing.
    /// </summary>
    /// <param name="root">The root.</param>
    /// <param name="path">The directory's path in it.</param>
    /// <param name="mode">Permissions of directories that are made, regardless of the umask.</param>
    /// <param name="made">Gets the paths of the directories that were made, the outer ones first.</param>
    /// <exception cref="CrunException">The errors of openat2 and mkdirat; ENOTDIR when something else is in the way.</exception>
    public static SafeFileHandle OpenOrMakeDirectoryInRoot(SafeFileHandle root, string path, uint mode = 0x1ed, ICollection<string>? made = null)
    {
        const OpenFlags asDirectory = OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY;
        if (TryOpenInRoot(root, path, asDirectory, out var errno) is { } there) return there;
        if (errno != Errno.ENOENT) throw Openat2Failure(errno, root, path, asDirectory, "RESOLVE_IN_ROOT");
        var clean = path.TrimEnd('/');
        var slash = clean.LastIndexOf('/');
        var name = clean[(slash + 1)..];
        if (name is "" or "." or "..") throw Openat2Failure(errno, root, path, asDirectory, "RESOLVE_IN_ROOT");
        using var parent = slash <= 0
            ? OpenInRoot(root, "/", asDirectory)
            : OpenOrMakeDirectoryInRoot(root, clean[..slash], mode, made);
        if (!TryMakeDirectory(parent, name, mode, out errno) && errno != Errno.EEXIST)
            throw SystemCall.Failure(errno, $"make directory {path}", $"mkdirat({SystemCall.Fd(parent)}, {SystemCall.Quote(name)}, 0{Convert.ToString(mode, 8)})");
        if (errno == Errno.None) made?.Add(clean);
        return OpenInRoot(root, path, asDirectory);
    }

    /// <summary>What statx tells of a name, without following a symbolic link; null when it does not exist.</summary>
    /// <exception cref="CrunException">The errors of statx other than ENOENT and ENOTDIR.</exception>
    public static FileStatus? TryStatus(SafeFileHandle? directory, string path, bool followLinks = false)
    {
        statx buffer;
        if (C.statx_(Number(directory), path, followLinks ? 0 : AT.AT_SYMLINK_NOFOLLOW, STAT.STATX_BASIC_STATS | STAT.STATX_MNT_ID, &buffer) == 0)
            return ToStatus(buffer);
        return SystemCall.LastErrno is Errno.ENOENT or Errno.ENOTDIR
            ? null
            : throw SystemCall.Failure($"look at {path}", $"statx({SystemCall.Fd(directory)}, {SystemCall.Quote(path)}, AT_SYMLINK_NOFOLLOW)");
    }

    /// <summary>What statx tells of a name, without following a symbolic link.</summary>
    /// <exception cref="CrunException">The errors of statx.</exception>
    public static FileStatus Status(SafeFileHandle? directory, string path) =>
        TryStatus(directory, path) ?? throw SystemCall.Failure($"look at {path}", $"statx({SystemCall.Fd(directory)}, {SystemCall.Quote(path)}, AT_SYMLINK_NOFOLLOW)");

    /// <summary>What statx tells of an open file, also of one opened with O_PATH.</summary>
    /// <exception cref="CrunException">The errors of statx.</exception>
    public static FileStatus Status(SafeFileHandle file)
    {
        statx buffer;
        return C.statx_(Number(file), "", AT.AT_EMPTY_PATH, STAT.STATX_BASIC_STATS | STAT.STATX_MNT_ID, &buffer) == 0
            ? ToStatus(buffer)
            : throw SystemCall.Failure($"look at {PathOf(file)}", $"statx({SystemCall.Fd(file)}, \"\", AT_EMPTY_PATH)");
    }

    /// <summary>Makes a directory with exactly these permissions, whatever the umask.</summary>
    /// <exception cref="CrunException">The errors of mkdirat.</exception>
    public static void MakeDirectory(SafeFileHandle? directory, string name, uint mode = 0x1ed)
    {
        if (!TryMakeDirectory(directory, name, mode, out var errno))
            throw SystemCall.Failure(errno, $"make directory {name}", $"mkdirat({SystemCall.Fd(directory)}, {SystemCall.Quote(name)}, 0{Convert.ToString(mode, 8)})");
    }

    /// <summary>As <see cref="MakeDirectory"/>; false when it fails.</summary>
    public static bool TryMakeDirectory(SafeFileHandle? directory, string name, uint mode, out Errno errno)
    {
        errno = C.mkdirat(Number(directory), name, mode) == 0 ? Errno.None : SystemCall.LastErrno;
        // The umask took bits away, or mkdirat ignored the special ones: set them.
        if (errno == Errno.None && TryStatus(directory, name) is { } made && made.Mode != mode) SetMode(directory, name, mode);
        return errno == Errno.None;
    }

    /// <summary>Makes a directory and its parents by a trusted path; one that exists is left as it is.</summary>
    /// <exception cref="CrunException">The errors of mkdirat.</exception>
    public static void MakeDirectories(string path, uint mode = 0x1c0)
    {
        if (TryMakeDirectory(null, path, mode, out var errno) || errno == Errno.EEXIST) return;
        if (errno == Errno.ENOENT && Path.GetDirectoryName(path) is { Length: > 0 } parent)
        {
            MakeDirectories(parent, mode);
            if (TryMakeDirectory(null, path, mode, out errno) || errno == Errno.EEXIST) return;
        }
        throw SystemCall.Failure(errno, $"make directory {path}", $"mkdirat(AT_FDCWD, {SystemCall.Quote(path)}, 0{Convert.ToString(mode, 8)})");
    }

    /// <summary>Makes a device node, a named pipe or a socket.</summary>
    /// <exception cref="CrunException">The errors of mknodat.</exception>
    public static void MakeNode(SafeFileHandle? directory, string name, FileKind kind, uint mode, uint major = 0, uint minor = 0)
    {
        var type = kind switch
        {
            FileKind.CharacterDevice => STAT.S_IFCHR,
            FileKind.BlockDevice => STAT.S_IFBLK,
            FileKind.Fifo => STAT.S_IFIFO,
            FileKind.Socket => STAT.S_IFSOCK,
            _ => throw new ArgumentException($"{kind} is no kind of node", nameof(kind)),
        };
        if (C.mknodat(Number(directory), name, (uint)type | mode, DeviceNumber(major, minor)) != 0)
            throw SystemCall.Failure($"make node {name}", $"mknodat({SystemCall.Fd(directory)}, {SystemCall.Quote(name)}, {kind}, makedev({major}, {minor}))");
        SetMode(directory, name, mode);
    }

    /// <summary>Makes another name for a file; a symbolic link itself is linked, not what it points to.</summary>
    /// <exception cref="CrunException">The errors of linkat.</exception>
    public static void Link(SafeFileHandle? fromDirectory, string from, SafeFileHandle? toDirectory, string to)
    {
        if (C.linkat(Number(fromDirectory), from, Number(toDirectory), to, 0) != 0)
            throw SystemCall.Failure($"link {to}", $"linkat({SystemCall.Fd(fromDirectory)}, {SystemCall.Quote(from)}, {SystemCall.Fd(toDirectory)}, {SystemCall.Quote(to)}, 0)");
    }

    /// <summary>Gives a file opened with O_TMPFILE its name; false when the name is taken.</summary>
    /// <exception cref="CrunException">The errors of linkat other than EEXIST.</exception>
    public static bool TryPublish(SafeFileHandle file, SafeFileHandle? toDirectory, string to)
    {
        var from = $"/proc/self/fd/{Number(file)}";
        if (C.linkat(AT.AT_FDCWD, from, Number(toDirectory), to, AT.AT_SYMLINK_FOLLOW) == 0) return true;
        return SystemCall.LastErrno == Errno.EEXIST
            ? false
            : throw SystemCall.Failure($"name {to}", $"linkat(AT_FDCWD, {SystemCall.Quote(from)}, {SystemCall.Fd(toDirectory)}, {SystemCall.Quote(to)}, AT_SYMLINK_FOLLOW)");
    }

    /// <summary>Makes a symbolic link.</summary>
    /// <exception cref="CrunException">The errors of symlinkat.</exception>
    public static void MakeSymbolicLink(SafeFileHandle? directory, string name, string target)
    {
        if (C.symlinkat(target, Number(directory), name) != 0)
            throw SystemCall.Failure($"make symbolic link {name}", $"symlinkat({SystemCall.Quote(target)}, {SystemCall.Fd(directory)}, {SystemCall.Quote(name)})");
    }

    /// <summary>What a symbolic link says.</summary>
    /// <exception cref="CrunException">The errors of readlinkat; EINVAL when it is none.</exception>
    public static string ReadSymbolicLink(SafeFileHandle? directory, string name) => TryReadSymbolicLink(directory, name)
        ?? throw SystemCall.Failure($"read symbolic link {name}", $"readlinkat({SystemCall.Fd(directory)}, {SystemCall.Quote(name)})");

    /// <summary>What a symbolic link contains; null when it cannot be read.</summary>
    public static string? TryReadSymbolicLink(SafeFileHandle? directory, string name)
    {
        var buffer = stackalloc byte[4096];
        var length = C.readlinkat(Number(directory), name, buffer, 4096);
        return length >= 0 ? PathEncoding.Decode(new ReadOnlySpan<byte>(buffer, (int)length)) : null;
    }

    /// <summary>Takes a name away; false when it did not exist.</summary>
    /// <exception cref="CrunException">The errors of unlinkat other than ENOENT.</exception>
    public static bool Remove(SafeFileHandle? directory, string name, bool isDirectory = false)
    {
        if (C.unlinkat(Number(directory), name, isDirectory ? AT.AT_REMOVEDIR : 0) == 0) return true;
        return SystemCall.LastErrno == Errno.ENOENT
            ? false
            : throw SystemCall.Failure($"remove {name}", $"unlinkat({SystemCall.Fd(directory)}, {SystemCall.Quote(name)}, {(isDirectory ? "AT_REMOVEDIR" : "0")})");
    }

    /// <summary>Removes a directory; tells how that failed instead of throwing.</summary>
    /// <returns><see cref="Errno.None"/> when it is removed.</returns>
    public static Errno TryRemoveDirectory(SafeFileHandle? directory, string name) =>
        C.unlinkat(Number(directory), name, AT.AT_REMOVEDIR) == 0 ? Errno.None : SystemCall.LastErrno;

    /// <summary>Removes a directory if nothing is in it; false when something is, or when it did not exist.</summary>
    /// <exception cref="CrunException">The errors of unlinkat other than ENOENT and ENOTEMPTY.</exception>
    public static bool TryRemoveEmptyDirectory(SafeFileHandle? directory, string name)
    {
        if (C.unlinkat(Number(directory), name, AT.AT_REMOVEDIR) == 0) return true;
        return SystemCall.LastErrno is Errno.ENOENT or Errno.ENOTEMPTY
            ? false
            : throw SystemCall.Failure($"remove {name}", $"unlinkat({SystemCall.Fd(directory)}, {SystemCall.Quote(name)}, AT_REMOVEDIR)");
    }

    /// <summary>Renames, replacing what has the new name.</summary>
    /// <exception cref="CrunException">The errors of renameat2.</exception>
    public static void Rename(SafeFileHandle? fromDirectory, string from, SafeFileHandle? toDirectory, string to)
    {
        if (C.renameat2(Number(fromDirectory), from, Number(toDirectory), to, 0) != 0)
            throw SystemCall.Failure($"rename {from} to {to}", $"renameat2({SystemCall.Fd(fromDirectory)}, {SystemCall.Quote(from)}, {SystemCall.Fd(toDirectory)}, {SystemCall.Quote(to)}, 0)");
    }

    /// <summary>Renames unless the new name is taken; false when it is.</summary>
    /// <exception cref="CrunException">The errors of renameat2 other than EEXIST and ENOTEMPTY.</exception>
    public static bool TryRename(SafeFileHandle? fromDirectory, string from, SafeFileHandle? toDirectory, string to)
    {
        if (C.renameat2(Number(fromDirectory), from, Number(toDirectory), to, RENAME.RENAME_NOREPLACE) == 0) return true;
        return SystemCall.LastErrno is Errno.EEXIST or Errno.ENOTEMPTY
            ? false
            : throw SystemCall.Failure($"rename {from} to {to}", $"renameat2({SystemCall.Fd(fromDirectory)}, {SystemCall.Quote(from)}, {SystemCall.Fd(toDirectory)}, {SystemCall.Quote(to)}, RENAME_NOREPLACE)");
    }

    /// <summary>Makes two names change places, at once for everybody.</summary>
    /// <exception cref="CrunException">The errors of renameat2.</exception>
    public static void Exchange(SafeFileHandle? oneDirectory, string one, SafeFileHandle? otherDirectory, string other)
    {
        if (C.renameat2(Number(oneDirectory), one, Number(otherDirectory), other, RENAME.RENAME_EXCHANGE) != 0)
            throw SystemCall.Failure($"exchange {one} and {other}", $"renameat2({SystemCall.Fd(oneDirectory)}, {SystemCall.Quote(one)}, {SystemCall.Fd(otherDirectory)}, {SystemCall.Quote(other)}, RENAME_EXCHANGE)");
    }

    /// <summary>Sets permissions; a symbolic link is not followed and is an error.</summary>
    /// <exception cref="CrunException">The errors of fchmodat2.</exception>
    public static void SetMode(SafeFileHandle? directory, string name, uint mode)
    {
        // Linux 6.6 has fchmodat2; before that the C library goes through /proc/self/fd, which does the same.
        if (C.fchmodat(Number(directory), name, mode, AT.AT_SYMLINK_NOFOLLOW) != 0)
            throw SystemCall.Failure($"set mode of {name}", $"fchmodat({SystemCall.Fd(directory)}, {SystemCall.Quote(name)}, 0{Convert.ToString(mode, 8)}, AT_SYMLINK_NOFOLLOW)");
    }

    /// <summary>Sets owner and group; a symbolic link's own. This clears set-user-id bits: set the mode after it.</summary>
    /// <exception cref="CrunException">The errors of fchownat.</exception>
    public static void SetOwner(SafeFileHandle? directory, string name, uint uid, uint gid)
    {
        if (C.fchownat(Number(directory), name, uid, gid, AT.AT_SYMLINK_NOFOLLOW) != 0)
            throw SystemCall.Failure($"set owner of {name}", $"fchownat({SystemCall.Fd(directory)}, {SystemCall.Quote(name)}, {uid}, {gid}, AT_SYMLINK_NOFOLLOW)");
    }

    /// <summary>Sets the time of the last change (and access); a symbolic link's own.</summary>
    /// <exception cref="CrunException">The errors of utimensat.</exception>
    public static void SetTime(SafeFileHandle? directory, string name, FileTime modified)
    {
        var times = stackalloc timespec[2];
        times[0] = times[1] = new timespec { tv_sec = modified.Seconds, tv_nsec = modified.Nanoseconds };
        if (C.utimensat(Number(directory), name, times, AT.AT_SYMLINK_NOFOLLOW) != 0)
            throw SystemCall.Failure($"set time of {name}", $"utimensat({SystemCall.Fd(directory)}, {SystemCall.Quote(name)}, AT_SYMLINK_NOFOLLOW)");
    }

    /// <summary>The names in a directory, without <c>.</c> and <c>..</c>, in the file system's order; none when it was removed.</summary>
    /// <exception cref="CrunException">The errors of getdents64.</exception>
    public static List<string> List(SafeFileHandle directory)
    {
        // A handle of its own, so that listing neither moves nor depends on the offset of the caller's.
        // A directory that was removed while it was open may still be opened or not, by file system.
        using var listing = TryOpen(directory, ".", OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY, out var errno);
        if (listing is null && errno == Errno.ENOENT) return [];
        if (listing is null) throw SystemCall.Failure(errno, $"list {PathOf(directory)}", $"openat({SystemCall.Fd(directory)}, \".\", O_RDONLY|O_DIRECTORY)");
        return ListOnce(listing);
    }

    /// <summary>As <see cref="List"/>, through a handle that was opened for reading and is listed only this once: its offset is at the end then.</summary>
    /// <exception cref="CrunException">The errors of getdents64.</exception>
    public static List<string> ListOnce(SafeFileHandle directory)
    {
        var names = new List<string>();
        const int size = 32 * 1024;
        var buffer = (byte*)NativeMemory.Alloc(size);
        try
        {
            for (; ; )
            {
                var length = C.getdents64(directory, buffer, size);
                if (length < 0 && SystemCall.LastErrno == Errno.ENOENT) return names;
                if (length < 0) throw SystemCall.Failure($"list {PathOf(directory)}", $"getdents64({SystemCall.Fd(directory)})");
                if (length == 0) return names;
                for (nint at = 0; at < length; at += *(ushort*)(buffer + at + 16))
                {
                    var name = MemoryMarshal.CreateReadOnlySpanFromNullTerminated(buffer + at + 19);
                    if (!name.SequenceEqual("."u8) && !name.SequenceEqual(".."u8)) names.Add(PathEncoding.Decode(name));
                }
            }
        }
        finally
        {
            NativeMemory.Free(buffer);
        }
    }

    /// <summary>
    /// Removes a name and all below it. Symbolic links are removed, not followed; another file system is not entered.
    /// </summary>
    /// <returns>False when the name did not exist.</returns>
    /// <exception cref="CrunException">The errors of unlinkat; EXDEV or EBUSY at a mount point.</exception>
    public static bool RemoveTree(SafeFileHandle? directory, string name) => TreeRemoval.Remove(directory, name, null, 0);

    /// <summary>The path that an open file has now, for messages.</summary>
    public static string PathOf(SafeHandle file)
    {
        // Messages are made of a failed call's error number, which must outlive this call.
        var before = Marshal.GetLastPInvokeError();
        var buffer = stackalloc byte[4096];
        var length = C.readlinkat(AT.AT_FDCWD, $"/proc/self/fd/{file.DangerousGetHandle()}", buffer, 4096);
        Marshal.SetLastPInvokeError(before);
        return length < 0 ? "?" : PathEncoding.Decode(new ReadOnlySpan<byte>(buffer, (int)length));
    }

    internal static int Number(SafeFileHandle? directory) => directory is null ? AT.AT_FDCWD : (int)directory.DangerousGetHandle();

    internal static SafeFileHandle? Openat2(SafeFileHandle directory, string path, OpenFlags flags, uint mode, ResolveFlags resolve, out Errno errno)
    {
        var how = new open_how { flags = (ulong)(uint)(flags | OpenFlags.O_CLOEXEC), mode = mode, resolve = (ulong)resolve };
        errno = Errno.None;
        for (var i = 0; i < MostTries; i++)
        {
            var fd = C.syscall(NR.__NR_openat2, Number(directory), path, (nint)(&how), sizeof(open_how), 0, 0);
            if (fd >= 0)
            {
                errno = Errno.None;
                return new SafeFileHandle(fd, ownsHandle: true);
            }
            errno = SystemCall.LastErrno;
            if (errno is not (Errno.EAGAIN or Errno.EINTR)) return null;
        }
        return null;
    }

    private static CrunException Openat2Failure(Errno errno, SafeFileHandle root, string path, OpenFlags flags, string resolve) =>
        SystemCall.Failure(errno, $"open {path}", $"openat2({SystemCall.Fd(root)}, {SystemCall.Quote(path)}, {{flags={SystemCall.Flags(flags)}, resolve={resolve}|RESOLVE_NO_MAGICLINKS}})");

    private static ulong DeviceNumber(uint major, uint minor) =>
        ((ulong)(major & 0xfffff000) << 32) | ((ulong)(major & 0xfff) << 8) | ((ulong)(minor & 0xffffff00) << 12) | (minor & 0xff);

    private static FileStatus ToStatus(in statx s) => new()
    {
        Kind = (s.stx_mode & STAT.S_IFMT) switch
        {
            STAT.S_IFREG => FileKind.Regular,
            STAT.S_IFDIR => FileKind.Directory,
            STAT.S_IFLNK => FileKind.SymbolicLink,
            STAT.S_IFCHR => FileKind.CharacterDevice,
            STAT.S_IFBLK => FileKind.BlockDevice,
            STAT.S_IFIFO => FileKind.Fifo,
            STAT.S_IFSOCK => FileKind.Socket,
            _ => FileKind.Unknown,
        },
        Mode = (uint)s.stx_mode & 0xfff,
        Uid = s.stx_uid,
        Gid = s.stx_gid,
        Size = (long)s.stx_size,
        Blocks = (long)s.stx_blocks,
        Links = s.stx_nlink,
        Device = ((ulong)s.stx_dev_major << 32) | s.stx_dev_minor,
        Inode = s.stx_ino,
        RdevMajor = s.stx_rdev_major,
        RdevMinor = s.stx_rdev_minor,
        Modified = new FileTime(s.stx_mtime.tv_sec, s.stx_mtime.tv_nsec),
        Changed = new FileTime(s.stx_ctime.tv_sec, s.stx_ctime.tv_nsec),
        MountId = s.stx_mnt_id,
    };
}
