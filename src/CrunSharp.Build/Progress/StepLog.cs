using System.Runtime.InteropServices;
using System.Text;

namespace CrunSharp.Build.Progress;

/// <summary>A running step's output as lines, and the last of them for the case that it fails.</summary>
internal sealed class StepLog(long started)
{
    private const int MostKept = 20;
    private const int MostLineBytes = 8192;

    private readonly List<byte> _line = [];
    private readonly Queue<string> _last = new();

    /// <summary>When the step started, as <see cref="TimeProvider.GetTimestamp"/>.</summary>
    public long Started { get; } = started;

    /// <summary>The last lines.</summary>
    public IReadOnlyCollection<string> Last => _last;

    /// <summary>The last lines, with the one that has no end yet.</summary>
    /// <param name="count">How many.</param>
    public IEnumerable<string> Tail(int count)
    {
        var open = Shown(_line.ToArray());
        var all = open.Length > 0 ? _last.Append(open) : _last;
        return all.Skip(Math.Max(0, _last.Count + (open.Length > 0 ? 1 : 0) - count));
    }

    /// <summary>Takes output; returns the lines that are whole now.</summary>
    public List<string> Add(ReadOnlySpan<byte> bytes)
    {
        var lines = new List<string>();
        while (bytes.Length > 0)
        {
            var room = bytes[..Math.Min(bytes.Length, MostLineBytes - _line.Count)];
            var end = room.IndexOf((byte)'\n');
            var part = end < 0 ? room : room[..end];
            bytes = bytes[(end < 0 ? part.Length : end + 1)..];
            if (end >= 0 && _line.Count == 0)
            {
                lines.Add(Keep(Shown(part)));
                continue;
            }
            _line.AddRange(part);
            if (end >= 0 || _line.Count >= MostLineBytes) lines.Add(TakeLine());
        }
        return lines;
    }

    /// <summary>The line that has no end; null when there is none.</summary>
    public string? Rest() => _line.Count > 0 ? TakeLine() : null;

    private string TakeLine()
    {
        var line = Shown(CollectionsMarshal.AsSpan(_line));
        _line.Clear();
        return Keep(line);
    }

    private string Keep(string line)
    {
        if (_last.Count == MostKept) _last.Dequeue();
        _last.Enqueue(line);
        return line;
    }

    // What a carriage return overwrote would not be seen on a terminal either.
    private static string Shown(ReadOnlySpan<byte> line)
    {
        line = line.TrimEnd((byte)'\r');
        return Encoding.UTF8.GetString(line[(line.LastIndexOf((byte)'\r') + 1)..]);
    }
}
