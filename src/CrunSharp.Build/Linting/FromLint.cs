using CrunSharp.Build.Dockerfile;
using CrunSharp.Build.Dockerfile.Instructions;
using CrunSharp.Build.Graph;
using CrunSharp.Oci;

namespace CrunSharp.Build.Linting;

/// <summary>What can be said of the variables of FROM.</summary>
internal static class FromLint
{
    private const string TargetPlatform = "TARGETPLATFORM";

    /// <summary>Base images whose name is none unless the caller gives a value.</summary>
    /// <param name="file">The Dockerfile.</param>
    /// <param name="defaults">The variables as they are when the caller gives none.</param>
    /// <param name="linter">Takes warnings.</param>
    public static void CheckDefaults(ParsedDockerfile file, BuildArguments defaults, Linter linter)
    {
        foreach (var from in file.Stages.Select(static stage => stage.From))
        {
            try
            {
                if (ImageReference.TryParse(Expansion.Word(from.Image, file.Escape, defaults.Global), out _)) continue;
            }
            catch (CrunException)
            {
                return;
            }
            linter.Warn(LintRules.InvalidDefaultArgInFrom, from, $"Default value for ARG {from.Image} results in empty or invalid base image name");
        }
    }

    /// <summary>Variables that nobody declares, and platforms that need not or should not be said.</summary>
    public static void CheckVariables(ParsedDockerfile file, BuildArguments arguments, Linter linter)
    {
        foreach (var from in file.Stages.Select(static stage => stage.From))
        {
            var image = Variables.In(from.Image, file.Escape, arguments.Global);
            Report(from, image);
            if (from.Platform is not { } written) continue;
            var platform = Variables.In(written, file.Escape, arguments.Global);
            Report(from, platform);
            if (platform is { Unset.Count: 0, Set: [TargetPlatform] } && platform.Result == arguments.Global(TargetPlatform))
                linter.Warn(LintRules.RedundantTargetPlatform, from, $"Setting platform to predefined {written} in FROM is redundant as this is the default behavior");
            if (platform is { Unset.Count: 0, Set.Count: 0, Result: { } value } && PlatformWords.TryParse(value) is var (os, architecture) && !Names(from.StageName, os, architecture))
                linter.Warn(LintRules.FromPlatformFlagConstDisallowed, from, $"FROM --platform flag should not use constant value {GoText.Quote(value)}");
        }

        void Report(FromInstruction from, Variables variables)
        {
            foreach (var name in variables.Unset.Where(name => !arguments.Declared.Contains(name)))
                linter.Warn(LintRules.UndefinedArgInFrom, from, $"FROM argument '{name}' is not declared{(Suggestion.Near(name, arguments.Declared) is { } near ? $" (did you mean {near}?)" : "")}");
        }
    }

    private static bool Names(string? stage, string os, string architecture) =>
        stage is not null && (stage.Contains(os, StringComparison.Ordinal) || stage.Contains(architecture, StringComparison.Ordinal));

    /// <summary>A word's variables.</summary>
    /// <param name="Result">The word with their values; null when it is wrong.</param>
    /// <param name="Set">Those that have a value.</param>
    /// <param name="Unset">Those that have none.</param>
    private sealed record Variables(string? Result, IReadOnlyList<string> Set, IReadOnlyList<string> Unset)
    {
        public static Variables In(string word, char escape, Func<string, string?> lookUp)
        {
            var (set, unset) = (new List<string>(), new List<string>());
            string? result = null;
            try
            {
                result = Expansion.Word(word, escape, name =>
                {
                    var value = lookUp(name);
                    var names = value is null ? unset : set;
                    if (!names.Contains(name)) names.Add(name);
                    return value;
                });
            }
            catch (CrunException)
            {
                // The build says so.
            }
            return new Variables(result, set, unset);
        }
    }
}
