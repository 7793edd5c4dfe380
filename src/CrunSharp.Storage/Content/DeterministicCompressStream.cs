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
    private const int MemberSize = TarChecksums.PartSize;
    private const int FrameSize = 4 * 1024 * 1024;
    private const int Ahead = 6 * 1024 * 1024; // what the workers have before them while many small files are read
    private readonly LayerCompression _how;
    private readonly Stream _output;
    private readonly int _workers;
    private readonly Queue<Task<Member>> _members = new();
    private readonly Stack<Member> _free = new();
    private Member _current;
    private bool _any;
    private bool _isOther;
    private int _written;

    /// <summary>Starts to compress.</summary>
    /// <param name="output">Where to; it stays the caller's.</param>
    /// <param name="how">The form.</param>
    /// <param name="workers">How many members are compressed at once; 0 for one on each processor.</param>
    public DeterministicCompressStream(Stream output, LayerCompression how, int workers = 0)
    {
        (_output, _how, _workers) = (output, how, workers > 0 ? workers : Environment.ProcessorCount);
        _current = NewMember();
    }

    /// <summary>The checksums that the members' content must have, where our own encoder makes them; null when that does not matter.</summary>
    internal uint[]? Checksums { get; init; }

    /// <inheritdoc/>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        while (buffer.Length > 0)
        {
            var count = Math.Min(buffer.Length, _current.Content.Length - _current.Length);
            buffer[..count].CopyTo(_current.Content.AsSpan(_current.Length));
            _current.Length += count;
            buffer = buffer[count..];
            if (_current.Length == _current.Content.Length) EndMember();
        }
    }

    /// <summary>Compresses and writes what is left. Without it, the output is cut off.</summary>
    /// <returns>Whether the content is what it had to be.</returns>
    public bool Finish()
    {
        if (_current.Length > 0 || !_any) EndMember();
        while (_members.Count > 0) WriteFirst();
        return !_isOther && (Checksums is null || _written == Checksums.Length);
    }

    private void EndMember()
    {
        _any = true;
        var ended = _current;
        _members.Enqueue(_workers == 1 ? Task.FromResult(ended.Compress()) : Task.Run(ended.Compress));
        if (_members.Count > _workers + Math.Max(1, Ahead / _current.Content.Length)) WriteFirst();
        _current = _free.TryPop(out var free) ? free : NewMember();
    }

    private void WriteFirst()
    {
        var member = _members.Dequeue().GetAwaiter().GetResult();
        // The rest need not go anywhere.
        _isOther |= Checksums is not null && (_written >= Checksums.Length || Checksums[_written] != member.Checksum);
        _written++;
        if (!_isOther) _output.Write(member.Compressed);
        member.Length = 0;
        _free.Push(member);
    }

    private Member NewMember() =>
        _how.Kind == CompressionKind.Zstd ? new ZstdMember(FrameSize, _how.ActualLevel)
        : _how.IsUsual ? new UsualMember(MemberSize) : new ZLibMember(MemberSize, _how.ActualLevel);

    /// <summary>A piece of the content, and what becomes of it; used again and again, by one thread at a time.</summary>
    private abstract class Member(int size)
    {
        public byte[] Content { get; } = new byte[size];

        public int Length { get; set; }

        public abstract ReadOnlySpan<byte> Compressed { get; }

        /// <summary>The content's, where the encoder makes one.</summary>
        public virtual uint Checksum => 0;

        public abstract Member Compress();
    }

    /// <summary>Our own encoder, whose bytes depend on no version of a library.</summary>
    private sealed class UsualMember(int size) : Member(size)
    {
        private readonly GzipMember _encoder = new();
        private readonly byte[] _output = new byte[GzipMember.Bound(size)];
        private int _count;

        public override ReadOnlySpan<byte> Compressed => _output.AsSpan(0, _count);

        public override uint Checksum => _encoder.Checksum;

        public override Member Compress()
        {
            _count = _encoder.Compress(Content.AsSpan(0, Length), _output);
            return this;
        }
    }

    private sealed class ZLibMember(int size, int level) : Member(size)
    {
        private readonly ZLibCompressionOptions _options = new() { CompressionLevel = level };
        private byte[] _output = [];
        private int _count;

        public override ReadOnlySpan<byte> Compressed => _output.AsSpan(0, _count);

        public override Member Compress()
        {
            using var output = new MemoryStream(Length / 2 + 64);
            using (var gzip = new GZipStream(output, _options, leaveOpen: true)) gzip.Write(Content, 0, Length);
            (_output, _count) = (output.GetBuffer(), (int)output.Length);
            return this;
        }
    }

    private sealed class ZstdMember(int size, int level) : Member(size)
    {
        private readonly byte[] _output = new byte[ZstdFrame.Bound(size)];
        private int _count;

        public override ReadOnlySpan<byte> Compressed => _output.AsSpan(0, _count);

        public override Member Compress()
        {
            _count = ZstdFrame.Compress(Content.AsSpan(0, Length), _output, level);
            return this;
        }
    }
}
