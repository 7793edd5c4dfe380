using CrunSharp.Engine.Containers;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Processes;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Engine.Logs;

/// <summary>Reads a container's log, also while it grows.</summary>
public static class LogReader
{
    /// <summary>The lines so far, and, when asked for, those to come until the container ends.</summary>
    /// <param name="container">The container.</param>
    /// <param name="follow">Whether to go on until it ends.</param>
    /// <param name="tail">How many of the lines so far; null for all.</param>
    public static IEnumerable<LogLine> Read(Container container, bool follow, int? tail)
    {
        using var file = FileAt.TryOpen(null, container.LogPath, OpenFlags.O_RDONLY, out _);
        if (file is null) yield break;
        using var watch = follow ? FileWatch.Of(container.LogPath) : null;
        var lines = new LineReader(file);
        if (tail is { } most)
        {
            var last = new Queue<LogLine>();
            while (lines.Next() is { } line)
            {
                if (last.Count == most && last.Count > 0) last.Dequeue();
                if (most > 0) last.Enqueue(line);
            }
            foreach (var line in last) yield return line;
        }
        for (; ; )
        {
            while (lines.Next() is { } line) yield return line;
            if (watch is null) yield break;
            watch.Clear();
            // Whoever writes the log ends after the last line: once it is gone, what is there is all there is.
            var isSupervised = container.IsSupervised;
            var hadMore = false;
            while (lines.Next() is { } line)
            {
                hadMore = true;
                yield return line;
            }
            if (!isSupervised && !hadMore) yield break;
            if (isSupervised && !hadMore) Poll.Wait(watch.Events, PollEvents.POLLIN, TimeSpan.FromMilliseconds(250));
        }
    }

    private sealed class LineReader(SafeFileHandle file)
    {
        private readonly byte[] _chunk = new byte[64 * 1024];
        private byte[] _buffer = new byte[64 * 1024];
        private int _start;
        private int _length;
        private long _offset;

        public LogLine? Next()
        {
            for (; ; )
            {
                var end = _buffer.AsSpan(_start, _length).IndexOf((byte)'\n');
                if (end >= 0)
                {
                    var line = LogLine.TryParse(_buffer.AsSpan(_start, end));
                    _start += end + 1;
                    _length -= end + 1;
                    if (line is not null) return line;
                    continue;
                }
                var count = RandomAccess.Read(file, _chunk, _offset);
                if (count == 0) return null;
                _offset += count;
                if (_start + _length + count > _buffer.Length)
                {
                    var larger = new byte[Math.Max(_buffer.Length, (_length + count) * 2)];
                    _buffer.AsSpan(_start, _length).CopyTo(larger);
                    (_buffer, _start) = (larger, 0);
                }
                _chunk.AsSpan(0, count).CopyTo(_buffer.AsSpan(_start + _length));
                _length += count;
            }
        }
    }
}
