using System.Runtime.InteropServices;
using System.Runtime.InteropServices.Marshalling;

namespace CrunSharp.Kernel.Libc;

/// <summary>Room for glibc's opaque type, which has 64 bytes.</summary>
[CHeader("regex.h", "regex_t")]
internal unsafe struct regex_t
{
    private fixed ulong opaque[8];
}

[CHeader("regex.h")]
internal static class REG
{
    public const int REG_EXTENDED = 1;
    public const int REG_NOSUB = 8;
}

internal static unsafe partial class C
{
    [LibraryImport("libc")]
    public static partial int regcomp(regex_t* expression, [MarshalUsing(typeof(PathMarshaller))] string pattern, int flags);

    [LibraryImport("libc")]
    public static partial int regexec(regex_t* expression, [MarshalUsing(typeof(PathMarshaller))] string text, nuint matches, void* match, int flags);

    [LibraryImport("libc")]
    public static partial nuint regerror(int code, regex_t* expression, byte* text, nuint size);

    [LibraryImport("libc")]
    public static partial void regfree(regex_t* expression);
}
