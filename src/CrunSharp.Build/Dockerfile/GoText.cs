using System.Globalization;
using System.Text;

namespace CrunSharp.Build.Dockerfile;

/// <summary>Text as Go prints it: Docker's history entries are made of it.</summary>
internal static class GoText
{
    /// <summary>A string in double quotes with Go's escapes (<c>%q</c>).</summary>
    public static string Quote(string text)
    {
        var quoted = new StringBuilder("\"");
        foreach (var rune in text.EnumerateRunes())
        {
            switch (rune.Value)
            {
                case '"': quoted.Append("\\\""); break;
                case '\\': quoted.Append("\\\\"); break;
                case '\a': quoted.Append("\\a"); break;
                case '\b': quoted.Append("\\b"); break;
                case '\f': quoted.Append("\\f"); break;
                case '\n': quoted.Append("\\n"); break;
                case '\r': quoted.Append("\\r"); break;
                case '\t': quoted.Append("\\t"); break;
                case '\v': quoted.Append("\\v"); break;
                case < 32 or 127: quoted.Append(CultureInfo.InvariantCulture, $"\\x{rune.Value:x2}"); break;
                default:
                    if (IsPrintable(rune)) quoted.Append(rune.ToString());
                    else if (rune.Value > 0xffff) quoted.Append(CultureInfo.InvariantCulture, $"\\U{rune.Value:x8}");
                    else quoted.Append(CultureInfo.InvariantCulture, $"\\u{rune.Value:x4}");
                    break;
            }
        }
        return quoted.Append('"').ToString();
    }

    /// <summary>A list of quoted strings: <c>["a" "b"]</c>.</summary>
    public static string Quote(IEnumerable<string> words) => $"[{string.Join(' ', words.Select(Quote))}]";

    /// <summary>The strings of a list that <see cref="Quote(IEnumerable{string})"/> made; of rare characters the escapes stay.</summary>
    public static List<string> Unquote(string list)
    {
        var words = new List<string>();
        StringBuilder? word = null;
        for (var i = 0; i < list.Length; i++)
        {
            if (list[i] == '"' && word is null) word = new StringBuilder();
            else if (list[i] == '"')
            {
                words.Add(word!.ToString());
                word = null;
            }
            else if (list[i] == '\\' && i + 1 < list.Length) word?.Append(list[++i] switch { 'n' => '\n', 't' => '\t', var c => c });
            else word?.Append(list[i]);
        }
        return words;
    }

    /// <summary>A duration: <c>1h0m5s</c>, <c>30s</c>, <c>1.5ms</c>, <c>0s</c>.</summary>
    public static string Duration(long nanoseconds)
    {
        if (nanoseconds == 0) return "0s";
        var sign = nanoseconds < 0 ? "-" : "";
        var value = Math.Abs((decimal)nanoseconds);
        if (value < 1_000) return $"{sign}{Number(value)}ns";
        if (value < 1_000_000) return $"{sign}{Number(value / 1_000)}µs";
        if (value < 1_000_000_000) return $"{sign}{Number(value / 1_000_000)}ms";
        var hours = decimal.Truncate(value / 3_600_000_000_000);
        var minutes = decimal.Truncate(value / 60_000_000_000) % 60;
        var seconds = value % 60_000_000_000 / 1_000_000_000;
        return (hours, minutes) switch
        {
            (0, 0) => $"{sign}{Number(seconds)}s",
            (0, _) => $"{sign}{minutes}m{Number(seconds)}s",
            _ => $"{sign}{hours}h{minutes}m{Number(seconds)}s",
        };
    }

    /// <summary>Reads a duration such as <c>1h30m</c>, <c>1.5s</c> or <c>500ms</c>; false when it is none.</summary>
    public static bool TryParseDuration(string text, out long nanoseconds)
    {
        nanoseconds = 0;
        var rest = text.AsSpan();
        var negative = rest.StartsWith("-");
        if (negative || rest.StartsWith("+")) rest = rest[1..];
        if (rest is "0") return true;
        if (rest.IsEmpty) return false;
        decimal total = 0;
        while (!rest.IsEmpty)
        {
            var digits = rest.IndexOfAnyExcept("0123456789.");
            if (digits <= 0 || digits > 19
                || !decimal.TryParse(rest[..digits], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number)) return false;
            rest = rest[digits..];
            var length = rest.IndexOfAny("0123456789.");
            if (length < 0) length = rest.Length;
            if (UnitOf(rest[..length]) is not { } unit) return false;
            total += number * unit;
            if (total > long.MaxValue) return false;
            rest = rest[length..];
        }
        nanoseconds = (long)(negative ? -total : total);
        return true;
    }

    private static long? UnitOf(ReadOnlySpan<char> unit) => unit switch
    {
        "ns" => 1,
        "us" or "µs" or "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => null,
    };

    private static string Number(decimal value) => value.ToString("0.#########", CultureInfo.InvariantCulture);

    private static bool IsPrintable(Rune rune) => Rune.GetUnicodeCategory(rune) is not (UnicodeCategory.Control
        or UnicodeCategory.Format or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned
        or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.SpaceSeparator) || rune.Value == ' ';
}
