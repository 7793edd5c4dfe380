using System.Buffers.Binary;
using System.Net;
using CrunSharp.Kernel;
using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Processes;
using CrunSharp.Kernel.Sockets;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Network.Names;

/// <summary>
/// A question that other name servers are asked, one after the other: from a port and with a number that the kernel
/// chose at random, so that nobody else can answer it. Over TCP when it came over TCP.
/// </summary>
internal sealed class ForwardedQuestion : IDisposable
{
    private const int Patience = 2000; // milliseconds for each server
    private const int MostOverUdp = 64 * 1024;

    private readonly byte[] _message;
    private readonly int _questionEnd;
    private readonly ushort _clientId;
    private readonly bool _overTcp;
    private readonly IReadOnlyList<IPEndPoint> _servers;
    private readonly Action<byte[]?> _answer;
    private SafeFileHandle? _socket;
    private int _server = -1;
    private int _sent;
    private byte[] _received = [];
    private int _receivedLength;
    private int _place = -1;

    /// <param name="query">The question as the container asked it.</param>
    /// <param name="question">The same, read.</param>
    /// <param name="overTcp">Whether servers are asked over TCP.</param>
    /// <param name="servers">The servers.</param>
    /// <param name="answer">Gets the answer; null when no server gave one.</param>
    public ForwardedQuestion(ReadOnlySpan<byte> query, Question question, bool overTcp, IReadOnlyList<IPEndPoint> servers, Action<byte[]?> answer)
    {
        // Over TCP the length comes first.
        _message = new byte[query.Length + 2];
        BinaryPrimitives.WriteUInt16BigEndian(_message, (ushort)query.Length);
        query.CopyTo(_message.AsSpan(2));
        KernelRandom.Fill(_message.AsSpan(2, 2));
        (_questionEnd, _clientId, _overTcp, _servers, _answer) = (question.End, question.Id, overTcp, servers, answer);
        AskNext();
    }

    /// <summary>Whether it was answered, or will not be.</summary>
    public bool IsDone { get; private set; }

    /// <summary>When the next server's turn is; in milliseconds of the system's clock.</summary>
    public long Deadline { get; private set; }

    /// <summary>Says what it waits for.</summary>
    public void AddTo(Poll poll) => _place = poll.Add(_socket!, _overTcp && _sent < _message.Length ? PollEvents.POLLOUT : PollEvents.POLLIN);

    /// <summary>Goes on after waiting.</summary>
    public void Advance(Poll poll)
    {
        if (IsDone) return;
        if (_place >= 0 && poll.EventsOf(_place) != PollEvents.None)
        {
            if (!(_overTcp ? MoveOverTcp() : Receive())) AskNext();
        }
        else if (Environment.TickCount64 >= Deadline)
        {
            AskNext();
        }
        _place = -1;
    }

    public void Dispose() => _socket?.Dispose();

    private void AskNext()
    {
        while (++_server < _servers.Count)
        {
            _socket?.Dispose();
            (_sent, _received, _receivedLength) = (0, [], 0);
            Deadline = Environment.TickCount64 + Patience;
            _socket = InetSocket.TryOpen(_servers[_server].AddressFamily, _overTcp ? Transport.Tcp : Transport.Udp, out _);
            if (_socket is null || InetSocket.Connect(_socket, _servers[_server]) != Errno.None) continue;
            if (_overTcp || InetSocket.Send(_socket, _message.AsSpan(2), out _) > 0) return;
        }
        End(null);
    }

    // False when this server will not answer.
    private bool Receive()
    {
        if (_received.Length == 0) _received = new byte[MostOverUdp];
        var count = InetSocket.Receive(_socket!, _received, out var errno);
        if (count < 0) return errno is Errno.EAGAIN or Errno.EINTR;
        return !IsAnswer(_received.AsSpan(0, count)) || Take(_received.AsSpan(0, count));
    }

    private bool MoveOverTcp()
    {
        if (_sent < _message.Length)
        {
            if (_sent == 0 && InetSocket.ErrorOf(_socket!) != Errno.None) return false;
            var sent = InetSocket.Send(_socket!, _message.AsSpan(_sent), out var refused);
            if (sent < 0) return refused is Errno.EAGAIN or Errno.EINTR;
            _sent += sent;
            return true;
        }
        if (_received.Length == 0) _received = new byte[2 + ushort.MaxValue];
        var count = InetSocket.Receive(_socket!, _received.AsSpan(_receivedLength), out var errno);
        if (count < 0) return errno is Errno.EAGAIN or Errno.EINTR;
        if (count == 0) return false;
        _receivedLength += count;
        if (_receivedLength < 2 || BinaryPrimitives.ReadUInt16BigEndian(_received) is var length && _receivedLength < length + 2) return true;
        var answer = _received.AsSpan(2, length);
        return IsAnswer(answer) && Take(answer);
    }

    // To this question, and no other.
    private bool IsAnswer(ReadOnlySpan<byte> message)
    {
        if (message.Length < Question.HeaderSize || !message[..2].SequenceEqual(_message.AsSpan(2, 2)) || (message[2] & 0x80) == 0) return false;
        if (BinaryPrimitives.ReadUInt16BigEndian(message[4..]) == 0) return true; // a refusal
        if (message.Length < _questionEnd) return false;
        for (var i = Question.HeaderSize; i < _questionEnd; i++)
            if (Lower(message[i]) != Lower(_message[i + 2])) return false;
        return true;
    }

    private static byte Lower(byte value) => value is >= (byte)'A' and <= (byte)'Z' ? (byte)(value | 0x20) : value;

    // A server that fails or refuses leaves it to the next one, if there is one.
    private bool Take(ReadOnlySpan<byte> message)
    {
        const int serverFailure = 2, refused = 5;
        if ((message[3] & 0xf) is serverFailure or refused && _server + 1 < _servers.Count) return false;
        var answer = message.ToArray();
        BinaryPrimitives.WriteUInt16BigEndian(answer, _clientId);
        End(answer);
        return true;
    }

    private void End(byte[]? answer)
    {
        IsDone = true;
        _answer(answer);
    }
}
