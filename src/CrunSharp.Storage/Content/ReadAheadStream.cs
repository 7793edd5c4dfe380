using System.Runtime.ExceptionServices;
using CrunSharp.Kernel.Files;

namespace CrunSharp.Storage;

/// <summary>
/// Reads another stream ahead on a thread of its own, so that decompressing and hashing go on while files are written.
/// A stream that fits into one buffer costs no thread.
/// </summary>
internal sealed class ReadAheadStream(Stream source) : ReadStream
{
    private const int BufferSize = 256 * 1024;
    private const int MostWaiting = 8;
    private readonly Queue<(byte[] Bytes, int Length)> _ready = new();
    private readonly Stack<byte[]> _free = new();
    private Thread? _thread;
    private ExceptionDispatchInfo? _failure;
    private bool _ended;
    private bool _stopped;
    private byte[] _current = [];
    private int _at;
    private int _length;

    public override int Read(Span<byte> buffer)
    {
        if (buffer.IsEmpty || (_at == _length && !NextBuffer())) return 0;
        var count = Math.Min(buffer.Length, _length - _at);
        _current.AsSpan(_at, count).CopyTo(buffer);
        _at += count;
        return count;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            lock (_ready)
            {
                _stopped = true;
                Monitor.PulseAll(_ready);
            }
            _thread?.Join();
            source.Dispose();
        }
        base.Dispose(disposing);
    }

    private bool NextBuffer()
    {
        if (_thread is null)
        {
            if (_ended) return false;
            if (_current.Length == 0) return ReadFirst();
            _thread = new Thread(ReadAhead) { IsBackground = true, Name = "read ahead" };
            _thread.Start();
        }
        lock (_ready)
        {
            if (_length > 0) _free.Push(_current);
            (_at, _length) = (0, 0);
            while (_ready.Count == 0 && !_ended && _failure is null) Monitor.Wait(_ready);
            if (_ready.TryDequeue(out var next))
            {
                (_current, _length) = next;
                Monitor.PulseAll(_ready);
                return true;
            }
        }
        _failure?.Throw();
        return false;
    }

    private bool ReadFirst()
    {
        _current = new byte[BufferSize];
        _length = source.ReadAtLeast(_current, BufferSize, throwOnEndOfStream: false);
        _ended = _length < BufferSize;
        return _length > 0;
    }

    private void ReadAhead()
    {
        try
        {
            while (true)
            {
                byte[]? buffer;
                lock (_ready)
                {
                    while (_ready.Count >= MostWaiting && !_stopped) Monitor.Wait(_ready);
                    if (_stopped) return;
                    if (!_free.TryPop(out buffer)) buffer = new byte[BufferSize];
                }
                var length = source.ReadAtLeast(buffer, BufferSize, throwOnEndOfStream: false);
                lock (_ready)
                {
                    if (length > 0) _ready.Enqueue((buffer, length));
                    _ended = length < BufferSize;
                    Monitor.PulseAll(_ready);
                    if (_ended) return;
                }
            }
        }
        catch (Exception error)
        {
            lock (_ready)
            {
                _failure = ExceptionDispatchInfo.Capture(error);
                Monitor.PulseAll(_ready);
            }
        }
    }
}
