using System.IO.Compression;
using CrunSharp.Kernel.Compression;
using CrunSharp.Kernel.Files;

namespace CrunSharp.Storage;

/// <summary>
/// Compresses so that the same content always gives the same bytes, however many processors work on it: each MiB is a
/// member of its own with gzip, and each 4 MiB a frame with zstd. Any decoder reads them as one.
/// </summary>
public sealed class DeterministicCompressStream : WriteStream
{
    private const int GzipMember = 1024 * 1024;
    private const int ZstdFrames = 4 * 1024 * 1024;
    private readonly LayerCompression _how;
    private readonly int _memberSize;
    private readonly ZLibCompressionOptions _options;
    private readonly Stream _output;
    private readonly int _workers;
    private readonly Queue<Task<MemoryStream>> _members = new();
    private readonly Stack<byte[]> _free = new();
    private byte[] _buffer;
    private int _used;
    private bool _any;

    /// <summary>Starts to compress.</summary>
    /// <param name="output">Where to; it stays the caller's.</param>
    /// <param name="how">The form.</param>
    /// <param name="workers">How many members are compressed at once; 0 for one on each processor.</param>
    public DeterministicCompressStream(Stream output, LayerCompression how, int workers = 0)
    {
        (_output, _how, _workers) = (output, how, workers > 0 ? workers : Environment.ProcessorCount);
        _memberSize = how.Kind == CompressionKind.Zstd ? ZstdFrames : GzipMember;
        _options = new ZLibCompressionOptions { CompressionLevel = how.Kind == CompressionKind.Zstd ? 0 : how.ActualLevel };
        _buffer = new byte[_memberSize];
    }

    /// <inheritdoc/>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        while (buffer.Length > 0)
        {
            var count = Math.Min(buffer.Length, _memberSize - _used);
            buffer[..count].CopyTo(_buffer.AsSpan(_used));
            _used += count;
            buffer = buffer[count..];
            if (_used == _memberSize) EndMember();
        }
    }

    /// <summary>Compresses and writes what is left. Without it, the output is cut off.</summary>
    public void Finish()
    {
        if (_used > 0 || !_any) EndMember();
        while (_members.Count > 0) WriteFirst();
    }

    private void EndMember()
    {
        _any = true;
        var (content, length) = (_buffer, _used);
        _members.Enqueue(_workers == 1 ? Task.FromResult(Compress(content, length)) : Task.Run(() => Compress(content, length)));
        _used = 0;
        if (_members.Count > _workers) WriteFirst();
        lock (_free)
        {
            if (!_free.TryPop(out var free)) free = new byte[_memberSize];
            _buffer = free;
        }
    }

    private void WriteFirst()
    {
        var member = _members.Dequeue().GetAwaiter().GetResult();
        _output.Write(member.GetBuffer(), 0, (int)member.Length);
    }

    private MemoryStream Compress(byte[] content, int length)
    {
        var member = _how.Kind == CompressionKind.Zstd ? Zstd(content.AsSpan(0, length)) : Gzip(content.AsSpan(0, length));
        lock (_free) _free.Push(content);
        return member;
    }

    private MemoryStream Gzip(ReadOnlySpan<byte> content)
    {
        var member = new MemoryStream(content.Length / 2 + 64);
        using (var gzip = new GZipStream(member, _options, leaveOpen: true)) gzip.Write(content);
        return member;
    }

    private MemoryStream Zstd(ReadOnlySpan<byte> content)
    {
        var frame = new MemoryStream();
        frame.SetLength(ZstdFrame.Bound(content.Length));
        frame.SetLength(ZstdFrame.Compress(content, frame.GetBuffer().AsSpan(0, (int)frame.Length), _how.ActualLevel));
        return frame;
    }
}
