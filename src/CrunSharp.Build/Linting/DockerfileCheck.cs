using CrunSharp.Build.Cache;
using CrunSharp.Build.Dockerfile;
using CrunSharp.Build.Graph;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;
using CrunSharp.Storage;

namespace CrunSharp.Build.Linting;

/// <summary>What <c>--check</c> found.</summary>
/// <param name="Source">The Dockerfile.</param>
/// <param name="Warnings">Where it does not follow the rules, in the order in which that was found.</param>
/// <param name="Error">What would make the build fail before anything is done; null when there is nothing of the kind.</param>
/// <param name="IsParsed">Whether all instructions could be read.</param>
public sealed record CheckResult(DockerfileSource Source, IReadOnlyList<LintWarning> Warnings, CrunException? Error, bool IsParsed);

/// <summary>Looks at a Dockerfile as a build with the same options would.</summary>
internal static class DockerfileCheck
{
    private const string ChecksVariable = "BUILDKIT_DOCKERFILE_CHECK";

    /// <summary>Reads a Dockerfile, and looks at what needs nothing but its text and the caller's variables.</summary>
    /// <exception cref="CrunException">It is wrong.</exception>
    public static (ParsedDockerfile File, BuildArguments Arguments) Read(DockerfileSource source, BuildRequest request, Linter linter)
    {
        var file = Parser.Parse(source, linter, request.BuildArgs.GetValueOrDefault(ChecksVariable));
        if (DefaultsOf(file, request) is { } defaults) FromLint.CheckDefaults(file, defaults, linter);
        return (file, ArgumentsOf(file, request));
    }

    /// <summary>The variables before the first FROM.</summary>
    /// <exception cref="CrunException">A default cannot be expanded.</exception>
    public static BuildArguments ArgumentsOf(ParsedDockerfile file, BuildRequest request) =>
        ArgumentsOf(file, request, PlatformOf(request));

    /// <summary>The variables before the first FROM, for one of the platforms.</summary>
    /// <exception cref="CrunException">A default cannot be expanded.</exception>
    public static BuildArguments ArgumentsOf(ParsedDockerfile file, BuildRequest request, Platform? platform) =>
        BuildArguments.Create(file, request.BuildArgs, request.Target, platform ?? Platform.Host);

    /// <summary>Looks at the instructions of stages.</summary>
    /// <exception cref="CrunException">One is wrong, with its place.</exception>
    public static void CheckStages(BuildGraph graph, ParsedDockerfile file, BuildArguments arguments, BuildSources sources, Linter linter)
    {
        var lint = new StageLint(file, arguments, sources.TryIgnore, linter);
        var images = new Dictionary<StageNode, ImageConfig>();
        foreach (var stage in graph.Stages)
        {
            if (stage.BaseStage is not null || stage.IsFromScratch || !sources.IsImage(stage.BaseName) || sources.TryFind(stage.BaseName, stage, isOtherFine: true) is not { } image) continue;
            images[stage] = image.Config;
            lint.CheckBase(stage, image.Config, stage.Platform);
        }
        foreach (var stage in graph.Stages) lint.Check(stage, images.GetValueOrDefault(stage)?.Config);
    }

    /// <summary>Looks at a Dockerfile without building: at all stages, unless one is wanted; at base images as far as they are in the store.</summary>
    /// <param name="store">Where images are.</param>
    /// <param name="source">The Dockerfile.</param>
    /// <param name="request">What a build would be asked for.</param>
    /// <param name="clock">The time.</param>
    public static CheckResult Run(Store store, DockerfileSource source, BuildRequest request, TimeProvider clock)
    {
        var warnings = new List<LintWarning>();
        var linter = new Linter(warnings.Add);
        var isParsed = false;
        try
        {
            var (file, arguments) = Read(source, request, linter);
            isParsed = true;
            using var cache = BuildCache.Open(store.Root);
            using var sources = new BuildSources(store, cache, request with { AlwaysPull = false }, clock);
            foreach (var platform in PlatformsOf(request))
            {
                var own = platform == PlatformOf(request) ? arguments : ArgumentsOf(file, request, platform);
                linter.BeginPlatform();
                FromLint.CheckVariables(file, own, linter);
                var graph = BuildGraph.Create(file, own, platform, request.Target, sources.Named,
                    node => sources.IsImage(node.BaseName) ? sources.TryFind(node.BaseName, node, isOtherFine: true)?.Config.Config?.OnBuild ?? [] : [], isCheck: true);
                CheckStages(graph, file, own, sources, linter);
            }
            linter.ThrowIfError();
            return new CheckResult(source, warnings, null, isParsed);
        }
        catch (CrunException error)
        {
            return new CheckResult(source, warnings, error, isParsed);
        }
    }

    /// <summary>The platforms that are wanted; null alone for this host's.</summary>
    public static List<Platform?> PlatformsOf(BuildRequest request) => request.Platforms.Count > 0 ? [.. request.Platforms] : [null];

    private static Platform? PlatformOf(BuildRequest request) => request.Platforms.Count > 0 ? request.Platforms[0] : null;

    // What is wrong with a default is said where the values are worked out.
    private static BuildArguments? DefaultsOf(ParsedDockerfile file, BuildRequest request)
    {
        try
        {
            return BuildArguments.Create(file, new Dictionary<string, string?>(), request.Target, PlatformOf(request) ?? Platform.Host);
        }
        catch (CrunException)
        {
            return null;
        }
    }
}
