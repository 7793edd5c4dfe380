using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Kernel.Libc;

[CHeader("sys/statvfs.h", "struct statvfs")]
internal unsafe struct statvfs
{
    public ulong f_bsize;
    public ulong f_frsize;
    public ulong f_blocks;
    public ulong f_bfree;
    public ulong f_bavail;
    public ulong f_files;
    public ulong f_ffree;
    public ulong f_favail;
    public ulong f_fsid;
    public ulong f_flag;
    public ulong f_namemax;
    private fixed int __f_spare[6];
}

internal static unsafe partial class C
{
    [LibraryImport("libc", SetLastError = true)]
    public static partial int fstatvfs(SafeFileHandle fd, statvfs* buffer);
}
