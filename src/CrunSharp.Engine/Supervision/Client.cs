using CrunSharp.Kernel.Files;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Engine.Supervision;

/// <summary>A client of a supervisor: one that watches the program and may write to it.</summary>
/// <param name="socket">Its socket, non-blocking.</param>
/// <param name="holdsBack">
/// Whether the program waits when this client does not keep up, as it would for a pipe; otherwise such a client is
/// dropped.
/// </param>
internal sealed class Client(SafeFileHandle socket, bool holdsBack) : IDisposable
{
    private const int MostQueued = 1024 * 1024;

    private readonly byte[] _input = GC.AllocateUninitializedArray<byte>(Frame.HeaderSize + Frame.MostBytes);
    private byte[] _output = [];
    private int _inputLength;
    private int _outputStart;
    private int _outputLength;
    private bool _watches;

    /// <summary>Its socket.</summary>
    public SafeFileHandle Socket => socket;

    /// <summary>Whether it is gone.</summary>
    public bool IsGone { get; private set; }

    /// <summary>Whether there is something to write to it.</summary>
    public bool HasOutput => _outputLength > 0;

    /// <summary>Whether it gets what the program writes: who starts it at once, others when they say so.</summary>
    public bool Watches => holdsBack || _watches;

    /// <summary>Whether the program must wait for it.</summary>
    public bool IsFull => holdsBack && _outputLength > MostQueued;

    /// <summary>Sends a frame, now or when it can be.</summary>
    public void Send(FrameType type, ReadOnlySpan<byte> data)
    {
        if (IsGone || (!Watches && type is FrameType.Output or FrameType.Error)) return;
        if (!holdsBack && _outputLength > MostQueued)
        {
            IsGone = true;
            return;
        }
        Span<byte> header = stackalloc byte[Frame.HeaderSize];
        Frame.WriteHeader(header, type, data.Length);
        Queue(header);
        Queue(data);
        Flush();
    }

    /// <summary>Writes what is queued, as much as can be.</summary>
    public void Flush()
    {
        while (_outputLength > 0)
        {
            var count = FileDescriptor.Write(socket, _output.AsSpan(_outputStart, _outputLength), out var errno);
            if (count < 0)
            {
                IsGone = errno != Errno.EAGAIN;
                return;
            }
            _outputStart += count;
            _outputLength -= count;
        }
        _outputStart = 0;
    }

    /// <summary>Reads frames and hands each to <paramref name="take"/>.</summary>
    public void Receive(Action<FrameType, ReadOnlyMemory<byte>> take)
    {
        var count = FileDescriptor.Read(socket, _input.AsSpan(_inputLength), out var errno);
        if (count <= 0)
        {
            IsGone = count == 0 || errno != Errno.EAGAIN;
            return;
        }
        _inputLength += count;
        var at = 0;
        while (_inputLength - at >= Frame.HeaderSize)
        {
            if (!Frame.TryReadHeader(_input.AsSpan(at), out var type, out var length))
            {
                IsGone = true;
                return;
            }
            if (_inputLength - at < Frame.HeaderSize + length) break;
            if (type == FrameType.Watch) _watches = true;
            else take(type, _input.AsMemory(at + Frame.HeaderSize, length));
            at += Frame.HeaderSize + length;
        }
        _input.AsSpan(at, _inputLength - at).CopyTo(_input);
        _inputLength -= at;
    }

    /// <inheritdoc/>
    public void Dispose() => socket.Dispose();

    private void Queue(ReadOnlySpan<byte> data)
    {
        if (_outputStart + _outputLength + data.Length > _output.Length)
        {
            var larger = _outputLength + data.Length > _output.Length
                ? new byte[Math.Max(_output.Length * 2, _outputLength + data.Length)]
                : _output;
            _output.AsSpan(_outputStart, _outputLength).CopyTo(larger);
            (_output, _outputStart) = (larger, 0);
        }
        data.CopyTo(_output.AsSpan(_outputStart + _outputLength));
        _outputLength += data.Length;
    }
}
