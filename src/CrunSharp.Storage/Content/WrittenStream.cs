using System.Runtime.ExceptionServices;
using CrunSharp.Kernel.Files;

namespace CrunSharp.Storage;

/// <summary>Reads what something writes: on a thread of its own, a few pieces ahead of the reader.</summary>
/// <param name="write">Writes; its failure is the reader's.</param>
public sealed class WrittenStream(Action<Stream> write) : ReadStream
{
    private const int MostWaiting = 8;
    private readonly Queue<byte[]> _ready = new();
    private Thread? _thread;
    private ExceptionDispatchInfo? _failure;
    private bool _ended;
    private bool _stopped;
    private ReadOnlyMemory<byte> _current;

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer)
    {
        if (buffer.IsEmpty || (_current.IsEmpty && !Next())) return 0;
        var count = Math.Min(buffer.Length, _current.Length);
        _current.Span[..count].CopyTo(buffer);
        _current = _current[count..];
        return count;
    }

    /// <inheritdoc/>
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
        }
        base.Dispose(disposing);
    }

    private bool Next()
    {
        if (_thread is null)
        {
            _thread = new Thread(Run) { IsBackground = true, Name = "written stream" };
            _thread.Start();
        }
        lock (_ready)
        {
            while (_ready.Count == 0 && !_ended) Monitor.Wait(_ready);
            if (_ready.TryDequeue(out var piece))
            {
                _current = piece;
                Monitor.PulseAll(_ready);
                return true;
            }
        }
        _failure?.Throw();
        return false;
    }

    private void Run()
    {
        try
        {
            using var buffered = new BufferedStream(new Sink(this), 256 * 1024);
            write(buffered);
        }
        catch (OperationCanceledException) when (_stopped)
        {
            // Nobody reads any more.
        }
        catch (Exception error)
        {
            _failure = ExceptionDispatchInfo.Capture(error);
        }
        lock (_ready)
        {
            _ended = true;
            Monitor.PulseAll(_ready);
        }
    }

    private sealed class Sink(WrittenStream owner) : WriteStream
    {
        public override void Write(ReadOnlySpan<byte> buffer)
        {
            var piece = buffer.ToArray();
            lock (owner._ready)
            {
                while (owner._ready.Count >= MostWaiting && !owner._stopped) Monitor.Wait(owner._ready);
                if (owner._stopped) throw new OperationCanceledException();
                if (piece.Length > 0) owner._ready.Enqueue(piece);
                Monitor.PulseAll(owner._ready);
            }
        }
    }
}
