using System.Runtime.InteropServices;
using System.Runtime.InteropServices.Marshalling;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Kernel.Libc;

#pragma warning disable CS1591 // C's names, documented by C's manual
/// <summary>How a file is opened.</summary>
/// <seealso href="https://man7.org/linux/man-pages/man2/open.2.html"/>
[Flags, CHeader("fcntl.h")]
public enum OpenFlags
{
    O_RDONLY = 0,
    O_WRONLY = 1,
    O_RDWR = 2,
    O_CREAT = 0x40,
    O_EXCL = 0x80,
    O_NOCTTY = 0x100,
    O_TRUNC = 0x200,
    O_APPEND = 0x400,
    O_NONBLOCK = 0x800,
    O_DIRECT = 0x4000,
    O_DIRECTORY = 0x10000,
    O_NOFOLLOW = 0x20000,
    O_CLOEXEC = 0x80000,
    O_PATH = 0x200000,
    O_TMPFILE = 0x410000,
}
#pragma warning restore CS1591

[CHeader("fcntl.h")]
internal static class AT
{
    public const int AT_FDCWD = -100;
    public const int AT_SYMLINK_NOFOLLOW = 0x100;
    public const int AT_REMOVEDIR = 0x200;
    public const int AT_SYMLINK_FOLLOW = 0x400;
    public const int AT_EMPTY_PATH = 0x1000;
    public const int AT_EACCESS = 0x200;
    public const int AT_RECURSIVE = 0x8000;
    public const int SYNC_FILE_RANGE_WRITE = 2;
    public const int F_DUPFD_CLOEXEC = 1030;
    public const int F_GETFD = 1;
    public const int F_SETFD = 2;
    public const int F_GETFL = 3;
    public const int F_SETFL = 4;
    public const int FD_CLOEXEC = 1;
    public const int F_ADD_SEALS = 1033;
    public const int F_SEAL_SEAL = 1;
    public const int F_SEAL_SHRINK = 2;
    public const int F_SEAL_GROW = 4;
    public const int F_SEAL_WRITE = 8;
    public const int F_SETPIPE_SZ = 1031;
}

[CHeader("linux/fs.h")]
internal static class RENAME
{
    public const uint RENAME_NOREPLACE = 1;
    public const uint RENAME_EXCHANGE = 2;
}

[CHeader("linux/openat2.h", "struct open_how")]
internal struct open_how
{
    public ulong flags;
    public ulong mode;
    public ulong resolve;
}

[Flags, CHeader("linux/openat2.h")]
internal enum ResolveFlags : ulong
{
    RESOLVE_NO_XDEV = 0x01,
    RESOLVE_NO_MAGICLINKS = 0x02,
    RESOLVE_NO_SYMLINKS = 0x04,
    RESOLVE_BENEATH = 0x08,
    RESOLVE_IN_ROOT = 0x10,
    RESOLVE_CACHED = 0x20,
}

internal static unsafe partial class C
{
    [LibraryImport("libc", SetLastError = true)]
    public static partial int openat(int dirfd, [MarshalUsing(typeof(PathMarshaller))] string path, OpenFlags flags, uint mode);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int fcntl(SafeFileHandle fd, int command, nint argument);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int sync_file_range(SafeFileHandle fd, long offset, long count, uint flags);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int fallocate(SafeFileHandle fd, int mode, long offset, long length);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int renameat2(int olddirfd, [MarshalUsing(typeof(PathMarshaller))] string oldpath,
        int newdirfd, [MarshalUsing(typeof(PathMarshaller))] string newpath, uint flags);
}
