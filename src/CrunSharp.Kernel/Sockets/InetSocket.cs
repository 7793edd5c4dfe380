using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Kernel.Sockets;

/// <summary>The transports of the internet.</summary>
public enum Transport
{
    /// <summary>TCP.</summary>
    Tcp,

    /// <summary>UDP.</summary>
    Udp,

    /// <summary>SCTP.</summary>
    Sctp,
}

/// <summary>
/// Internet sockets without the thread that <see cref="Socket"/> starts: for a process that mostly waits.
/// </summary>
/// <remarks>All of them are non-blocking.</remarks>
public static unsafe class InetSocket
{
    private const int AddressSize = 28;

    /// <summary>Makes a socket in the calling thread's network namespace; null when that fails.</summary>
    public static SafeFileHandle? TryOpen(AddressFamily family, Transport transport, out Errno errno)
    {
        var (kind, protocol) = transport switch
        {
            Transport.Tcp => (SOCK.SOCK_STREAM, IPPROTO.IPPROTO_TCP),
            Transport.Udp => (SOCK.SOCK_DGRAM, IPPROTO.IPPROTO_UDP),
            _ => (SOCK.SOCK_STREAM, IPPROTO.IPPROTO_SCTP),
        };
        var isV6 = family == AddressFamily.InterNetworkV6;
        var fd = C.socket(isV6 ? SOCK.AF_INET6 : SOCK.AF_INET, kind | SOCK.SOCK_CLOEXEC | SOCK.SOCK_NONBLOCK, protocol);
        errno = fd < 0 ? SystemCall.LastErrno : Errno.None;
        if (fd < 0) return null;
        var socket = new SafeFileHandle(fd, ownsHandle: true);
        if (isV6) SetOption(socket, IPPROTO.IPPROTO_IPV6, IPPROTO.IPV6_V6ONLY, 1);
        return socket;
    }

    /// <summary>Lets the socket take a port on which old connections linger; sockets that only bind then share ports.</summary>
    public static void ReuseAddress(SafeFileHandle socket) => SetOption(socket, SOCK.SOL_SOCKET, SOCK.SO_REUSEADDR, 1);

    /// <summary>Binds a socket; port 0 takes a free one.</summary>
    /// <returns>The error: EADDRINUSE, EADDRNOTAVAIL, EACCES and others of bind.</returns>
    public static Errno Bind(SafeFileHandle socket, IPEndPoint address)
    {
        var bytes = stackalloc byte[AddressSize];
        return C.bind(socket, bytes, Encode(address, bytes)) == 0 ? Errno.None : SystemCall.LastErrno;
    }

    /// <summary>Makes a bound socket accept connections.</summary>
    /// <returns>The error: EADDRINUSE and others of listen.</returns>
    public static Errno Listen(SafeFileHandle socket, int backlog) =>
        C.listen(socket, backlog) == 0 ? Errno.None : SystemCall.LastErrno;

    /// <summary>Makes a listening socket refuse connections; it keeps its port, for itself alone.</summary>
    public static void EndListening(SafeFileHandle socket)
    {
        SetOption(socket, SOCK.SOL_SOCKET, SOCK.SO_REUSEADDR, 0);
        C.shutdown(socket, SOCK.SHUT_RDWR);
    }

    /// <summary>The port that a socket is bound to.</summary>
    /// <exception cref="CrunException">The errors of getsockname.</exception>
    public static ushort PortOf(SafeFileHandle socket)
    {
        var bytes = stackalloc byte[AddressSize];
        var length = (uint)AddressSize;
        return C.getsockname(socket, bytes, &length) == 0
            ? BinaryPrimitives.ReadUInt16BigEndian(new ReadOnlySpan<byte>(bytes + 2, 2))
            : throw SystemCall.Failure("look at socket", $"getsockname({SystemCall.Fd(socket)})");
    }

    /// <summary>Takes a waiting connection; null when there is none, or it is gone again, or no descriptor is free.</summary>
    public static SafeFileHandle? TryAccept(SafeFileHandle listener)
    {
        var fd = C.accept4(listener, null, null, SOCK.SOCK_CLOEXEC | SOCK.SOCK_NONBLOCK);
        return fd < 0 ? null : new SafeFileHandle(fd, ownsHandle: true);
    }

    /// <summary>Begins a connection; POLLOUT tells that it is there or has failed (<see cref="ErrorOf"/>).</summary>
    /// <returns>The error, other than EINPROGRESS.</returns>
    public static Errno Connect(SafeFileHandle socket, IPEndPoint address)
    {
        var bytes = stackalloc byte[AddressSize];
        if (C.connect(socket, bytes, Encode(address, bytes)) == 0) return Errno.None;
        var errno = SystemCall.LastErrno;
        return errno is Errno.EINPROGRESS or Errno.EINTR ? Errno.None : errno;
    }

