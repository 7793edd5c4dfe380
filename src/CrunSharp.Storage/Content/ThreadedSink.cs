using CrunSharp.Kernel.Files;

namespace CrunSharp.Storage;

/// <summary>Passes on what is written: the first of it at once, and when there is much, the rest on a thread of its own.</summary>
/// <param name="output">Who gets it, from one thread after the other.</param>
internal sealed class ThreadedSink(Stream output) : WriteStream
{
    private const int BufferSize = 256 * 1024;
    private const int Buffers = 8;
    private const long Few = 16 * 1024 * 1024;
    private BufferRing? _ring;
    private long _length;

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        if (_length < Few)
        {
            output.Write(buffer);
            _length += buffer.Length;
            return;
        }
        _ring ??= new BufferRing(BufferSize, Buffers, (content, _, _) => output.Write(content));
        _ring.Write(buffer);
    }

    /// <summary>Waits until all was passed on.</summary>
    public void Finish()
    {
        if (_ring is not null) output.Write(_ring.TakeRest());
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing) _ring?.Dispose();
        base.Dispose(disposing);
    }
}
