using CrunSharp.Build.Contexts;
using CrunSharp.Build.Dockerfile;
using CrunSharp.Build.Dockerfile.Instructions;
using CrunSharp.Build.Graph;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;

namespace CrunSharp.Build;

/// <summary>Finds out what has to be built, and brings the images that it takes.</summary>
internal sealed class GraphMaking(BuildRequest request, ParsedDockerfile file, BuildArguments arguments, BuildSources sources,
    FetchedContexts contexts, Func<string, IDisposable> fetching)
{
    /// <summary>Makes the graph for a platform; what it needs from elsewhere is there afterwards.</summary>
    /// <remarks>Base images may have triggers, and triggers may need more stages: images are looked up while the graph is made.</remarks>
    /// <param name="platform">The platform; null for this host's.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="CrunException">A stage is wrong, or an image cannot be had.</exception>
    public async Task<BuildGraph> MakeGraphAsync(Platform? platform, CancellationToken cancellationToken)
    {
        var own = platform is null || platform == request.Platforms[0] ? arguments : BuildArguments.Create(file, request.BuildArgs, request.Target, platform);
        for (; ; )
        {
            StageNode? missing = null;
            var graph = BuildGraph.Create(file, own, platform, request.Target, sources.Named, node =>
            {
                if (sources.TryFind(node.BaseName, node) is { } image) return image.Config.Config?.OnBuild ?? [];
                missing ??= node;
                return [];
            });
            if (missing is not null)
            {
                await PullAsync(missing.BaseName, missing, missing.Stage.From, cancellationToken).ConfigureAwait(false);
                continue;
            }
            // Before steps run: two that draw on one terminal would disturb each other.
            foreach (var (stage, node) in graph.Stages.SelectMany(static stage => stage.Instructions.Select(node => (stage, node))))
            {
                foreach (var (_, name) in (IEnumerable<FileSource>)[node.Source, .. node.Mounts])
                {
                    if (sources.IsImage(name) && sources.TryFind(name, stage) is null)
                        await PullAsync(name, stage, node.Instruction, cancellationToken).ConfigureAwait(false);
                    if (name is not null && sources.Named.TryGetValue(name, out var context) && context.IsRemote)
                        await contexts.FetchAsync(name, context, fetching, cancellationToken).ConfigureAwait(false);
                }
            }
            return graph;
        }
    }

    private async Task PullAsync(string image, StageNode stage, Instruction needs, CancellationToken cancellationToken)
    {
        try
        {
            await sources.PullAsync(image, stage, cancellationToken).ConfigureAwait(false);
        }
        catch (CrunException error)
        {
            // A stage that is written wrongly is taken for an image.
            var near = Suggestion.Near(image, file.Stages.Select(static stage => stage.From.StageName).OfType<string>());
            throw DockerfileError.Within(file.Source, needs.Range, (near is null ? error : new CrunException(error.Kind, $"{error.Message} (did you mean {near}?)", inner: error)).About(image));
        }
    }
}
