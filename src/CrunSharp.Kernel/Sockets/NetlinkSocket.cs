using System.Runtime.InteropServices;
using System.Text;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Kernel.Sockets;

/// <summary>What a dump makes of each message; null leaves the message out.</summary>
/// <param name="body">The message without its netlink header.</param>
public delegate T? NetlinkParser<T>(ReadOnlySpan<byte> body) where T : class;

/// <summary>
/// A conversation with the kernel about the network namespace in which the socket was made, wherever it is used later.
/// Not for several threads at once.
/// </summary>
/// <seealso href="https://man7.org/linux/man-pages/man7/netlink.7.html"/>
public sealed unsafe class NetlinkSocket : IDisposable
{
    private const int MostDumpTries = 16;
    private const int AnswerSeconds = 30; // the kernel answers inside sendto: a late answer was lost

    private readonly SafeFileHandle _socket;
    private readonly NetlinkProtocol _protocol;
    private readonly byte[] _buffer = GC.AllocateUninitializedArray<byte>(32 * 1024);
    private uint _sequence;

    private NetlinkSocket(SafeFileHandle socket, NetlinkProtocol protocol) => (_socket, _protocol) = (socket, protocol);

    /// <summary>Opens a socket in the calling thread's network namespace.</summary>
    /// <exception cref="CrunException">The errors of socket and bind.</exception>
    public static NetlinkSocket Open(NetlinkProtocol protocol)
    {
        var fd = C.socket(SOCK.AF_NETLINK, SOCK.SOCK_RAW | SOCK.SOCK_CLOEXEC, (int)protocol);
        if (fd < 0) throw SystemCall.Failure("open netlink socket", $"socket(AF_NETLINK, SOCK_RAW|SOCK_CLOEXEC, {protocol})");
        var socket = new SafeFileHandle(fd, ownsHandle: true);
        var address = new sockaddr_nl { nl_family = SOCK.AF_NETLINK };
        if (C.bind(socket, (byte*)&address, (uint)sizeof(sockaddr_nl)) != 0)
        {
            var failure = SystemCall.Failure("open netlink socket", "bind({AF_NETLINK, 0})");
            socket.Dispose();
            throw failure;
        }
        // Old kernels lack some of these options; then messages have less text, and that is all.
        Set(socket, SOCK.SOL_NETLINK, NETLINK.NETLINK_EXT_ACK, 1);
        Set(socket, SOCK.SOL_NETLINK, NETLINK.NETLINK_CAP_ACK, 1);
        Set(socket, SOCK.SOL_NETLINK, NETLINK.NETLINK_GET_STRICT_CHK, 1);
        var patience = stackalloc long[] { AnswerSeconds, 0 };
        C.setsockopt(socket, SOCK.SOL_SOCKET, SOCK.SO_RCVTIMEO, patience, 16);
        return new NetlinkSocket(socket, protocol);
    }

    /// <summary>Sends messages and waits for the acknowledgement of each that has NLM_F_ACK.</summary>
    /// <exception cref="CrunException">The kernel refused one of them: the first refusal, with the kernel's text.</exception>
    public void Execute(NetlinkWriter messages)
    {
        var errors = TryExecute(messages);
        if (errors.Count > 0) throw errors[0].ToException();
    }

    /// <summary>Sends messages and waits for the acknowledgement of each that has NLM_F_ACK.</summary>
    /// <returns>What the kernel refused, in its order; empty when all was done.</returns>
    /// <exception cref="CrunException">The messages could not be sent, or answers were lost.</exception>
    public IReadOnlyList<NetlinkError> TryExecute(NetlinkWriter messages)
    {
        if (messages.Count == 0) return [];
        var first = Send(messages);
        var pending = 0;
        for (var i = 0; i < messages.Count; i++) if ((messages.FlagsOf(i) & NLM.NLM_F_ACK) != 0) pending++;
        List<NetlinkError>? errors = null;
        while (pending > 0)
        {
            var rest = Receive(messages);
            while (NextMessage(ref rest, out var header, out var body))
            {
                if (header.nlmsg_type != NLMSG.NLMSG_ERROR || !IsAnswer(header, first, messages.Count)) continue;
                var message = (int)(header.nlmsg_seq - first);
                var acknowledged = (messages.FlagsOf(message) & NLM.NLM_F_ACK) != 0;
                if (acknowledged) pending--;
                if (ErrorIn(header, body, messages, message) is not { } error) continue;
                (errors ??= []).Add(error);
                if (!acknowledged) pending = 0; // a batch that was refused as a whole
            }
        }
        return errors ?? (IReadOnlyList<NetlinkError>)[];
    }

    /// <summary>Asks for one thing.</summary>
    /// <returns>The answer without its netlink header; null when the kernel refused.</returns>
    /// <exception cref="CrunException">The message could not be sent, or the answer was lost.</exception>
    public byte[]? TryGet(NetlinkWriter message, out Errno errno)
    {
        var first = Send(message);
        for (; ; )
        {
            var rest = Receive(message);
            while (NextMessage(ref rest, out var header, out var body))
            {
                if (!IsAnswer(header, first, 1)) continue;
                if (header.nlmsg_type != NLMSG.NLMSG_ERROR)
                {
                    errno = Errno.None;
                    return body.ToArray();
                }
                errno = ErrorIn(header, body, message, 0)?.Errno ?? Errno.None;
                return null;
            }
        }
    }

