using System.Globalization;

namespace CrunSharp.Cli.Output;

/// <summary>Sizes and times as docker shows them to people.</summary>
internal static class Human
{
    private static readonly string[] Decimal = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    private static readonly string[] Binary = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

    /// <summary>A size in powers of 1000: <c>7.81MB</c>.</summary>
    /// <param name="bytes">Bytes.</param>
    /// <param name="digits">How many digits it has at most: docker's lists have 3, its sums 4.</param>
    public static string Size(long bytes, int digits = 3) => Scaled(bytes, 1000, Decimal, digits);

    /// <summary>A size in powers of 1024: <c>7.449MiB</c>.</summary>
    public static string BinarySize(long bytes) => Scaled(bytes, 1024, Binary, 4);

    /// <summary>How long something took or is ago: <c>About a minute</c>, <c>3 hours</c>.</summary>
    public static string Duration(TimeSpan duration)
    {
        var seconds = (long)duration.TotalSeconds;
        if (seconds < 1) return "Less than a second";
        if (seconds == 1) return "1 second";
        if (seconds < 60) return $"{seconds} seconds";
        var minutes = seconds / 60;
        if (minutes == 1) return "About a minute";
        if (minutes < 60) return $"{minutes} minutes";
        var hours = (long)(duration.TotalHours + 0.5);
        return hours switch
        {
            1 => "About an hour",
            < 48 => $"{hours} hours",
            < 24 * 7 * 2 => $"{hours / 24} days",
            < 24 * 30 * 2 => $"{hours / 24 / 7} weeks",
            < 24 * 365 * 2 => $"{hours / 24 / 30} months",
            _ => $"{(long)duration.TotalHours / 24 / 365} years",
        };
    }

    /// <summary>How long ago a moment is: <c>3 hours ago</c>; <c>N/A</c> for one that is not known.</summary>
    public static string Ago(DateTimeOffset? moment, DateTimeOffset now) =>
        moment is { } then && then.Year > 1 ? Duration(now - then) + " ago" : "N/A";

    /// <summary>A moment as docker's lists write it: <c>2024-05-01 12:30:00 +0000 UTC</c>.</summary>
    public static string Moment(DateTimeOffset moment) =>
        moment.ToUniversalTime().ToString("yyyy-MM-dd HH:mm:ss '+0000 UTC'", CultureInfo.InvariantCulture);

    private static string Scaled(double value, double step, string[] units, int digits)
    {
        var unit = 0;
        for (; unit < units.Length - 1; unit++)
        {
            // What rounds up to the next unit is written in it: 1MB, not 1e+03kB.
            if (Math.Abs(value) < step && !(step == 1000 && Math.Abs(Rounded(value, digits)) >= step)) break;
            value /= step;
        }
        return value.ToString("G" + digits, CultureInfo.InvariantCulture) is var text && text.Contains('E', StringComparison.Ordinal)
            ? Math.Round(value).ToString(CultureInfo.InvariantCulture) + units[unit]
            : text + units[unit];
    }

    private static double Rounded(double value, int digits) =>
        double.Parse(value.ToString("G" + digits, CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
}
