using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Kernel.Libc;

internal static unsafe partial class C
{
    [LibraryImport("libc", SetLastError = true)]
    public static partial nint getdents64(SafeFileHandle fd, byte* buffer, nuint size);
}
