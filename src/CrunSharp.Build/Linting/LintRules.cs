namespace CrunSharp.Build.Linting;

/// <summary>The rules: names, words and addresses are BuildKit's.</summary>
/// <seealso href="https://docs.docker.com/reference/build-checks/"/>
public static class LintRules
{
    internal static readonly LintRule StageNameCasing = Rule("StageNameCasing", "Stage names should be lowercase", "stage-name-casing");
    internal static readonly LintRule FromAsCasing = Rule("FromAsCasing", "The 'as' keyword should match the case of the 'from' keyword", "from-as-casing");
    internal static readonly LintRule NoEmptyContinuation = Rule("NoEmptyContinuation", "Empty continuation lines will become errors in a future release", "no-empty-continuation");
    internal static readonly LintRule ConsistentInstructionCasing = Rule("ConsistentInstructionCasing", "All commands within the Dockerfile should use the same casing (either upper or lower)", "consistent-instruction-casing");
    internal static readonly LintRule DuplicateStageName = Rule("DuplicateStageName", "Stage names should be unique", "duplicate-stage-name");
    internal static readonly LintRule ReservedStageName = Rule("ReservedStageName", "Reserved words should not be used as stage names", "reserved-stage-name");
    internal static readonly LintRule JsonArgsRecommended = Rule("JSONArgsRecommended", "JSON arguments recommended for ENTRYPOINT/CMD to prevent unintended behavior related to OS signals", "json-args-recommended");
    internal static readonly LintRule MaintainerDeprecated = Rule("MaintainerDeprecated", "The MAINTAINER instruction is deprecated, use a label instead to define an image author", "maintainer-deprecated");
    internal static readonly LintRule UndefinedArgInFrom = Rule("UndefinedArgInFrom", "FROM command must use declared ARGs", "undefined-arg-in-from");
    internal static readonly LintRule WorkdirRelativePath = Rule("WorkdirRelativePath", "Relative workdir without an absolute workdir declared within the build can have unexpected results if the base image changes", "workdir-relative-path");
    internal static readonly LintRule UndefinedVar = Rule("UndefinedVar", "Variables should be defined before their use", "undefined-var");
    internal static readonly LintRule MultipleInstructionsDisallowed = Rule("MultipleInstructionsDisallowed", "Multiple instructions of the same type should not be used in the same stage", "multiple-instructions-disallowed");
    internal static readonly LintRule LegacyKeyValueFormat = Rule("LegacyKeyValueFormat", "Legacy key/value format with whitespace separator should not be used", "legacy-key-value-format");
    internal static readonly LintRule InvalidBaseImagePlatform = new("InvalidBaseImagePlatform", "Base image platform does not match expected target platform", null);
    internal static readonly LintRule RedundantTargetPlatform = Rule("RedundantTargetPlatform", "Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior", "redundant-target-platform");
    internal static readonly LintRule SecretsUsedInArgOrEnv = Rule("SecretsUsedInArgOrEnv", "Sensitive data should not be used in the ARG or ENV commands", "secrets-used-in-arg-or-env");
    internal static readonly LintRule InvalidDefaultArgInFrom = Rule("InvalidDefaultArgInFrom", "Default value for global ARG results in an empty or invalid base image name", "invalid-default-arg-in-from");
    internal static readonly LintRule FromPlatformFlagConstDisallowed = Rule("FromPlatformFlagConstDisallowed", "FROM --platform flag should not use a constant value", "from-platform-flag-const-disallowed");
    internal static readonly LintRule CopyIgnoredFile = Rule("CopyIgnoredFile", "Attempting to Copy file that is excluded by .dockerignore", "copy-ignored-file");
    internal static readonly LintRule InvalidDefinitionDescription = Rule("InvalidDefinitionDescription", "Comment for build stage or argument should follow the format: `# <arg/stage name> <description>`. If this is not intended to be a description comment, add an empty line or comment between the instruction and the comment.", "invalid-definition-description") with { IsExperimental = true };
    internal static readonly LintRule ExposeProtoCasing = Rule("ExposeProtoCasing", "Protocol in EXPOSE instruction should be lowercase", "expose-proto-casing");
    internal static readonly LintRule ExposeInvalidFormat = Rule("ExposeInvalidFormat", "IP address and host-port mapping should not be used in EXPOSE instruction. This will become an error in a future release", "expose-invalid-format");

    /// <summary>All rules.</summary>
    public static IReadOnlyList<LintRule> All { get; } =
    [
        StageNameCasing, FromAsCasing, NoEmptyContinuation, ConsistentInstructionCasing, DuplicateStageName, ReservedStageName,
        JsonArgsRecommended, MaintainerDeprecated, UndefinedArgInFrom, WorkdirRelativePath, UndefinedVar,
        MultipleInstructionsDisallowed, LegacyKeyValueFormat, InvalidBaseImagePlatform, RedundantTargetPlatform,
        SecretsUsedInArgOrEnv, InvalidDefaultArgInFrom, FromPlatformFlagConstDisallowed, CopyIgnoredFile,
        InvalidDefinitionDescription, ExposeProtoCasing, ExposeInvalidFormat,
    ];

    private static LintRule Rule(string name, string description, string page) =>
        new(name, description, $"https://docs.docker.com/go/dockerfile/rule/{page}/");
}
