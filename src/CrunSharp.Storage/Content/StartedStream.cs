using CrunSharp.Kernel.Files;
namespace CrunSharp.Storage;

/// <summary>Bytes that were read already, and then the rest of their stream, which is disposed with this.</summary>
/// <param name="start">What was read.</param>
/// <param name="rest">The stream.</param>
public sealed class StartedStream(ReadOnlyMemory<byte> start, Stream rest) : ReadStream
{
    private ReadOnlyMemory<byte> _start = start;

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer)
    {
        if (_start.IsEmpty) return rest.Read(buffer);
        var count = Math.Min(buffer.Length, _start.Length);
        _start.Span[..count].CopyTo(buffer);
        _start = _start[count..];
        return count;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing) rest.Dispose();
        base.Dispose(disposing);
    }
}
