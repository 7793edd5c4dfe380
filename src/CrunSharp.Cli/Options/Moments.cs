using System.Globalization;
using CrunSharp.Oci;

namespace CrunSharp.Cli.Options;

/// <summary>Moments as <c>--since</c> and <c>--until</c> take them.</summary>
internal static class Moments
{
    /// <summary>A moment in RFC 3339 with all nine digits of its fraction, so that columns line up.</summary>
    public static string Fixed(string text)
    {
        var whole = text.TrimEnd('Z');
        var dot = whole.IndexOf('.', StringComparison.Ordinal);
        return $"{(dot < 0 ? whole + "." : whole).PadRight((dot < 0 ? whole.Length : dot) + 10, '0')}Z";
    }

    /// <summary>Reads RFC 3339, a date, seconds since 1970, or a duration before now such as <c>10m</c>.</summary>
    /// <exception cref="CrunException">It is none of these.</exception>
    public static DateTimeOffset Parse(string text, DateTimeOffset now)
    {
        try
        {
            if (double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var seconds))
                return DateTimeOffset.UnixEpoch.AddSeconds(seconds);
            if (DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeLocal, out var moment)) return moment;
            return now - Numbers.Duration(text);
        }
        catch (Exception error) when (error is CrunException or ArgumentException)
        {
            throw CrunException.Invalid($"\"{text}\" is neither a moment nor a duration");
        }
    }
}
