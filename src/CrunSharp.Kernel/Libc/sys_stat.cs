using System.Runtime.InteropServices;
using System.Runtime.InteropServices.Marshalling;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Kernel.Libc;

[CHeader("linux/stat.h", "struct statx_timestamp")]
internal struct statx_timestamp
{
    public long tv_sec;
    public uint tv_nsec;
    private int __reserved;
}

[CHeader("linux/stat.h", "struct statx")]
internal unsafe struct statx
{
    public uint stx_mask;
    public uint stx_blksize;
    public ulong stx_attributes;
    public uint stx_nlink;
    public uint stx_uid;
    public uint stx_gid;
    public ushort stx_mode;
    private ushort __spare0;
    public ulong stx_ino;
    public ulong stx_size;
    public ulong stx_blocks;
    public ulong stx_attributes_mask;
    public statx_timestamp stx_atime;
    public statx_timestamp stx_btime;
    public statx_timestamp stx_ctime;
    public statx_timestamp stx_mtime;
    public uint stx_rdev_major;
    public uint stx_rdev_minor;
    public uint stx_dev_major;
    public uint stx_dev_minor;
    public ulong stx_mnt_id;
    private fixed ulong __spare3[13];
}

[CHeader("sys/stat.h")]
internal static class STAT
{
    public const uint STATX_BASIC_STATS = 0x7ff;
    public const uint STATX_MNT_ID = 0x1000;
    public const int S_IFMT = 0xf000;
    public const int S_IFSOCK = 0xc000;
    public const int S_IFLNK = 0xa000;
    public const int S_IFREG = 0x8000;
    public const int S_IFBLK = 0x6000;
    public const int S_IFDIR = 0x4000;
    public const int S_IFCHR = 0x2000;
    public const int S_IFIFO = 0x1000;
    public const long UTIME_OMIT = 0x3ffffffe;
}

[CHeader("time.h", "struct timespec")]
internal struct timespec
{
    public long tv_sec;
    public long tv_nsec;
}

internal static unsafe partial class C
{
    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true)]
    public static partial int statx_(int dirfd, [MarshalUsing(typeof(PathMarshaller))] string path, int flags, uint mask, statx* buffer);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int mkdirat(int dirfd, [MarshalUsing(typeof(PathMarshaller))] string path, uint mode);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int mknodat(int dirfd, [MarshalUsing(typeof(PathMarshaller))] string path, uint mode, ulong device);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int fchmodat(int dirfd, [MarshalUsing(typeof(PathMarshaller))] string path, uint mode, int flags);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int fchmod(SafeFileHandle fd, uint mode);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int utimensat(int dirfd, [MarshalUsing(typeof(PathMarshaller))] string path, timespec* times, int flags);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int futimens(SafeFileHandle fd, timespec* times);

    [LibraryImport("libc")]
    public static partial uint umask(uint mask);
}
