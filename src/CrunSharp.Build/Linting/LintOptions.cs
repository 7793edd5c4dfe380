using CrunSharp.Build.Dockerfile;
using CrunSharp.Oci;

namespace CrunSharp.Build.Linting;

/// <summary>Which rules apply: what <c># check=</c> and <c>BUILDKIT_DOCKERFILE_CHECK</c> say.</summary>
internal sealed record LintOptions
{
    /// <summary>All rules that are not experimental, as warnings.</summary>
    public static LintOptions Default { get; } = new();

    private bool SkipAll { get; init; }

    private IReadOnlyList<string> Skipped { get; init; } = [];

    private bool ExperimentalAll { get; init; }

    private IReadOnlyList<string> Experimental { get; init; } = [];

    /// <summary>Whether a warning makes the build fail.</summary>
    public bool IsError { get; private init; }

    /// <summary>Reads <c>skip=A,B;error=true;experimental=C</c>.</summary>
    /// <exception cref="CrunException">An option is unknown, or its value is wrong.</exception>
    public static LintOptions Parse(string text)
    {
        var options = Default;
        if (text.Trim().Length == 0) return options;
        foreach (var part in text.Trim().Split(';', 3))
        {
            var equals = part.IndexOf('=', StringComparison.Ordinal);
            if (equals < 0) throw Wrong($"invalid check option {GoText.Quote(part)}");
            var value = part[(equals + 1)..].Trim();
            options = part[..equals].Trim() switch
            {
                "skip" => options with { SkipAll = value == "all", Skipped = ListOf(value) },
                "experimental" => options with { ExperimentalAll = value == "all", Experimental = ListOf(value) },
                "error" => options with
                {
                    IsError = value switch
                    {
                        "1" or "t" or "T" or "TRUE" or "true" or "True" => true,
                        "0" or "f" or "F" or "FALSE" or "false" or "False" => false,
                        _ => throw Wrong($"failed to parse check option {GoText.Quote(part)}: strconv.ParseBool: parsing {GoText.Quote(value)}: invalid syntax"),
                    },
                },
                var key => throw Wrong($"invalid check option {GoText.Quote(key)}"),
            };
        }
        return options;
    }

    /// <summary>What the comments above an instruction say: the first that is <c># check=</c>; null when there is none.</summary>
    public static LintOptions? OfComments(IReadOnlyList<string> comments)
    {
        foreach (var comment in comments)
        {
            var equals = comment.IndexOf('=', StringComparison.Ordinal);
            if (equals < 0 || !comment[..equals].Trim().Equals("check", StringComparison.OrdinalIgnoreCase)) continue;
            try
            {
                return Parse(comment[(equals + 1)..].Trim().Split(' ')[0]);
            }
            catch (CrunException)
            {
                // Somebody's prose.
                return null;
            }
        }
        return null;
    }

    /// <summary>Whether a rule is not to be looked at.</summary>
    public bool Skips(LintRule rule) => rule.IsExperimental
        ? !ExperimentalAll && !Experimental.Contains(rule.Name)
        : SkipAll || Skipped.Contains(rule.Name);

    private static string[] ListOf(string value) => value.Split(',', StringSplitOptions.TrimEntries);

    private static CrunException Wrong(string reason) => CrunException.Invalid($"failed to parse check options: {reason}");
}
