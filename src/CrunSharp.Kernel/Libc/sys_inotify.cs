using System.Runtime.InteropServices;
using System.Runtime.InteropServices.Marshalling;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Kernel.Libc;

[CHeader("sys/inotify.h")]
internal static class INOTIFY
{
    public const int IN_CLOEXEC = 0x80000;
    public const int IN_NONBLOCK = 0x800;
    public const uint IN_MODIFY = 2;
    public const uint IN_DELETE_SELF = 0x400;
}

internal static unsafe partial class C
{
    [LibraryImport("libc", SetLastError = true)]
    public static partial int inotify_init1(int flags);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int inotify_add_watch(SafeFileHandle fd, [MarshalUsing(typeof(PathMarshaller))] string path, uint mask);
}