    /// <summary>Takes the pending error of a socket.</summary>
    public static Errno ErrorOf(SafeFileHandle socket)
    {
        int error;
        var length = (uint)sizeof(int);
        return C.getsockopt(socket, SOCK.SOL_SOCKET, SOCK.SO_ERROR, &error, &length) == 0 ? (Errno)error : SystemCall.LastErrno;
    }

    /// <summary>Receives what is there.</summary>
    /// <returns>The number of bytes; 0 at the end; -1 with EAGAIN when nothing is there, or with another error.</returns>
    public static int Receive(SafeFileHandle socket, Span<byte> buffer, out Errno errno)
    {
        fixed (byte* start = buffer)
        {
            var count = C.recvfrom(socket, start, (nuint)buffer.Length, SOCK.MSG_DONTWAIT, null, null);
            errno = count < 0 ? SystemCall.LastErrno : Errno.None;
            return (int)count;
        }
    }

    /// <summary>Receives a datagram, and who sent it.</summary>
    /// <param name="socket">The socket.</param>
    /// <param name="buffer">Gets it; what does not fit is lost.</param>
    /// <param name="sender">Who sent it; null when that cannot be told.</param>
    /// <param name="errno">EAGAIN when nothing is there, or another error.</param>
    /// <returns>The number of bytes; -1 with an error.</returns>
    public static int ReceiveFrom(SafeFileHandle socket, Span<byte> buffer, out IPEndPoint? sender, out Errno errno)
    {
        var address = stackalloc byte[AddressSize];
        var length = (uint)AddressSize;
        fixed (byte* start = buffer)
        {
            var count = C.recvfrom(socket, start, (nuint)buffer.Length, SOCK.MSG_DONTWAIT, address, &length);
            errno = count < 0 ? SystemCall.LastErrno : Errno.None;
            sender = count < 0 ? null : Decode(new ReadOnlySpan<byte>(address, (int)Math.Min(length, AddressSize)));
            return (int)count;
        }
    }

    /// <summary>Sends a datagram to somebody.</summary>
    /// <returns>The error: EAGAIN when there is no room, and others of sendto.</returns>
    public static Errno SendTo(SafeFileHandle socket, ReadOnlySpan<byte> data, IPEndPoint receiver)
    {
        var address = stackalloc byte[AddressSize];
        fixed (byte* start = data)
        {
            return C.sendto(socket, start, (nuint)data.Length, SOCK.MSG_DONTWAIT | SOCK.MSG_NOSIGNAL, address, Encode(receiver, address)) < 0 ? SystemCall.LastErrno : Errno.None;
        }
    }

    /// <summary>Sends as much as there is room for.</summary>
    /// <returns>The number of bytes; -1 with EAGAIN when there is no room, or with another error.</returns>
    public static int Send(SafeFileHandle socket, ReadOnlySpan<byte> data, out Errno errno)
    {
        fixed (byte* start = data)
        {
            var count = C.sendto(socket, start, (nuint)data.Length, SOCK.MSG_DONTWAIT | SOCK.MSG_NOSIGNAL, null, 0);
            errno = count < 0 ? SystemCall.LastErrno : Errno.None;
            return (int)count;
        }
    }

    /// <summary>Tells the other side that nothing more comes.</summary>
    public static void EndSending(SafeFileHandle socket) => C.shutdown(socket, SOCK.SHUT_WR);

    private static void SetOption(SafeFileHandle socket, int level, int name, int value) =>
        C.setsockopt(socket, level, name, &value, sizeof(int));

    private static IPEndPoint? Decode(ReadOnlySpan<byte> address)
    {
        if (address.Length < 16) return null;
        var port = BinaryPrimitives.ReadUInt16BigEndian(address[2..]);
        return BitConverter.ToUInt16(address) switch
        {
            SOCK.AF_INET => new IPEndPoint(new IPAddress(address[4..8]), port),
            SOCK.AF_INET6 when address.Length >= AddressSize => new IPEndPoint(new IPAddress(address[8..24], BitConverter.ToUInt32(address[24..])), port),
            _ => null,
        };
    }

    // struct sockaddr_in and struct sockaddr_in6
    private static uint Encode(IPEndPoint address, byte* bytes)
    {
        var isV6 = address.AddressFamily == AddressFamily.InterNetworkV6;
        var span = new Span<byte>(bytes, AddressSize);
        span.Clear();
        *(ushort*)bytes = (ushort)(isV6 ? SOCK.AF_INET6 : SOCK.AF_INET);
        BinaryPrimitives.WriteUInt16BigEndian(span[2..], (ushort)address.Port);
        address.Address.TryWriteBytes(span[(isV6 ? 8 : 4)..], out _);
        if (isV6) *(uint*)(bytes + 24) = (uint)address.Address.ScopeId;
        return isV6 ? 28u : 16u;
    }
}
