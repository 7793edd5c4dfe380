using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using CrunSharp.Oci;

namespace CrunSharp.Build.Outputs;

/// <summary>The time that all that a build makes is said to be of.</summary>
/// <seealso href="https://reproducible-builds.org/specs/source-date-epoch/"/>
internal static class SourceDateEpoch
{
    private const string Name = "SOURCE_DATE_EPOCH";
    private const long Latest = 253402300799;

    /// <summary>The time of a build's arguments; null when there is none.</summary>
    /// <exception cref="CrunException">It is no number of seconds.</exception>
    public static DateTimeOffset? Of(BuildRequest request)
    {
        if (!request.BuildArgs.TryGetValue(Name, out var text) || (text ?? Environment.GetEnvironmentVariable(Name)) is not { Length: > 0 } given) return null;
        return long.TryParse(given, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) && seconds <= Latest
            ? DateTimeOffset.FromUnixTimeSeconds(seconds)
            : throw CrunException.Invalid($"invalid {Name}: {given}: it has to be a number of seconds since 1970");
    }

    /// <summary>A time as documents have it, RFC 3339.</summary>
    [return: NotNullIfNotNull(nameof(time))]
    public static string? Format(DateTimeOffset? time) => time?.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
