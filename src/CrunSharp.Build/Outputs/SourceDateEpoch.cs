using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using CrunSharp.Oci;

namespace CrunSharp.Build.Outputs;

/// <summary>The time that all that a build makes is said to be of.</summary>
/// <seealso href="https://reproducible-builds.org/specs/source-date-epoch/"/>
internal static class SourceDateEpoch
{
    /// <summary>The argument.</summary>
    public const string Name = "SOURCE_DATE_EPOCH";

    /// <summary>The value that stands for the time of the context.</summary>
    public const string OfContext = "context";

    private const long Latest = 253402300799;

    /// <summary>The time of a build's arguments; null when there is none.</summary>
    /// <exception cref="CrunException">It is no number of seconds.</exception>
    public static DateTimeOffset? Of(BuildRequest request) => TextOf(request) is not { Length: > 0 } given ? null
        : TryParse(given, out var seconds) ? DateTimeOffset.FromUnixTimeSeconds(seconds)
        : throw CrunException.Invalid($"invalid {Name}: {given}: it has to be a number of seconds since 1970, context, or the name of a context or stage that comes from elsewhere");

    /// <summary>What the caller gave; null when it gave nothing.</summary>
    public static string? TextOf(BuildRequest request) => request.BuildArgs.TryGetValue(Name, out var text) ? text ?? Environment.GetEnvironmentVariable(Name) : null;

    /// <summary>Whether the time of the context may be wanted: the Dockerfile may say so too.</summary>
    public static bool MayBeContext(BuildRequest request) => TextOf(request) is null or OfContext;

    /// <summary>Reads a number of seconds.</summary>
    public static bool TryParse(string text, out long seconds) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out seconds) && seconds <= Latest;

    /// <summary>A time as documents have it, RFC 3339.</summary>
    [return: NotNullIfNotNull(nameof(time))]
    public static string? Format(DateTimeOffset? time) => time?.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
