using System.Text;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Kernel.Sockets;

/// <summary>Sockets between processes of one host, named by a file.</summary>
/// <seealso href="https://man7.org/linux/man-pages/man7/unix.7.html"/>
public static unsafe class UnixSocket
{
    private const int PathSize = 108;

    /// <summary>Two sockets, each the other's peer.</summary>
    /// <exception cref="CrunException">The errors of socketpair.</exception>
    public static (SafeFileHandle First, SafeFileHandle Second) Pair() => Pair(SOCK.SOCK_STREAM, "SOCK_STREAM");

    /// <summary>Two sockets of packets, each the other's peer.</summary>
    /// <exception cref="CrunException">The errors of socketpair.</exception>
    public static (SafeFileHandle First, SafeFileHandle Second) PairOfPackets() => Pair(SOCK.SOCK_SEQPACKET, "SOCK_SEQPACKET");

    private static (SafeFileHandle First, SafeFileHandle Second) Pair(int type, string name)
    {
        var ends = stackalloc int[2];
        return C.socketpair(SOCK.AF_UNIX, type | SOCK.SOCK_CLOEXEC, 0, ends) == 0
            ? (new SafeFileHandle(ends[0], ownsHandle: true), new SafeFileHandle(ends[1], ownsHandle: true))
            : throw SystemCall.Failure("make a socket pair", $"socketpair(AF_UNIX, {name}|SOCK_CLOEXEC, 0)");
    }

    /// <summary>Makes a listening socket in a directory, replacing a name that is left over. It is non-blocking.</summary>
    /// <exception cref="CrunException">The errors of socket, bind and listen.</exception>
    public static SafeFileHandle Listen(SafeFileHandle directory, string name)
    {
        FileAt.Remove(directory, name);
        var socket = Open(SOCK.SOCK_STREAM, SOCK.SOCK_NONBLOCK);
        var address = stackalloc byte[PathSize + 2];
        var length = Encode(directory, name, address);
        if (C.bind(socket, address, length) == 0 && C.listen(socket, 16) == 0) return socket;
        var error = SystemCall.Failure($"listen at {name}", $"bind({SystemCall.Fd(socket)}, {{AF_UNIX, {SystemCall.Quote(name)}}})");
        socket.Dispose();
        throw error;
    }

    /// <summary>Makes a listening socket of packets in a directory. It is blocking.</summary>
    /// <exception cref="CrunException">The errors of socket, bind and listen.</exception>
    public static SafeFileHandle ListenForPackets(SafeFileHandle directory, string name)
    {
        var socket = Open(SOCK.SOCK_SEQPACKET, 0);
        var address = stackalloc byte[PathSize + 2];
        var length = Encode(directory, name, address);
        if (C.bind(socket, address, length) == 0 && C.listen(socket, 16) == 0) return socket;
        var error = SystemCall.Failure($"listen at {name}", $"bind({SystemCall.Fd(socket)}, {{AF_UNIX, {SystemCall.Quote(name)}}})");
        socket.Dispose();
        throw error;
    }

    /// <summary>Makes a socket in a directory that takes datagrams, replacing a name that is left over.</summary>
    /// <exception cref="CrunException">The errors of socket and bind.</exception>
    public static SafeFileHandle ListenForDatagrams(SafeFileHandle directory, string name)
    {
        FileAt.Remove(directory, name);
        var socket = Open(SOCK.SOCK_DGRAM, 0);
        var address = stackalloc byte[PathSize + 2];
        var length = Encode(directory, name, address);
        if (C.bind(socket, address, length) == 0) return socket;
        var error = SystemCall.Failure($"listen at {name}", $"bind({SystemCall.Fd(socket)}, {{AF_UNIX, {SystemCall.Quote(name)}}})");
        socket.Dispose();
        throw error;
    }

