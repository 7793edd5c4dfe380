using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Kernel.Files;

/// <summary>
/// Writes a file from front to back while the next bytes are made, past the page cache as long as the disk keeps up: what is
/// written once and seldom read takes no memory from what is, and no time to find some. What the disk cannot take in time goes
/// through the cache, as does all where the file system has no other way. To go back in it means to wait for what is on its way.
/// </summary>
/// <seealso href="https://man7.org/linux/man-pages/man2/open.2.html">O_DIRECT</seealso>
public sealed class DirectWriter : WriteStream
{
    /// <summary>What an offset at which this begins is a multiple of, in bytes.</summary>
    public const int Alignment = 4096;

    private const int BufferSize = 1024 * 1024;
    private const int Buffers = 4;

    private readonly SafeFileHandle _file;
    private readonly long _start;
    private readonly string? _name;
    private readonly BufferRing _ring;
    private long _back; // how far the position is before the end
    private bool _isDirect;
    private bool _canBeDirect = true;

    /// <summary>Begins.</summary>
    /// <param name="file">The file, open for writing; stays the caller's, who writes nothing to it until this is disposed.</param>
    /// <param name="offset">Where in it, in bytes: a multiple of <see cref="Alignment"/>.</param>
    /// <param name="name">What errors call the file; null for its path.</param>
    public DirectWriter(SafeFileHandle file, long offset, string? name = null)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(offset % Alignment, 0);
        (_file, _start, _name) = (file, offset, name);
        _ring = new BufferRing(BufferSize, Buffers, WriteNext);
    }

    /// <inheritdoc/>
    public override bool CanSeek => true;

    /// <summary>Where the file ends with what was written, in bytes.</summary>
    public override long Length => OffsetOf(_ring.Filled) + _ring.Rest.Length;

    /// <summary>Where the next byte goes: somewhere from the beginning's offset to <see cref="Length"/>.</summary>
    public override long Position
    {
        get => Length - _back;
        set
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, _start);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value, Length);
            _back = Length - value;
        }
    }

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) =>
        Position = offset + (origin == SeekOrigin.Begin ? 0 : origin == SeekOrigin.End ? Length : Position);

    /// <summary>Writes these bytes, now or later.</summary>
    /// <exception cref="CrunException">The errors of pwrite, such as ENOSPC, of these bytes or of earlier ones.</exception>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        if (_back > 0) Replace(ref buffer);
        _ring.Write(buffer);
    }

    /// <summary>Writes what is left, and waits until all is written.</summary>
    /// <exception cref="CrunException">The errors of pwrite.</exception>
    public void Finish()
    {
        var rest = _ring.TakeRest();
        SetDirect(false); // the end is no whole block
        OpenFile.WriteAt(_file, rest, OffsetOf(_ring.Filled), _name);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing) _ring.Dispose();
        base.Dispose(disposing);
    }

    private long OffsetOf(long number) => _start + number * BufferSize;

    // Bytes before the end: what is on its way has to be there first, and what is in the buffer is changed in it.
    private void Replace(ref ReadOnlySpan<byte> content)
    {
        var replaced = content[..(int)Math.Min(content.Length, _back)];
        content = content[replaced.Length..];
        var inFile = (int)Math.Clamp(OffsetOf(_ring.Filled) - Position, 0, replaced.Length);
        if (inFile > 0)
        {
            _ring.WaitForAll();
            SetDirect(false);
            OpenFile.WriteAt(_file, replaced[..inFile], Position, _name);
            _back -= inFile;
        }
        if (inFile == replaced.Length) return;
        replaced = replaced[inFile..];
        replaced.CopyTo(_ring.Rest[(int)(Position - OffsetOf(_ring.Filled))..]);
        _back -= replaced.Length;
    }

    private void WriteNext(ReadOnlySpan<byte> content, long number, bool isLate)
    {
        SetDirect(_canBeDirect && !isLate);
        try
        {
            OpenFile.WriteAt(_file, content, OffsetOf(number), _name);
        }
        catch (CrunException error) when (error.Errno == Errno.EINVAL && _isDirect)
        {
            // The flag was taken, but this file system or device wants larger blocks.
            _canBeDirect = false;
            SetDirect(false);
            OpenFile.WriteAt(_file, content, OffsetOf(number), _name);
        }
    }

    private void SetDirect(bool isDirect)
    {
        if (isDirect == _isDirect) return;
        if (C.fcntl(_file, AT.F_SETFL, isDirect ? (int)OpenFlags.O_DIRECT : 0) == 0) _isDirect = isDirect;
        else if (isDirect) _canBeDirect = false;
        else throw SystemCall.Failure($"write {_name ?? FileAt.PathOf(_file)}", $"fcntl({SystemCall.Fd(_file)}, F_SETFL, 0)");
    }
}
