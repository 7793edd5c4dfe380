using System.Runtime.InteropServices;
using CrunSharp.Oci;

namespace CrunSharp.Kernel.Files;

/// <summary>Buffers that one thread fills and another, started with the first full one, empties in the same order.</summary>
public sealed unsafe class BufferRing : IDisposable
{
    private readonly object _change = new();
    private readonly int _size;
    private readonly int _count;
    private readonly Empty _empty;
    private Thread? _thread; // its own, as the pool's may have much to do before they come to this
    private byte* _memory;
    private int _used; // of the bytes in the buffer that is filled
    private long _emptied;
    private bool _isEnded;
    private Exception? _failure;

    /// <summary>Begins.</summary>
    /// <param name="size">How many bytes a buffer has.</param>
    /// <param name="count">How many buffers there are.</param>
    /// <param name="empty">Empties a buffer, on the other thread.</param>
    public BufferRing(int size, int count, Empty empty)
    {
        (_size, _count, _empty) = (size, count, empty);
        _memory = (byte*)NativeMemory.AlignedAlloc((nuint)size * (nuint)count, 4096);
    }

    /// <summary>Empties a buffer.</summary>
    /// <param name="content">What is in it.</param>
    /// <param name="number">How many there were before it.</param>
    /// <param name="isLate">Whether all others are full, and who fills them waits for this one.</param>
    public delegate void Empty(ReadOnlySpan<byte> content, long number, bool isLate);

    /// <summary>How many buffers were filled.</summary>
    public long Filled { get; private set; }

    /// <summary>What is in the buffer that is not full yet; it may be changed.</summary>
    public Span<byte> Rest => Buffer(Filled)[.._used];

    /// <summary>Fills buffers, and waits where all are full.</summary>
    /// <exception cref="CrunException">One could not be emptied.</exception>
    public void Write(ReadOnlySpan<byte> content)
    {
        while (content.Length > 0)
        {
            var count = Math.Min(content.Length, _size - _used);
            content[..count].CopyTo(Buffer(Filled)[_used..]);
            _used += count;
            content = content[count..];
            if (_used == _size) Send();
        }
    }

    /// <summary>Waits until all that are full are emptied, and begins the one that is not anew.</summary>
    /// <returns>What was in it, until the next <see cref="Write"/>.</returns>
    /// <exception cref="CrunException">One could not be emptied.</exception>
    public ReadOnlySpan<byte> TakeRest()
    {
        WaitForAll();
        var rest = Rest;
        _used = 0;
        return rest;
    }

    /// <summary>Waits until all that are full are emptied.</summary>
    /// <exception cref="CrunException">One could not be emptied.</exception>
    public void WaitForAll()
    {
        lock (_change)
        {
            while (_emptied < Filled && _failure is null) Monitor.Wait(_change);
        }
        ThrowFailure();
    }

    /// <summary>Waits until all that are full are emptied, and ends the other thread.</summary>
    public void Dispose()
    {
        lock (_change)
        {
            _isEnded = true;
            Monitor.PulseAll(_change);
        }
        _thread?.Join();
        NativeMemory.AlignedFree(_memory);
        _memory = null;
    }

    private void Send()
    {
        if (_thread is null)
        {
            _thread = new Thread(EmptyAll) { IsBackground = true };
            _thread.Start();
        }
        lock (_change)
        {
            Filled++;
            _used = 0;
            Monitor.PulseAll(_change);
            while (Filled - _emptied == _count && _failure is null) Monitor.Wait(_change);
        }
        ThrowFailure();
    }

    private Span<byte> Buffer(long number) => new(_memory + number % _count * _size, _size);

    private void ThrowFailure()
    {
        if (_failure is { } failure) throw CrunException.Of(failure);
    }

    private void EmptyAll()
    {
        try
        {
            while (IsNext(out var isLate))
            {
                _empty(Buffer(_emptied), _emptied, isLate);
                lock (_change)
                {
                    _emptied++;
                    Monitor.PulseAll(_change);
                }
            }
        }
        catch (Exception error) // what the thread may not die of is told to who fills
        {
            lock (_change)
            {
                _failure = error;
                Monitor.PulseAll(_change);
            }
        }
    }

    private bool IsNext(out bool isLate)
    {
        lock (_change)
        {
            while (_emptied == Filled && !_isEnded) Monitor.Wait(_change);
            isLate = Filled - _emptied == _count;
            return _emptied < Filled;
        }
    }
}