    /// <summary>Receives a datagram; how many bytes of it there are, of which what does not fit is lost.</summary>
    /// <exception cref="CrunException">The errors of recvfrom.</exception>
    public static int Receive(SafeFileHandle socket, Span<byte> buffer)
    {
        fixed (byte* data = buffer)
        {
            var length = C.recvfrom(socket, data, (nuint)buffer.Length, 0, null, null);
            return length >= 0 ? (int)length : throw SystemCall.Failure("receive a datagram", $"recvfrom({SystemCall.Fd(socket)})");
        }
    }

    /// <summary>Sends a datagram to a socket; false when nobody takes it.</summary>
    /// <param name="path">The socket's path, or <c>@</c> and the name of one that is no file.</param>
    /// <param name="payload">The datagram.</param>
    public static bool TrySendDatagram(string path, ReadOnlySpan<byte> payload)
    {
        var address = stackalloc byte[PathSize + 2];
        using var directory = path.StartsWith('@') ? null
            : FileAt.TryOpen(null, Path.GetDirectoryName(Path.GetFullPath(path)) ?? "/", OpenFlags.O_PATH | OpenFlags.O_DIRECTORY, out _);
        if (directory is null && (!path.StartsWith('@') || path.Length >= PathSize)) return false;
        var length = directory is null ? EncodeAbstract(path, address) : Encode(directory, Path.GetFileName(path), address);
        using var socket = Open(SOCK.SOCK_DGRAM, 0);
        const int MSG_NOSIGNAL = 0x4000;
        fixed (byte* data = payload) return C.sendto(socket, data, (nuint)payload.Length, MSG_NOSIGNAL, address, length) == payload.Length;
    }

    /// <summary>Connects to a socket of packets in a directory; null when nobody listens.</summary>
    public static SafeFileHandle? TryConnectPackets(SafeFileHandle directory, string name) => TryConnect(directory, name, SOCK.SOCK_SEQPACKET);

    /// <summary>Connects to a socket in a directory; null when nobody listens.</summary>
    public static SafeFileHandle? TryConnect(SafeFileHandle directory, string name) => TryConnect(directory, name, SOCK.SOCK_STREAM);

