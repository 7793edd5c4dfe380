using System.Runtime.InteropServices;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Kernel.Files;

/// <summary>
/// Writes a file from front to back past the page cache, where its file system can do that, while the next bytes are made: what
/// is written once and seldom read takes no memory from what is, and no time to find some.
/// </summary>
/// <seealso href="https://man7.org/linux/man-pages/man2/open.2.html">O_DIRECT</seealso>
public sealed unsafe class DirectWriter : IDisposable
{
    /// <summary>What an offset at which this begins is a multiple of, in bytes.</summary>
    public const int Alignment = 4096;

    private const int BufferSize = 1024 * 1024;
    private const int Buffers = 4;

    private readonly object _change = new();
    private readonly SafeFileHandle _file;
    private readonly long _start;
    private readonly Thread _writer; // its own, as the pool's may have much to do before they come to this
    private byte* _memory;
    private int _count; // of the bytes in the buffer that is filled
    private long _filled; // how many buffers were
    private long _written; // how many of them are in the file
    private bool _isEnded;
    private bool _isDirect;
    private Exception? _failure;

    /// <summary>Begins.</summary>
    /// <param name="file">The file, open for writing; stays the caller's, who writes nothing to it until this is disposed.</param>
    /// <param name="offset">Where in it, in bytes: a multiple of <see cref="Alignment"/>.</param>
    public DirectWriter(SafeFileHandle file, long offset)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(offset % Alignment, 0);
        (_file, _start) = (file, offset);
        _memory = (byte*)NativeMemory.AlignedAlloc(Buffers * BufferSize, Alignment);
        // A file system that has no such thing refuses it: the cache does as well.
        _isDirect = C.fcntl(file, AT.F_SETFL, (int)OpenFlags.O_DIRECT) == 0;
        _writer = new Thread(WriteAll) { IsBackground = true };
        _writer.Start();
    }

    /// <summary>Writes these bytes, now or later.</summary>
    /// <exception cref="CrunException">The errors of pwrite, such as ENOSPC, of these bytes or of earlier ones.</exception>
    public void Write(ReadOnlySpan<byte> content)
    {
        while (content.Length > 0)
        {
            var count = Math.Min(content.Length, BufferSize - _count);
            content[..count].CopyTo(Buffer(_filled)[_count..]);
            _count += count;
            content = content[count..];
            if (_count == BufferSize) Send();
        }
    }

    /// <summary>Writes what is left, and waits until all is written.</summary>
    /// <exception cref="CrunException">The errors of pwrite.</exception>
    public void Finish()
    {
        End();
        ThrowFailure();
        Leave(); // the end is no whole block
        OpenFile.WriteAt(_file, Buffer(_filled)[.._count], OffsetOf(_filled));
        _count = 0;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        End();
        NativeMemory.AlignedFree(_memory);
        _memory = null;
    }

    private Span<byte> Buffer(long number) => new(_memory + number % Buffers * BufferSize, BufferSize);

    private long OffsetOf(long number) => _start + number * BufferSize;

    private void Send()
    {
        lock (_change)
        {
            _filled++;
            _count = 0;
            Monitor.PulseAll(_change);
            while (_filled - _written == Buffers && _failure is null) Monitor.Wait(_change);
        }
        ThrowFailure();
    }

    private void End()
    {
        lock (_change)
        {
            _isEnded = true;
            Monitor.PulseAll(_change);
        }
        _writer.Join();
    }

    private void ThrowFailure()
    {
        if (_failure is { } failure) throw CrunException.Of(failure, $"write {FileAt.PathOf(_file)}");
    }

    private void WriteAll()
    {
        try
        {
            while (IsNext())
            {
                WriteNext();
                lock (_change)
                {
                    _written++;
                    Monitor.PulseAll(_change);
                }
            }
        }
        catch (Exception error) // what the thread may not die of is told to who writes
        {
            lock (_change)
            {
                _failure = error;
                Monitor.PulseAll(_change);
            }
        }
    }

    private bool IsNext()
    {
        lock (_change)
        {
            while (_written == _filled && !_isEnded) Monitor.Wait(_change);
            return _written < _filled;
        }
    }

    private void WriteNext()
    {
        try
        {
            OpenFile.WriteAt(_file, Buffer(_written), OffsetOf(_written));
        }
        catch (CrunException error) when (error.Errno == Errno.EINVAL && _isDirect)
        {
            // The flag was taken, but this file system or device wants larger blocks.
            Leave();
            OpenFile.WriteAt(_file, Buffer(_written), OffsetOf(_written));
        }
    }

    private void Leave()
    {
        if (_isDirect && C.fcntl(_file, AT.F_SETFL, 0) != 0)
            throw SystemCall.Failure($"write {FileAt.PathOf(_file)} through the cache", $"fcntl({SystemCall.Fd(_file)}, F_SETFL, 0)");
        _isDirect = false;
    }
}
