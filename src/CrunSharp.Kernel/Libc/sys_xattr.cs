using System.Runtime.InteropServices;
using System.Runtime.InteropServices.Marshalling;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Kernel.Libc;

internal static unsafe partial class C
{
    [LibraryImport("libc", SetLastError = true)]
    public static partial nint lgetxattr([MarshalUsing(typeof(PathMarshaller))] string path,
        [MarshalUsing(typeof(PathMarshaller))] string name, byte* value, nuint size);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int lsetxattr([MarshalUsing(typeof(PathMarshaller))] string path,
        [MarshalUsing(typeof(PathMarshaller))] string name, byte* value, nuint size, int flags);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int lremovexattr([MarshalUsing(typeof(PathMarshaller))] string path,
        [MarshalUsing(typeof(PathMarshaller))] string name);

    [LibraryImport("libc", SetLastError = true)]
    public static partial nint llistxattr([MarshalUsing(typeof(PathMarshaller))] string path, byte* list, nuint size);

    [LibraryImport("libc", SetLastError = true)]
    public static partial nint fgetxattr(SafeFileHandle fd,
        [MarshalUsing(typeof(PathMarshaller))] string name, byte* value, nuint size);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int fsetxattr(SafeFileHandle fd,
        [MarshalUsing(typeof(PathMarshaller))] string name, byte* value, nuint size, int flags);

    [LibraryImport("libc", SetLastError = true)]
    public static partial nint flistxattr(SafeFileHandle fd, byte* list, nuint size);
}
