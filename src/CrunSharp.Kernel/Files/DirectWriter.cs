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

    private readonly SafeFileHandle _file;
    private byte* _buffers = (byte*)NativeMemory.AlignedAlloc(2 * BufferSize, Alignment);
    private bool _isSecond; // the buffer that is filled, while the other is written
    private int _count; // of the bytes in it
    private long _offset; // in the file, of its bytes
    private Task _writing = Task.CompletedTask;
    private bool _isDirect;

    /// <summary>Begins.</summary>
    /// <param name="file">The file, open for writing; stays the caller's, who writes nothing to it until this is disposed.</param>
    /// <param name="offset">Where in it, in bytes: a multiple of <see cref="Alignment"/>.</param>
    public DirectWriter(SafeFileHandle file, long offset)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(offset % Alignment, 0);
        (_file, _offset) = (file, offset);
        // A file system that has no such thing refuses it: the cache does as well.
        _isDirect = C.fcntl(file, AT.F_SETFL, (int)OpenFlags.O_DIRECT) == 0;
    }

    /// <summary>Writes these bytes, now or later.</summary>
    /// <exception cref="CrunException">The errors of pwrite, such as ENOSPC, of these bytes or of earlier ones.</exception>
    public void Write(ReadOnlySpan<byte> content)
    {
        while (content.Length > 0)
        {
            var count = Math.Min(content.Length, BufferSize - _count);
            content[..count].CopyTo(Buffer(_isSecond)[_count..]);
            _count += count;
            content = content[count..];
            if (_count == BufferSize) Send();
        }
    }

    /// <summary>Writes what is left, and waits until all is written.</summary>
    /// <exception cref="CrunException">The errors of pwrite.</exception>
    public void Finish()
    {
        _writing.GetAwaiter().GetResult();
        Leave(); // the end is no whole block
        OpenFile.WriteAt(_file, Buffer(_isSecond)[.._count], _offset);
        _offset += _count;
        _count = 0;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Task.WaitAny(_writing); // which throws nothing
        NativeMemory.AlignedFree(_buffers);
        _buffers = null;
    }

    private Span<byte> Buffer(bool isSecond) => new(_buffers + (isSecond ? BufferSize : 0), BufferSize);

    private void Send()
    {
        _writing.GetAwaiter().GetResult();
        var (isSecond, offset) = (_isSecond, _offset);
        _writing = Task.Run(() => Write(Buffer(isSecond), offset));
        _isSecond = !isSecond;
        _offset += BufferSize;
        _count = 0;
    }

    private void Write(ReadOnlySpan<byte> content, long offset)
    {
        try
        {
            OpenFile.WriteAt(_file, content, offset);
        }
        catch (CrunException error) when (error.Errno == Errno.EINVAL && _isDirect)
        {
            // The flag was taken, but this file system or device wants larger blocks.
            Leave();
            OpenFile.WriteAt(_file, content, offset);
        }
    }

    private void Leave()
    {
        if (_isDirect && C.fcntl(_file, AT.F_SETFL, 0) != 0)
            throw SystemCall.Failure($"write {FileAt.PathOf(_file)} through the cache", $"fcntl({SystemCall.Fd(_file)}, F_SETFL, 0)");
        _isDirect = false;
    }
}
