using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Kernel.Libc;

[Flags, CHeader("sys/file.h")]
internal enum LockFlags
{
    LOCK_SH = 1,
    LOCK_EX = 2,
    LOCK_NB = 4,
    LOCK_UN = 8,
}

internal static unsafe partial class C
{
    [LibraryImport("libc", SetLastError = true)]
    public static partial int flock(SafeFileHandle fd, LockFlags operation);
}
