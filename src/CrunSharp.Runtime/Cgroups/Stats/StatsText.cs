using System.Globalization;

namespace CrunSharp.Runtime.Cgroups.Stats;

/// <summary>The forms in which the kernel writes counters.</summary>
internal static class StatsText
{
    /// <summary>A number; the greatest for <c>max</c>, 0 for nothing.</summary>
    public static ulong Number(string? text)
    {
        var word = text.AsSpan().Trim();
        return word.SequenceEqual("max") ? ulong.MaxValue : ulong.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : 0;
    }

    /// <summary>Lines of a name and a number.</summary>
    public static Dictionary<string, ulong> Table(string? text)
    {
        var table = new Dictionary<string, ulong>();
        foreach (var line in (text ?? "").Split('\n'))
        {
            var space = line.IndexOf(' ', StringComparison.Ordinal);
            if (space > 0) table[line[..space]] = Number(line[(space + 1)..]);
        }
        return table;
    }

    /// <summary>A list such as <c>0-3,7</c>; null when it is empty.</summary>
    public static IReadOnlyList<int>? List(string? text)
    {
        var numbers = new List<int>();
        foreach (var part in (text ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            var ends = part.Split('-');
            if (!int.TryParse(ends[0], NumberStyles.None, CultureInfo.InvariantCulture, out var first)
                || !int.TryParse(ends[^1], NumberStyles.None, CultureInfo.InvariantCulture, out var last)) continue;
            for (var i = first; i <= last && i < ushort.MaxValue; i++) numbers.Add(i);
        }
        return numbers.Count == 0 ? null : numbers;
    }

    /// <summary>The numbers of a device; null when it has not this form.</summary>
    public static (ulong Major, ulong Minor)? Device(ReadOnlySpan<char> text)
    {
        var colon = text.IndexOf(':');
        return colon > 0 && ulong.TryParse(text[..colon], NumberStyles.None, CultureInfo.InvariantCulture, out var major)
            && ulong.TryParse(text[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out var minor) ? (major, minor) : null;
    }
}
