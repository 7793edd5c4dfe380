using System.IO.Compression;
using System.Runtime.ExceptionServices;
using CrunSharp.Kernel.Compression;
using CrunSharp.Kernel.Files;

namespace CrunSharp.Storage;

/// <summary>
/// Compresses so that the same content always gives the same bytes, however many processors work on it: each MiB is a
/// member of its own with gzip, and each 4 MiB a frame with zstd. Any decoder reads them as one.
/// </summary>
/// <remarks>
/// Who writes compresses as well, when the others have enough before them: with a thread more than there are processors, one of
/// them often waited for another while a processor was idle.
/// </remarks>
public sealed class DeterministicCompressStream : WriteStream
{
    private const int MemberSize = TarChecksums.PartSize;
    private const int FrameSize = 4 * 1024 * 1024;
    private const int Ahead = 6 * 1024 * 1024; // what the others have before them while many small files are read
    private readonly LayerCompression _how;
    private readonly Stream _output;
    private readonly int _others;
    private readonly Queue<Member> _members = new(); // in their order
    private readonly Queue<Member> _waiting = new(); // those of them that nobody compresses yet; the lock for what others do
    private readonly Stack<Member> _free = new();
    private Member _current;
    private int _working;
    private bool _any;
    private bool _isOther;
    private int _written;

    /// <summary>Starts to compress.</summary>
    /// <param name="output">Where to; it stays the caller's.</param>
    /// <param name="how">The form.</param>
    /// <param name="workers">How many members are compressed at once; 0 for one on each processor.</param>
    public DeterministicCompressStream(Stream output, LayerCompression how, int workers = 0)
    {
        (_output, _how, _others) = (output, how, (workers > 0 ? workers : Environment.ProcessorCount) - 1);
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
        _members.Enqueue(_current);
        lock (_waiting)
        {
            _waiting.Enqueue(_current);
            if (_working < _others)
            {
                _working++;
                Task.Run(Work);
            }
        }
        if (_members.Count > (_others == 0 ? 0 : _others + Math.Max(1, Ahead / _current.Content.Length))) WriteFirst();
        _current = _free.TryPop(out var free) ? free : NewMember();
    }

    private void WriteFirst()
    {
        var member = _members.Dequeue();
        while (!member.IsDone && TryCompressNext())
        {
        }
        lock (_waiting)
        {
            while (!member.IsDone) Monitor.Wait(_waiting);
        }
        if (member.Failure is { } failure) ExceptionDispatchInfo.Throw(failure);
        // The rest need not go anywhere.
        _isOther |= Checksums is not null && (_written >= Checksums.Length || Checksums[_written] != member.Checksum);
        _written++;
        if (!_isOther) _output.Write(member.Compressed);
        (member.Length, member.IsDone) = (0, false);
        _free.Push(member);
    }

    private void Work()
    {
        while (TryCompressNext(isOther: true))
        {
        }
    }

    private bool TryCompressNext(bool isOther = false)
    {
        Member? next;
        lock (_waiting)
        {
            if (!_waiting.TryDequeue(out next))
            {
                if (isOther) _working--;
                return false;
            }
        }
        try
        {
            next.Compress();
        }
        catch (Exception error) // who writes is told
        {
            next.Failure = error;
        }
        lock (_waiting)
        {
            next.IsDone = true;
            Monitor.PulseAll(_waiting);
        }
        return true;
    }

    private Member NewMember() =>
        _how.Kind == CompressionKind.Zstd ? new ZstdMember(FrameSize, _how.ActualLevel)
        : _how.IsUsual ? new UsualMember(MemberSize) : new ZLibMember(MemberSize, _how.ActualLevel);

    /// <summary>A piece of the content, and what becomes of it; used again and again, by one thread at a time.</summary>
    private abstract class Member(int size)
    {
        private volatile bool _isDone;

        public byte[] Content { get; } = new byte[size];

        public int Length { get; set; }

        public bool IsDone { get => _isDone; set => _isDone = value; }

        public Exception? Failure { get; set; }

        public abstract ReadOnlySpan<byte> Compressed { get; }

        /// <summary>The content's, where the encoder makes one.</summary>
        public virtual uint Checksum => 0;

        public abstract void Compress();
    }

    /// <summary>Our own encoder, whose bytes depend on no version of a library.</summary>
    private sealed class UsualMember(int size) : Member(size)
    {
        private readonly GzipMember _encoder = new();
        private readonly byte[] _output = new byte[GzipMember.Bound(size)];
        private int _count;

        public override ReadOnlySpan<byte> Compressed => _output.AsSpan(0, _count);

        public override uint Checksum => _encoder.Checksum;

        public override void Compress()
        {
            _count = _encoder.Compress(Content.AsSpan(0, Length), _output);
        }
    }

    private sealed class ZLibMember(int size, int level) : Member(size)
    {
        private readonly ZLibCompressionOptions _options = new() { CompressionLevel = level };
        private byte[] _output = [];
        private int _count;

        public override ReadOnlySpan<byte> Compressed => _output.AsSpan(0, _count);

        public override void Compress()
        {
            using var output = new MemoryStream(Length / 2 + 64);
            using (var gzip = new GZipStream(output, _options, leaveOpen: true)) gzip.Write(Content, 0, Length);
            (_output, _count) = (output.GetBuffer(), (int)output.Length);
        }
    }

    private sealed class ZstdMember(int size, int level) : Member(size)
    {
        private readonly byte[] _output = new byte[ZstdFrame.Bound(size)];
        private int _count;

        public override ReadOnlySpan<byte> Compressed => _output.AsSpan(0, _count);

        public override void Compress()
        {
            _count = ZstdFrame.Compress(Content.AsSpan(0, Length), _output, level);
        }
    }
}
