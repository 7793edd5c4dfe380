using System.Runtime.InteropServices;
using System.Runtime.InteropServices.Marshalling;

namespace CrunSharp.Kernel.Libc;

/// <summary>System calls for which the oldest C library that we support has no function.</summary>
internal static unsafe partial class C
{
    [LibraryImport("libc", SetLastError = true)]
    public static partial nint syscall(nint number, nint a, [MarshalUsing(typeof(PathMarshaller))] string? b, nint c, nint d, nint e, nint f);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    public static partial nint syscall_raw(nint number, nint a, nint b, nint c, nint d, nint e, nint f);
}
