using System.Runtime.InteropServices;

namespace CrunSharp.Kernel.Libc;

[CHeader("poll.h", "struct pollfd")]
internal struct pollfd
{
    public int fd;
    public short events;
    public short revents;
}

#pragma warning disable CS1591 // C's names, documented by C's manual
/// <summary>What to wait for, and what happened.</summary>
/// <seealso href="https://man7.org/linux/man-pages/man2/poll.2.html"/>
[Flags, CHeader("poll.h")]
public enum PollEvents : short
{
    None = 0,
    POLLIN = 1,
    POLLPRI = 2,
    POLLOUT = 4,
    POLLERR = 8,
    POLLHUP = 16,
    POLLNVAL = 32,
}
#pragma warning restore CS1591

internal static unsafe partial class C
{
    [LibraryImport("libc", SetLastError = true)]
    public static partial int poll(pollfd* fds, nuint count, int timeout);
}
