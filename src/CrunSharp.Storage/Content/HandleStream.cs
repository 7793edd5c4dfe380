using CrunSharp.Kernel.Files;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Storage;

/// <summary>Reads a part of an open file.</summary>
internal sealed class HandleStream(SafeFileHandle file, long offset, long length, bool ownsHandle) : ReadStream
{
    private long _at;

    /// <summary>How many bytes there are.</summary>
    public long Size => length;

    /// <summary>Goes on without reading; how far it could.</summary>
    public long Skip(long count)
    {
        count = Math.Min(count, length - _at);
        _at += count;
        return count;
    }

    public override int Read(Span<byte> buffer)
    {
        if (buffer.Length > length - _at) buffer = buffer[..(int)(length - _at)];
        if (buffer.IsEmpty) return 0;
        var count = OpenFile.ReadAt(file, buffer, offset + _at);
        _at += count;
        return count;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing && ownsHandle) file.Dispose();
        base.Dispose(disposing);
    }
}

/// <summary>Writes to an open file from its beginning on.</summary>
internal sealed class HandleSink(SafeFileHandle file) : WriteStream
{
    public long Count { get; private set; }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        OpenFile.WriteAt(file, buffer, Count);
        Count += buffer.Length;
    }
}

/// <summary>Gives what it reads to a second receiver as well.</summary>
internal sealed class TeeStream(Stream source, Stream copy) : ReadStream
{
    public override int Read(Span<byte> buffer)
    {
        var count = source.Read(buffer);
        copy.Write(buffer[..count]);
        return count;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing) source.Dispose();
        base.Dispose(disposing);
    }
}

/// <summary>Gives what is written to two receivers.</summary>
internal sealed class TeeSink(Stream first, Stream second) : WriteStream
{
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        first.Write(buffer);
        second.Write(buffer);
    }
}
