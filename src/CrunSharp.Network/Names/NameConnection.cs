using System.Buffers.Binary;
using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Processes;
using CrunSharp.Kernel.Sockets;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Network.Names;

/// <summary>A connection of a container that asks over TCP: one question after the other, each with its length before it.</summary>
/// <param name="socket">The accepted socket.</param>
/// <param name="ask">Gets a question; <see cref="Reply"/> is called with its answer.</param>
internal sealed class NameConnection(SafeFileHandle socket, Action<NameConnection, ReadOnlyMemory<byte>> ask) : IDisposable
{
    /// <summary>The longest question that is read.</summary>
    public const int MostBytes = 4096;

    private const int Patience = 5000; // milliseconds

    private readonly byte[] _input = new byte[2 + MostBytes];
    private int _inputLength;
    private byte[] _output = [];
    private int _outputStart;
    private int _place = -1;
    private bool _isAsking;
    private bool _isTaking;

    /// <summary>Whether it has ended.</summary>
    public bool IsGone { get; private set; }

    /// <summary>Until when something must happen on it; in milliseconds of the system's clock.</summary>
    public long Deadline { get; private set; } = Environment.TickCount64 + Patience;

    /// <summary>Says what it waits for.</summary>
    public void AddTo(Poll poll) =>
        _place = _isAsking ? -1 : poll.Add(socket, _outputStart < _output.Length ? PollEvents.POLLOUT : PollEvents.POLLIN);

    /// <summary>Goes on after waiting.</summary>
    public void Advance(Poll poll)
    {
        if (_place >= 0 && poll.EventsOf(_place) != PollEvents.None)
        {
            Deadline = Environment.TickCount64 + Patience;
            if (_outputStart < _output.Length) Write();
            else Read();
            TakeQuestions();
        }
        else if (!_isAsking && Environment.TickCount64 >= Deadline)
        {
            IsGone = true;
        }
        _place = -1;
    }

    /// <summary>Writes an answer; null ends the connection.</summary>
    public void Reply(byte[]? message)
    {
        _isAsking = false;
        if (message is null || message.Length > ushort.MaxValue)
        {
            IsGone = true;
            return;
        }
        _output = new byte[message.Length + 2];
        BinaryPrimitives.WriteUInt16BigEndian(_output, (ushort)message.Length);
        message.CopyTo(_output, 2);
        _outputStart = 0;
        Deadline = Environment.TickCount64 + Patience;
        Write();
        TakeQuestions();
    }

    public void Dispose() => socket.Dispose();

    private void Read()
    {
        var count = InetSocket.Receive(socket, _input.AsSpan(_inputLength), out var errno);
        if (count > 0) _inputLength += count;
        else IsGone = count == 0 || errno is not (Errno.EAGAIN or Errno.EINTR);
    }

    // Several may have come at once; they are answered one after the other.
    private void TakeQuestions()
    {
        if (_isTaking) return; // an answer that was there at once
        _isTaking = true;
        while (!IsGone && !_isAsking && _outputStart == _output.Length && _inputLength >= 2)
        {
            var length = BinaryPrimitives.ReadUInt16BigEndian(_input);
            if (length > MostBytes) IsGone = true;
            if (IsGone || _inputLength < length + 2) break;
            var message = _input.AsMemory(2, length).ToArray();
            _input.AsSpan(length + 2, _inputLength - length - 2).CopyTo(_input);
            _inputLength -= length + 2;
            _isAsking = true;
            ask(this, message);
        }
        _isTaking = false;
    }

    private void Write()
    {
        var count = InetSocket.Send(socket, _output.AsSpan(_outputStart), out var errno);
        if (count >= 0) _outputStart += count;
        else IsGone = errno is not (Errno.EAGAIN or Errno.EINTR);
    }
}