    /// <summary>
    /// Asks for all things of a kind (the message has NLM_F_DUMP). A dump that was disturbed by a change is made again.
    /// </summary>
    /// <exception cref="CrunException">The kernel refused, or the things never stood still.</exception>
    public List<T> Dump<T>(NetlinkWriter message, NetlinkParser<T> parse) where T : class
    {
        for (var i = 0; i < MostDumpTries; i++)
        {
            var found = new List<T>();
            if (TryDump(message, parse, found)) return found;
        }
        throw new CrunException(ErrorKind.System, $"the list kept changing, also at try {MostDumpTries}", message.OperationOf(0));
    }

    /// <summary>Closes the socket. After deletions in nf_tables the kernel takes its time here (3 to 30 ms).</summary>
    public void Dispose() => _socket.Dispose();

    private bool TryDump<T>(NetlinkWriter message, NetlinkParser<T> parse, List<T> found) where T : class
    {
        var first = Send(message);
        var whole = true;
        for (; ; )
        {
            var rest = Receive(message);
            while (NextMessage(ref rest, out var header, out var body))
            {
                if (!IsAnswer(header, first, 1)) continue;
                if ((header.nlmsg_flags & NLM.NLM_F_DUMP_INTR) != 0) whole = false;
                if (header.nlmsg_type is NLMSG.NLMSG_ERROR or NLMSG.NLMSG_DONE)
                {
                    return ErrorIn(header, body, message, 0) is { } error
                        ? error.Errno == Errno.EINTR ? false : throw error.ToException()
                        : whole;
                }
                if (header.nlmsg_type >= NLM.NLMSG_MIN_TYPE && whole && parse(body) is { } one) found.Add(one);
            }
        }
    }

    private uint Send(NetlinkWriter messages)
    {
        var first = _sequence + 1;
        _sequence += (uint)messages.Count;
        var data = messages.Finish(first);
        var address = new sockaddr_nl { nl_family = SOCK.AF_NETLINK };
        fixed (byte* start = data)
        {
            while (C.sendto(_socket, start, (nuint)data.Length, 0, (byte*)&address, (uint)sizeof(sockaddr_nl)) < 0)
            {
                var errno = SystemCall.LastErrno;
                if (errno == Errno.EINTR) continue;
                throw SystemCall.Failure(errno, messages.OperationOf(0), $"sendto({_protocol}, {messages.Count} messages, {data.Length} bytes)");
            }
        }
        return first;
    }

    private ReadOnlySpan<byte> Receive(NetlinkWriter messages)
    {
        for (; ; )
        {
            sockaddr_nl from;
            var fromLength = (uint)sizeof(sockaddr_nl);
            nint length;
            fixed (byte* start = _buffer)
                length = C.recvfrom(_socket, start, (nuint)_buffer.Length, SOCK.MSG_TRUNC, (byte*)&from, &fromLength);
            if (length < 0)
            {
                var errno = SystemCall.LastErrno;
                if (errno == Errno.EINTR) continue;
                throw SystemCall.Failure(errno, messages.OperationOf(0), $"recvfrom({_protocol})");
            }
            if (from.nl_pid != 0) continue; // another process pretends to be the kernel
            if (length > _buffer.Length) throw CrunException.Integrity($"a netlink answer of {length} bytes is too long", messages.OperationOf(0));
            return _buffer.AsSpan(0, (int)length);
        }
    }

    private static bool NextMessage(ref ReadOnlySpan<byte> rest, out nlmsghdr header, out ReadOnlySpan<byte> body)
    {
        header = default;
        body = default;
        if (rest.Length < NetlinkWriter.HeaderSize) return false;
        header = MemoryMarshal.Read<nlmsghdr>(rest);
        if (header.nlmsg_len < NetlinkWriter.HeaderSize || header.nlmsg_len > rest.Length)
            throw CrunException.Integrity($"a netlink answer of {rest.Length} bytes has a message of {header.nlmsg_len}");
        body = rest[NetlinkWriter.HeaderSize..(int)header.nlmsg_len];
        rest = rest[Math.Min((int)((header.nlmsg_len + 3) & ~3u), rest.Length)..];
        return true;
    }

    private static bool IsAnswer(in nlmsghdr header, uint first, int count) => header.nlmsg_seq - first < count;

    private static NetlinkError? ErrorIn(in nlmsghdr header, ReadOnlySpan<byte> body, NetlinkWriter messages, int message)
    {
        if (body.Length < 4) return null; // NLMSG_DONE of old kernels has no number
        var errno = -MemoryMarshal.Read<int>(body);
        if (errno == 0 || header.nlmsg_type == NLMSG.NLMSG_DONE && errno < 0) return null;
        return new NetlinkError(message, messages.OperationOf(message), messages.TypeOf(message), (Errno)errno, TextIn(header, body));
    }

    private static string TextIn(in nlmsghdr header, ReadOnlySpan<byte> body)
    {
        if ((header.nlmsg_flags & NLM.NLM_F_ACK_TLVS) == 0) return "";
        var skip = 4;
        if (header.nlmsg_type == NLMSG.NLMSG_ERROR)
        {
            if (body.Length < 4 + NetlinkWriter.HeaderSize) return "";
            skip += (header.nlmsg_flags & NLM.NLM_F_CAPPED) != 0
                ? NetlinkWriter.HeaderSize
                : (int)Math.Min((MemoryMarshal.Read<uint>(body[4..]) + 3) & ~3u, (uint)body.Length - 4);
        }
        return new NetlinkAttributes(body[skip..]).TryFind(NLMSG.NLMSGERR_ATTR_MSG, out var text)
            ? Encoding.UTF8.GetString(text.TrimEnd((byte)0))
            : "";
    }

    private static void Set(SafeFileHandle socket, int level, int name, int value) =>
        C.setsockopt(socket, level, name, &value, sizeof(int));
}
