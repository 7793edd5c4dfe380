using System.Globalization;
using CrunSharp.Oci;

namespace CrunSharp.Cli.Options;

/// <summary>Numbers, sizes and durations as docker's options write them.</summary>
internal static class Numbers
{
    private const decimal Nano = 1_000_000_000;

    /// <summary>A whole number.</summary>
    public static long Whole(string text) =>
        long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw CrunException.Invalid($"strconv.ParseInt: parsing \"{text}\": {(IsDigits(text) ? "value out of range" : "invalid syntax")}");

    /// <summary>A whole number that fits 32 bits.</summary>
    public static int Whole32(string text) =>
        Whole(text) is >= int.MinValue and <= int.MaxValue and var number
            ? (int)number
            : throw CrunException.Invalid($"strconv.ParseInt: parsing \"{text}\": value out of range");

    /// <summary>A size: digits, with a fraction if wanted, and <c>b</c>, <c>k</c>, <c>m</c>, <c>g</c>, <c>t</c> or <c>p</c> for powers of 1024.</summary>
    /// <returns>Bytes.</returns>
    public static long Bytes(string text)
    {
        var end = text.AsSpan().LastIndexOfAny("0123456789. ");
        var digits = text.AsSpan(0, Math.Max(0, end + 1)).TrimEnd(' ');
        if (digits.Length == 0 || digits.ContainsAnyExcept("0123456789.")
            || !decimal.TryParse(digits, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number))
            throw CrunException.Invalid($"invalid size: '{text}'");
        var suffix = text[(end + 1)..].ToLowerInvariant();
        var power = suffix.Length == 0 ? 0 : "bkmgtp".IndexOf(suffix[0], StringComparison.Ordinal);
        if (power < 0 || suffix.Length > 1 && (power == 0 || suffix[1..] is not ("b" or "ib")))
            throw CrunException.Invalid($"invalid suffix: '{text[(end + 1)..]}'");
        for (; power > 0 && number < long.MaxValue; power--) number *= 1024;
        return number < long.MaxValue ? (long)number : throw CrunException.Invalid($"invalid size: '{text}'");
    }

    /// <summary>A size, or -1 for no limit.</summary>
    public static long BytesOrUnlimited(string text) => text == "-1" ? -1 : Bytes(text);

    /// <summary>A number of processors, as a decimal (<c>1.5</c>) or a fraction (<c>3/2</c>).</summary>
    /// <returns>Billionths of a processor.</returns>
    public static long NanoCpus(string text)
    {
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        const NumberStyles style = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;
        var divisor = 1m;
        if (!decimal.TryParse(slash < 0 ? text : text[..slash], style, CultureInfo.InvariantCulture, out var number)
            || slash >= 0 && (!decimal.TryParse(text.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out divisor) || divisor == 0))
            throw CrunException.Invalid($"failed to parse {text} as a rational number");
        if (Math.Abs(number) > 1_000_000) throw CrunException.Invalid("value is too large");
        // More digits than decimal has would be rounded away: what is left must be whole billionths.
        var nano = number * Nano / divisor;
        return nano == decimal.Truncate(nano) && (number != 0 || !text.AsSpan().ContainsAnyInRange('1', '9'))
            ? (long)nano
            : throw CrunException.Invalid("value is too precise");
    }

    /// <summary>A duration as Go writes it: <c>1h30m</c>, <c>1.5s</c>, <c>200ms</c>.</summary>
    public static TimeSpan Duration(string text)
    {
        var rest = text.AsSpan();
        var negative = rest.StartsWith("-");
        if (rest.Length > 0 && rest[0] is '-' or '+') rest = rest[1..];
        if (rest is "0") return TimeSpan.Zero;
        if (rest.Length == 0) throw CrunException.Invalid($"time: invalid duration \"{text}\"");
        var nanoseconds = 0m;
        while (rest.Length > 0)
        {
            var digits = rest.IndexOfAnyExcept("0123456789.");
            if (digits < 0) digits = rest.Length;
            if (!decimal.TryParse(rest[..digits], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number))
                throw CrunException.Invalid($"time: invalid duration \"{text}\"");
            rest = rest[digits..];
            var length = rest.IndexOfAny("0123456789.");
            var unit = length < 0 ? rest : rest[..length];
            if (unit.Length == 0) throw CrunException.Invalid($"time: missing unit in duration \"{text}\"");
            nanoseconds += Math.Min(number, long.MaxValue) * unit switch
            {
                "ns" => 1m,
                "us" or "µs" or "μs" => 1e3m,
                "ms" => 1e6m,
                "s" => 1e9m,
                "m" => 60e9m,
                "h" => 3600e9m,
                _ => throw CrunException.Invalid($"time: unknown unit \"{unit}\" in duration \"{text}\""),
            };
            if (nanoseconds > long.MaxValue) throw CrunException.Invalid($"time: invalid duration \"{text}\"");
            rest = rest[unit.Length..];
        }
        return TimeSpan.FromTicks((long)(negative ? -nanoseconds : nanoseconds) / TimeSpan.NanosecondsPerTick);
    }

    private static bool IsDigits(string text) => text.Length > 0 && !text.AsSpan().TrimStart('-').ContainsAnyExceptInRange('0', '9');
}
