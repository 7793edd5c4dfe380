using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;

namespace CrunSharp.Kernel.Processes;

/// <summary>A limit of setrlimit; the value is its number.</summary>
/// <seealso href="https://man7.org/linux/man-pages/man2/getrlimit.2.html"/>
#pragma warning disable CS1591 // the names are C's, documented by the manual
[CHeader("sys/resource.h")]
public enum ResourceLimit
{
    RLIMIT_CPU = 0,
    RLIMIT_FSIZE = 1,
    RLIMIT_DATA = 2,
    RLIMIT_STACK = 3,
    RLIMIT_CORE = 4,
    RLIMIT_RSS = 5,
    RLIMIT_NPROC = 6,
    RLIMIT_NOFILE = 7,
    RLIMIT_MEMLOCK = 8,
    RLIMIT_AS = 9,
    RLIMIT_LOCKS = 10,
    RLIMIT_SIGPENDING = 11,
    RLIMIT_MSGQUEUE = 12,
    RLIMIT_NICE = 13,
    RLIMIT_RTPRIO = 14,
    RLIMIT_RTTIME = 15,
}
#pragma warning restore CS1591

/// <summary>The names of resource limits.</summary>
public static class ResourceLimits
{
    /// <summary>The value that means no limit.</summary>
    public const ulong Infinity = ulong.MaxValue;

    /// <summary>A limit that this process has.</summary>
    /// <exception cref="CrunException">The errors of prlimit.</exception>
    public static unsafe (ulong Soft, ulong Hard) OfThisProcess(ResourceLimit limit)
    {
        var values = stackalloc ulong[2];
        return C.syscall_raw(NR_OLD.__NR_prlimit64, 0, (int)limit, 0, (nint)values, 0, 0) == 0
            ? (values[0], values[1])
            : throw SystemCall.Failure($"ask for {limit}", $"prlimit(0, {limit}, NULL)");
    }

    /// <summary>
    /// Raises how many files this process may have open to what it needs, as far as it may: the soft limit, and no further,
    /// since children inherit it.
    /// </summary>
    /// <param name="count">How many files it needs.</param>
    public static unsafe void NeedOpenFiles(int count)
    {
        var (soft, hard) = OfThisProcess(ResourceLimit.RLIMIT_NOFILE);
        if ((ulong)count <= soft) return;
        var values = stackalloc ulong[2] { Math.Min((ulong)count, hard), hard };
        C.syscall_raw(NR_OLD.__NR_prlimit64, 0, (int)ResourceLimit.RLIMIT_NOFILE, (nint)values, 0, 0, 0); // if not, the next open tells
    }

    private static readonly string[] Names =
    [
        "CPU", "FSIZE", "DATA", "STACK", "CORE", "RSS", "NPROC", "NOFILE",
        "MEMLOCK", "AS", "LOCKS", "SIGPENDING", "MSGQUEUE", "NICE", "RTPRIO", "RTTIME",
    ];

    /// <summary>Reads <c>RLIMIT_NOFILE</c> as the specification has it, or <c>nofile</c> as <c>--ulimit</c> has it.</summary>
    /// <exception cref="CrunException">There is no such limit.</exception>
    public static ResourceLimit Parse(string text) =>
        TryParse(text, out var limit) ? limit : throw CrunException.Invalid($"\"{text}\" is no resource limit");

    /// <summary>As <see cref="Parse"/>; false when there is no such limit.</summary>
    public static bool TryParse(string? text, out ResourceLimit limit)
    {
        limit = default;
        if (text is null) return false;
        var full = text.StartsWith("RLIMIT_", StringComparison.Ordinal);
        var name = full ? text.AsSpan(7) : text;
        for (var i = 0; i < Names.Length; i++)
        {
            if (!name.Equals(Names[i], full ? StringComparison.Ordinal : StringComparison.OrdinalIgnoreCase)) continue;
            limit = (ResourceLimit)i;
            return true;
        }
        return false;
    }

    /// <summary>Its name as the specification has it, such as <c>RLIMIT_NOFILE</c>.</summary>
    public static string ToName(this ResourceLimit limit) => "RLIMIT_" + Names[(int)limit];
}