    /// <summary>Connects to a socket that another program listens at.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="operation">What it is for.</param>
    /// <exception cref="CrunException">Nobody listens there.</exception>
    public static SafeFileHandle Connect(string path, string operation)
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(path)) ?? "/";
        using var directory = FileAt.Open(null, folder, OpenFlags.O_PATH | OpenFlags.O_DIRECTORY);
        return TryConnect(directory, Path.GetFileName(path))
            ?? throw SystemCall.Failure(operation, $"connect({{AF_UNIX, {SystemCall.Quote(path)}}})");
    }

    /// <summary>Sends an open file along with some bytes.</summary>
    /// <param name="socket">A connected socket.</param>
    /// <param name="payload">At least one byte.</param>
    /// <param name="file">The file.</param>
    /// <exception cref="CrunException">The errors of sendmsg.</exception>
    public static void SendDescriptor(SafeFileHandle socket, ReadOnlySpan<byte> payload, SafeFileHandle file)
    {
        const int MSG_NOSIGNAL = 0x4000;
        fixed (byte* data = payload)
        {
            var vector = new iovec { iov_base = data, iov_len = (nuint)payload.Length };
            var control = stackalloc byte[24];
            new Span<byte>(control, 24).Clear();
            *(long*)control = 20; // struct cmsghdr: the length, SOL_SOCKET, SCM_RIGHTS, the descriptor
            *(int*)(control + 8) = 1;
            *(int*)(control + 12) = 1;
            *(int*)(control + 16) = (int)file.DangerousGetHandle();
            var message = new msghdr { msg_iov = &vector, msg_iovlen = 1, msg_control = control, msg_controllen = 24 };
            if (C.sendmsg(socket, &message, MSG_NOSIGNAL) != payload.Length)
                throw SystemCall.Failure("send a descriptor", $"sendmsg({SystemCall.Fd(socket)}, {{SCM_RIGHTS}})");
        }
    }

    private static SafeFileHandle? TryConnect(SafeFileHandle directory, string name, int type)
    {
        var socket = Open(type, 0);
        var address = stackalloc byte[PathSize + 2];
        var length = Encode(directory, name, address);
        if (C.connect(socket, address, length) == 0) return socket;
        socket.Dispose();
        return null;
    }

    /// <summary>Takes a connection; null when there is none. It is non-blocking.</summary>
    public static SafeFileHandle? TryAccept(SafeFileHandle listener)
    {
        var fd = C.accept4(listener, null, null, SOCK.SOCK_CLOEXEC | SOCK.SOCK_NONBLOCK);
        return fd < 0 ? null : new SafeFileHandle(fd, ownsHandle: true);
    }

    /// <summary>Receives one open file that came with one byte; null when the other side is gone or sent none.</summary>
    public static SafeFileHandle? TryReceiveDescriptor(SafeFileHandle socket)
    {
        byte data;
        var vector = new iovec { iov_base = &data, iov_len = 1 };
        var control = stackalloc byte[64];
        var message = new msghdr { msg_iov = &vector, msg_iovlen = 1, msg_control = control, msg_controllen = 64 };
        const int MSG_CMSG_CLOEXEC = 0x40000000;
        if (C.recvmsg(socket, &message, MSG_CMSG_CLOEXEC) != 1 || message.msg_controllen < 20) return null;
        return new SafeFileHandle(*(int*)(control + 16), ownsHandle: true);
    }

    /// <summary>Receives a packet, and an open file if one came with it.</summary>
    /// <param name="socket">A socket of packets.</param>
    /// <param name="buffer">Gets the packet; what is longer is cut.</param>
    /// <param name="file">The file, the caller's from here on; null when none came.</param>
    /// <returns>The packet's length; 0 when the other side is gone.</returns>
    /// <exception cref="CrunException">The errors of recvmsg.</exception>
    public static int Receive(SafeFileHandle socket, Span<byte> buffer, out SafeFileHandle? file)
    {
        const int MSG_CMSG_CLOEXEC = 0x40000000;
        file = null;
        var control = stackalloc byte[64];
        nint length;
        fixed (byte* data = buffer)
        {
            var vector = new iovec { iov_base = data, iov_len = (nuint)buffer.Length };
            for (; ; )
            {
                var message = new msghdr { msg_iov = &vector, msg_iovlen = 1, msg_control = control, msg_controllen = 64 };
                length = C.recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
                if (length >= 0 && message.msg_controllen >= 20) file = new SafeFileHandle(*(int*)(control + 16), ownsHandle: true);
                if (length >= 0 || SystemCall.LastErrno != Errno.EINTR) break;
            }
        }
        return length >= 0 ? (int)length
            : SystemCall.LastErrno == Errno.ECONNRESET ? 0
            : throw SystemCall.Failure("receive a packet", $"recvmsg({SystemCall.Fd(socket)})");
    }

    private static SafeFileHandle Open(int type, int flags)
    {
        var fd = C.socket(SOCK.AF_UNIX, type | SOCK.SOCK_CLOEXEC | flags, 0);
        return fd >= 0
            ? new SafeFileHandle(fd, ownsHandle: true)
            : throw SystemCall.Failure("make a socket", $"socket(AF_UNIX, {type}|SOCK_CLOEXEC, 0)");
    }

    private static uint EncodeAbstract(string name, byte* address)
    {
        *(ushort*)address = SOCK.AF_UNIX;
        var length = Encoding.ASCII.GetBytes(name, new Span<byte>(address + 2, PathSize));
        address[2] = 0;
        return (uint)(2 + length);
    }

    // The kernel takes 107 bytes; through the directory's handle any path is short enough.
    private static uint Encode(SafeFileHandle directory, string name, byte* address)
    {
        var path = $"/proc/self/fd/{directory.DangerousGetHandle()}/{name}";
        if (path.Length >= PathSize) throw new ArgumentException("the socket's name is too long", nameof(name));
        *(ushort*)address = SOCK.AF_UNIX;
        var length = Encoding.ASCII.GetBytes(path, new Span<byte>(address + 2, PathSize));
        address[2 + length] = 0;
        return (uint)(2 + length + 1);
    }
}
