using System.IO.Compression;
using System.Text;

namespace CrunSharp.Build.History;

/// <summary>
/// A build's log while it is written, in memory: nothing of a build that is killed stays. Long ones are compressed on the way.
/// What came is kept as it came, and becomes lines when somebody wants to read it (<see cref="LogPlayer"/>).
/// </summary>
/// <remarks>
/// Each event is a byte of <see cref="LogEvent"/>, and as numbers of 7 bits a byte: the step, the microseconds since the
/// build began, and how many bytes follow.
/// </remarks>
internal sealed class HistoryLog(TimeProvider clock, long began) : IDisposable
{
    private const int BufferSize = 16 * 1024;
    private const int MostHead = 1 + 5 + 9 + 5;

    // Titles and reasons are short, but there is no end to them.
    private const long MostOthers = 1 << 20;

    private readonly Lock _lock = new();
    private readonly MemoryStream _bytes = new();
    private readonly byte[] _buffer = new byte[BufferSize];
    private GZipStream? _coder;
    private int _used;
    private long _output;
    private long _others;
    private long _left;

    /// <summary>How much output of commands is kept, in bytes.</summary>
    public const long MostBytes = 16L << 20;

    /// <summary>How many bytes there are, before they were compressed.</summary>
    public long Size { get; private set; }

    /// <summary>How the log is kept: one of <see cref="LogPlayer"/>'s codings.</summary>
    public string Coding => _coder is null ? LogPlayer.Plain : LogPlayer.Compressed;

    /// <summary>Adds an event with a text.</summary>
    public void Add(LogEvent kind, int step = 0, string text = "") => Add(kind, step, Encoding.UTF8.GetBytes(text));

    /// <summary>Adds an event.</summary>
    /// <param name="kind">What it is.</param>
    /// <param name="step">The step's number.</param>
    /// <param name="bytes">What goes with it.</param>
    public void Add(LogEvent kind, int step, ReadOnlySpan<byte> bytes)
    {
        var time = (long)clock.GetElapsedTime(began).TotalMicroseconds;
        lock (_lock)
        {
            if (kind == LogEvent.Output)
            {
                var kept = (int)Math.Clamp(MostBytes - MostHead - _output, 0, bytes.Length);
                _left += bytes.Length - kept;
                if (kept == 0) return;
                bytes = bytes[..kept];
                _output += MostHead + kept;
            }
            else if ((_others += MostHead + bytes.Length) > MostOthers)
            {
                return;
            }
            Span<byte> head = stackalloc byte[MostHead];
            head[0] = (byte)kind;
            var length = 1;
            length += Number(head[length..], (ulong)(uint)step);
            length += Number(head[length..], (ulong)time);
            length += Number(head[length..], (ulong)bytes.Length);
            Write(head[..length]);
            Write(bytes);
        }
    }

    /// <summary>Ends it.</summary>
    /// <returns>Its bytes.</returns>
    public ReadOnlyMemory<byte> Finish()
    {
        lock (_lock)
        {
            if (_coder is null) return _buffer.AsMemory(0, _used);
            _coder.Write(_buffer.AsSpan(0, _used));
            _coder.Dispose();
            return _bytes.GetBuffer().AsMemory(0, (int)_bytes.Length);
        }
    }

    /// <summary>Says how much output was not kept, if there was too much.</summary>
    public void TellLeft()
    {
        if (_left > 0) Add(LogEvent.Text, 0, $"\n[{_left} bytes more were not kept]\n");
    }

    /// <inheritdoc/>
    public void Dispose() => _coder?.Dispose();

    private static int Number(Span<byte> at, ulong number)
    {
        var length = 0;
        for (; number >= 0x80; number >>= 7) at[length++] = (byte)(number | 0x80);
        at[length++] = (byte)number;
        return length;
    }

    private void Write(ReadOnlySpan<byte> bytes)
    {
        Size += bytes.Length;
        if (bytes.Length > BufferSize - _used)
        {
            _coder ??= new GZipStream(_bytes, CompressionLevel.Fastest, leaveOpen: true);
            _coder.Write(_buffer.AsSpan(0, _used));
            _used = 0;
            if (bytes.Length > BufferSize)
            {
                _coder.Write(bytes);
                return;
            }
        }
        bytes.CopyTo(_buffer.AsSpan(_used));
        _used += bytes.Length;
    }
}
