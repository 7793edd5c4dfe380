using System.Runtime.InteropServices;

namespace CrunSharp.Kernel.Libc;

[CHeader("sys/eventfd.h")]
internal static class EFD
{
    public const int EFD_CLOEXEC = 0x80000;
    public const int EFD_NONBLOCK = 0x800;
}

internal static unsafe partial class C
{
    [LibraryImport("libc", SetLastError = true)]
    public static partial int eventfd(uint initial, int flags);
}
