using System.Runtime.InteropServices;
using System.Runtime.InteropServices.Marshalling;

namespace CrunSharp.Kernel.Libc;

[CHeader("sys/mount.h")]
internal static class UMOUNT
{
    public const int MNT_DETACH = 2;
    public const int UMOUNT_NOFOLLOW = 8;
}

internal static unsafe partial class C
{
    [LibraryImport("libc", SetLastError = true)]
    public static partial int umount2([MarshalUsing(typeof(PathMarshaller))] string target, int flags);
}
