using CrunSharp.Kernel.Files;
namespace CrunSharp.Storage;

/// <summary>Counts what is read.</summary>
internal sealed class CountingStream(Stream source) : ReadStream
{
    public long Count { get; private set; }

    public override int Read(Span<byte> buffer)
    {
        var count = source.Read(buffer);
        Count += count;
        return count;
    }

    public void ReadToEnd()
    {
        var buffer = new byte[64 * 1024];
        while (Read(buffer) > 0)
        {
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing) source.Dispose();
        base.Dispose(disposing);
    }
}

/// <summary>Stops a stream that decompresses to more than the limits allow.</summary>
internal sealed class LimitingStream(Stream source, CountingStream compressed, LayerLimits limits) : ReadStream
{
    private long _count;

    public override int Read(Span<byte> buffer)
    {
        var count = source.Read(buffer);
        _count += count;
        limits.CheckStream(_count, compressed.Count);
        return count;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing) source.Dispose();
        base.Dispose(disposing);
    }
}
