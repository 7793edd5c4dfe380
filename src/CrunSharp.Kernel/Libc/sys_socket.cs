using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Kernel.Libc;

[CHeader("sys/socket.h")]
internal static class SOCK
{
    public const int AF_UNSPEC = 0;
    public const int AF_UNIX = 1;
    public const int AF_INET = 2;
    public const int AF_INET6 = 10;
    public const int AF_NETLINK = 16;
    public const int SOCK_STREAM = 1;
    public const int SOCK_DGRAM = 2;
    public const int SOCK_RAW = 3;
    public const int SOCK_SEQPACKET = 5;
    public const int SOCK_CLOEXEC = 0x80000;
    public const int SOCK_NONBLOCK = 0x800;
    public const int SOL_SOCKET = 1;
    public const int SOL_NETLINK = 270;
    public const int SO_REUSEADDR = 2;
    public const int SO_ERROR = 4;
    public const int SO_RCVTIMEO = 20;
    public const int MSG_PEEK = 0x2;
    public const int MSG_TRUNC = 0x20;
    public const int MSG_DONTWAIT = 0x40;
    public const int MSG_NOSIGNAL = 0x4000;
    public const int SHUT_WR = 1;
    public const int SHUT_RDWR = 2;
}

[CHeader("netinet/in.h")]
internal static class IPPROTO
{
    public const int IPPROTO_TCP = 6;
    public const int IPPROTO_UDP = 17;
    public const int IPPROTO_IPV6 = 41;
    public const int IPPROTO_SCTP = 132;
    public const int IPV6_V6ONLY = 26;
}

internal static unsafe partial class C
{
    [LibraryImport("libc", SetLastError = true)]
    public static partial int socket(int domain, int type, int protocol);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int bind(SafeFileHandle fd, byte* address, uint length);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int listen(SafeFileHandle fd, int backlog);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int accept4(SafeFileHandle fd, byte* address, uint* length, int flags);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int connect(SafeFileHandle fd, byte* address, uint length);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int getsockname(SafeFileHandle fd, byte* address, uint* length);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int setsockopt(SafeFileHandle fd, int level, int name, void* value, uint length);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int getsockopt(SafeFileHandle fd, int level, int name, void* value, uint* length);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int shutdown(SafeFileHandle fd, int how);

    [LibraryImport("libc", SetLastError = true)]
    public static partial nint sendmsg(SafeFileHandle fd, msghdr* message, int flags);

    [LibraryImport("libc", SetLastError = true)]
    public static partial nint sendto(SafeFileHandle fd, byte* data, nuint length, int flags, byte* address, uint addressLength);

    [LibraryImport("libc", SetLastError = true)]
    public static partial nint recvfrom(SafeFileHandle fd, byte* buffer, nuint length, int flags, byte* address, uint* addressLength);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int socketpair(int domain, int type, int protocol, int* fds);

    [LibraryImport("libc", SetLastError = true)]
    public static partial nint recvmsg(SafeFileHandle fd, msghdr* message, int flags);
}

[CHeader("sys/socket.h", "struct msghdr")]
internal unsafe struct msghdr
{
    public void* msg_name;
    public uint msg_namelen;
    public iovec* msg_iov;
    public nuint msg_iovlen;
    public void* msg_control;
    public nuint msg_controllen;
    public int msg_flags;
}

[CHeader("sys/uio.h", "struct iovec")]
internal unsafe struct iovec
{
    public void* iov_base;
    public nuint iov_len;
}
