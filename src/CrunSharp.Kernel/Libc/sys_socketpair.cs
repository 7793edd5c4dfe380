using System.Runtime.InteropServices;

namespace CrunSharp.Kernel.Libc;

internal static unsafe partial class C
{
    [LibraryImport("libc", SetLastError = true)]
    public static partial int socketpair(int domain, int type, int protocol, int* fds);
}
