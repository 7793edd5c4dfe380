using System.Runtime.InteropServices;

namespace CrunSharp.Kernel.Libc;

[CHeader("sys/mman.h")]
internal static class MFD
{
    public const uint MFD_CLOEXEC = 1;
    public const uint MFD_ALLOW_SEALING = 2;
}

internal static unsafe partial class C
{
    /// <summary>MFD_EXEC of Linux 6.3, which the headers of Debian 12 do not have.</summary>
    public const uint MFD_EXEC = 0x10;

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int memfd_create(string name, uint flags);
}
