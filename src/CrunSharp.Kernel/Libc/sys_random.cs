using System.Runtime.InteropServices;

namespace CrunSharp.Kernel.Libc;

internal static unsafe partial class C
{
    [LibraryImport("libc", SetLastError = true)]
    public static partial nint getrandom(byte* buffer, nuint length, uint flags);
}
