using System.IO.Compression;
using CrunSharp.Kernel.Files;

namespace CrunSharp.Storage;

/// <summary>
/// Compresses with gzip so that the same content always gives the same bytes, however many processors work on it: each
/// MiB is a member of its own, at level 5. Any gzip decoder reads the members as one.
/// </summary>
public sealed class DeterministicGzipStream : WriteStream
{
    private const int MemberSize = 1024 * 1024;
    private static readonly ZLibCompressionOptions Options = new() { CompressionLevel = 5 };
    private readonly Stream _output;
    private readonly int _workers;
    private readonly Queue<Task<MemoryStream>> _members = new();
    private readonly Stack<byte[]> _free = new();
    private byte[] _buffer = new byte[MemberSize];
    private int _used;
    private bool _any;

    /// <summary>Starts to compress.</summary>
    /// <param name="output">Where to; it stays the caller's.</param>
    /// <param name="workers">How many members are compressed at once; 0 for one on each processor.</param>
    public DeterministicGzipStream(Stream output, int workers = 0) =>
        (_output, _workers) = (output, workers > 0 ? workers : Environment.ProcessorCount);

    /// <inheritdoc/>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        while (buffer.Length > 0)
        {
            var count = Math.Min(buffer.Length, MemberSize - _used);
            buffer[..count].CopyTo(_buffer.AsSpan(_used));
            _used += count;
            buffer = buffer[count..];
            if (_used == MemberSize) EndMember();
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
            if (!_free.TryPop(out var free)) free = new byte[MemberSize];
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
        var member = new MemoryStream(length / 2 + 64);
        using (var gzip = new GZipStream(member, Options, leaveOpen: true)) gzip.Write(content, 0, length);
        lock (_free) _free.Push(content);
        return member;
    }
}
