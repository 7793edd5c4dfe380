using System.Runtime.InteropServices;
using System.Text;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci;

namespace CrunSharp.Kernel;

/// <summary>Turns results of system calls into values and errors.</summary>
internal static class SystemCall
{
    /// <summary>The error number of the P/Invoke just before; read it on the very next line.</summary>
    public static Errno LastErrno => (Errno)Marshal.GetLastPInvokeError();

    /// <summary>The error of the system call just before.</summary>
    /// <param name="operation">What was being done, such as <c>mount /proc</c>.</param>
    /// <param name="call">The call as strace prints it, without its result.</param>
    /// <param name="spec">The section of a specification that asks for the operation.</param>
    public static CrunException Failure(string operation, string call, string? spec = null) =>
        Failure(LastErrno, operation, call, spec);

    /// <summary>The error of a system call that failed with <paramref name="errno"/>.</summary>
    public static CrunException Failure(Errno errno, string operation, string call, string? spec = null) =>
        new(KindOf(errno), "", operation, errno, call, spec);

    /// <summary>A string as strace prints it: quoted, with escapes.</summary>
    public static string Quote(string? text)
    {
        if (text is null) return "NULL";
        var quoted = new StringBuilder("\"");
        foreach (var b in PathEncoding.Encode(text))
        {
            if (b is (byte)'"' or (byte)'\\') quoted.Append('\\').Append((char)b);
            else if (b == '\n') quoted.Append("\\n");
            else if (b == '\t') quoted.Append("\\t");
            else if (b is < 32 or > 126) quoted.Append('\\').Append(Convert.ToString(b, 8));
            else quoted.Append((char)b);
        }
        return quoted.Append('"').ToString();
    }

    /// <summary>Flags as strace prints them: <c>O_RDONLY|O_CLOEXEC</c>.</summary>
    public static string Flags<T>(T flags) where T : struct, Enum => flags.ToString().Replace(", ", "|", StringComparison.Ordinal);

    /// <summary>A directory handle as strace prints it, with the path that it points to.</summary>
    public static string Fd(SafeHandle? handle) =>
        handle is null ? "AT_FDCWD" : $"{handle.DangerousGetHandle()}<{FileAt.PathOf(handle)}>";

    /// <summary>The kind of failure that an error number stands for.</summary>
    public static ErrorKind KindOf(Errno errno) => errno switch
    {
        Errno.ENOENT => ErrorKind.NotFound,
        Errno.EEXIST => ErrorKind.Exists,
        Errno.ENOSYS or Errno.EOPNOTSUPP => ErrorKind.Unsupported,
        _ => ErrorKind.System,
    };
}
