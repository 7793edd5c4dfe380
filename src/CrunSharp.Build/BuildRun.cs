using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using CrunSharp.Build.Cache;
using CrunSharp.Build.Cache.Transfers;
using CrunSharp.Build.Contexts;
using CrunSharp.Build.Dockerfile;
using CrunSharp.Build.Dockerfile.Instructions;
using CrunSharp.Build.Graph;
using CrunSharp.Build.Linting;
using CrunSharp.Build.Outputs;
using CrunSharp.Build.Progress;
using CrunSharp.Build.Remote;
using CrunSharp.Build.Steps;
using CrunSharp.Oci;
using CrunSharp.Storage;

namespace CrunSharp.Build;

/// <summary>One build, from the graph to the image. Stages run side by side and wait for each other where they meet.</summary>
internal sealed class BuildRun(Store store, BuildCache cache, BuildRequest request, ParsedDockerfile file, BuildArguments arguments,
    Linter linter, IStepRunner runner, IBuildProgress progress, TimeProvider clock, FetchedContexts contexts, StepNumbers numbers) : IAsyncDisposable
{
    private readonly ConcurrentBag<LayerDraft> _drafts = [];
    private readonly ConcurrentBag<Task> _commits = [];
    private readonly ConcurrentDictionary<Digest, TaskCompletionSource<BuiltLayer>> _layers = [];
    private readonly Dictionary<StageNode, Task<StageResult>> _stages = [];
    private readonly SemaphoreSlim _running = new(request.MostAtOnce ?? Math.Max(4, Environment.ProcessorCount));
    private readonly BuildSources _sources = new(store, cache, request, clock, contexts);
    private readonly DateTimeOffset? _epoch = SourceDateEpoch.Of(request);
    private readonly HashSet<StageNode> _wanted = [];
    private readonly HashSet<StageNode> _targets = [];
    private readonly DateTimeOffset _started = clock.GetUtcNow();
    private readonly Downloads _downloads = new(store, cache.Downloads) { MostBytes = request.MostFetchedBytes };
    private readonly GitSource _git = new(store) { MostBytes = request.MostFetchedBytes };
    private readonly CacheTransfers _transfers = new(store, cache, request, progress, numbers.Fetching, clock);
    private EarlyCompression? _compression;
    private readonly StepTraces _traces = new(store.Root, request, progress);
    private int _steps;
    private int _cached;
    private bool _isComplete;

    public async Task<BuildResult> RunAsync(CancellationToken cancellationToken)
    {
        FromLint.CheckVariables(file, arguments, linter);
        var planning = new GraphMaking(request, file, arguments, _sources, contexts, Fetching);
        var graphs = new List<BuildGraph>();
        foreach (var platform in DockerfileCheck.PlatformsOf(request))
            graphs.Add(await planning.MakeGraphAsync(platform, cancellationToken).ConfigureAwait(false));
        foreach (var graph in graphs)
        {
            _targets.Add(graph.Target);
            for (var stage = graph.Target; stage is not null; stage = stage.BaseStage) _wanted.Add(stage);
        }
        foreach (var (graph, platform) in graphs.Zip(DockerfileCheck.PlatformsOf(request)))
        {
            linter.BeginPlatform();
            DockerfileCheck.CheckStages(graph, file, DockerfileCheck.ArgumentsOf(file, request, platform), _sources, linter);
        }
        linter.ThrowIfError();
        _compression = new EarlyCompression(store, request.Output, cancellationToken);
        await BuildStagesAsync(graphs, cancellationToken).ConfigureAwait(false);
        _isComplete = true;
        await Task.WhenAll(_commits).ConfigureAwait(false);
        var images = new List<BuiltImage>();
        foreach (var graph in graphs) images.Add(await FinishAsync(graph.Target).ConfigureAwait(false));
        _sources.SaveIndexes();
        await _compression.FinishAsync().ConfigureAwait(false);
        // No step looks at a draft any more. Those whose layer was there already are not to be waited for on their way to the disk.
        foreach (var draft in _drafts) draft.Dispose();
        var result = await new Exporter(store, request, _epoch, clock, Fetching) { Provenance = ProvenanceOf() }.RunAsync(images, cancellationToken).ConfigureAwait(false);
        store.Sync();
        await _transfers.ExportAsync(await LayersOfAsync(graphs).ConfigureAwait(false), cancellationToken).ConfigureAwait(false);
        if (arguments.Unused(file) is { Count: > 0 } unused)
            progress.Warning($"One or more build-args [{string.Join(' ', unused)}] were not consumed");
        if (request.Output.Provenance is not null && !Exporter.OutputsOf(request).Any(static output => output.HasBlobs))
            progress.Warning("the provenance is nowhere: only archives and registries hold it");
        return result with { Steps = _steps, Cached = _cached };
    }

    private Provenance? ProvenanceOf() => request.Output.Provenance is { } options
        ? new Provenance(options, request, Encoding.UTF8.GetBytes(string.Concat(file.Source.Lines)), _sources.Materials(), _started, clock) : null;

    private async Task<IReadOnlyList<BuiltLayer>> LayersOfAsync(IEnumerable<BuildGraph> graphs) =>
        [.. (await Task.WhenAll(graphs.Select(graph => _stages[graph.Target])).ConfigureAwait(false)).SelectMany(static stage => stage.Layers).Distinct()];

    private async Task<BuiltImage> FinishAsync(StageNode target)
    {
        var stage = await _stages[target].ConfigureAwait(false);
        stage.Image.AddLabels(request.Labels);
        var layers = await Task.WhenAll(stage.Layers.Select(static layer => layer.Committed)).ConfigureAwait(false);
        var config = stage.Image.Finish([.. layers.Select(static layer => layer.DiffId)], stage.Layers.Select(static layer => layer.Created), SourceDateEpoch.Format(_epoch));
        return new BuiltImage(target.Platform, config, layers, stage.Layers.Count(static layer => layer.Created is null), stage.BaseId);
    }

    /// <summary>Waits for what still reads a draft, then removes all that is not needed.</summary>
    public async ValueTask DisposeAsync()
    {
        // What failed was reported, or the build failed before it mattered.
        foreach (var commit in _commits) await commit.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (_compression is not null) await _compression.FinishAsync().ConfigureAwait(false);
        await _traces.EndAsync(_isComplete).ConfigureAwait(false);
        _sources.Dispose();
        _downloads.Dispose();
        _transfers.Dispose();
        foreach (var draft in _drafts) draft.Dispose();
        _running.Dispose();
    }

    // The first failure stops the others, and is told when they have stopped.
    private async Task BuildStagesAsync(IReadOnlyList<BuildGraph> graphs, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Exception? first = null;
        foreach (var (graph, stage) in graphs.SelectMany(static graph => graph.Stages.Select(stage => (graph, stage))))
        {
            var labels = new StepLabels(stage, named: graph.Stages.Count > 1, hasPlatform: graphs.Count > 1);
            _stages[stage] = Task.Run(() => BuildOrStopAsync(stage, labels), CancellationToken.None);
        }
        foreach (var task in _stages.Values) await ((Task)task).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (first is not null) System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(first);
        cancellationToken.ThrowIfCancellationRequested();

        async Task<StageResult> BuildOrStopAsync(StageNode stage, StepLabels labels)
        {
            try
            {
                return await BuildStageAsync(stage, labels, stop.Token).ConfigureAwait(false);
            }
            catch (Exception error)
            {
                if (error is not OperationCanceledException) Interlocked.CompareExchange(ref first, error, null);
                await stop.CancelAsync().ConfigureAwait(false);
                throw;
            }
        }
    }

    private async Task<StageResult> BuildStageAsync(StageNode stage, StepLabels labels, CancellationToken cancellationToken)
    {
        var result = await StartAsync(stage, labels, cancellationToken).ConfigureAwait(false);
        result.IsUncached = request.NoCacheStages.Contains(stage.Name);
        foreach (var node in stage.Instructions)
        {
            cancellationToken.ThrowIfCancellationRequested();
            try
            {
                var instruction = node.Instruction.Expand(new WordExpander(file.Escape, result.Image.LookUp));
                if (MayMakeLayer(instruction))
                    await BuildStepAsync(stage, result, node, instruction, labels, cancellationToken).ConfigureAwait(false);
                else
                    result.Image.Apply(instruction, file.Escape);
            }
            catch (Exception error) when (error is CrunException or IOException)
            {
                throw Located(error, node.Instruction);
            }
        }
        return result;
    }

    private static bool MayMakeLayer(Instruction instruction) => instruction is RunInstruction or TransferInstruction or WorkdirInstruction;

    private async Task<StageResult> StartAsync(StageNode stage, StepLabels labels, CancellationToken cancellationToken)
    {
        if (stage.BaseStage is { } parent) return (await ResultOf(parent, cancellationToken).ConfigureAwait(false)).Fork();
        if (stage.IsFromScratch) return new StageResult(StageImage.FromScratch(stage.Arguments, stage.Platform), []);
        try
        {
            var image = _sources.Find(stage.BaseName, stage);
            progress.Cached(Show(labels.Next($"FROM {stage.BaseName}")));
            var layers = _sources.LayersOf(image);
            if (_wanted.Contains(stage)) foreach (var layer in layers) _compression!.Add(layer.Committed, isNew: false, isLast: false);
            return new StageResult(StageImage.From(stage.Arguments, stage.Platform, image.Config), layers) { BaseId = image.Id };
        }
        catch (CrunException error)
        {
            throw DockerfileError.Within(file.Source, stage.Stage.From.Range, error);
        }
    }

    // A stage that failed is reported by itself: who waits for it only stops.
    private async Task<StageResult> ResultOf(StageNode stage, CancellationToken cancellationToken)
    {
        var task = _stages[stage];
        await ((Task)task).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return task.IsCompletedSuccessfully ? await task.ConfigureAwait(false) : throw new OperationCanceledException(cancellationToken);
    }

    private async Task BuildStepAsync(StageNode of, StageResult stage, InstructionNode node, Instruction instruction, StepLabels labels, CancellationToken cancellationToken)
    {
        var title = StepMaking.TitleOf(instruction);
        var shown = new ShownStep(progress, numbers, labels.Next(title));
        Action? note = null;
        try
        {
            var view = stage.View();
            var step = instruction is TransferInstruction transfer
                ? await new CopyMaking(_downloads, _git, Fetching).MakeAsync(stage, transfer, () => TreeOfAsync(node.Source, of, cancellationToken), view, cancellationToken).ConfigureAwait(false)
                : new StepMaking(store, request, of.Arguments, runner) { Fill = _transfers.TryFill }.Make(stage, of.Platform, instruction, await MountsOfAsync(of, stage, node, instruction, cancellationToken).ConfigureAwait(false), view);
            if (step is null) return;
            stage.Image.AddHistory(step.History, hasLayer: true);
            Interlocked.Increment(ref _steps);

            var parent = ParentOf(step, stage);
            note = () => _traces.Note(of, title, step, parent, shown.Step, request.NoCache ? "--no-cache" : stage.IsUncached ? $"--no-cache-filter {of.Name}" : step.Refused);

            // The same step of two stages is done once.
            var withoutParent = step.Key.WithoutParent();
            var mine = new TaskCompletionSource<BuiltLayer>(TaskCreationOptions.RunContinuationsAsynchronously);
            var shared = _layers.GetOrAdd(step.IsIndependent ? withoutParent : stage.DefinitionOf(withoutParent), mine);
            var layer = shared == mine
                ? await MakeLayerAsync(stage, step, withoutParent, mine, instruction, shown, view, cancellationToken).ConfigureAwait(false)
                : await shared.Task.ConfigureAwait(false);
            _transfers.Note(step.Key, step.IsIndependent ? [] : [.. stage.Layers], layer);
            stage.Add(layer, withoutParent);
            if (_wanted.Contains(of)) _compression!.Add(layer.Committed, isNew: true, isLast: _targets.Contains(of) && ReferenceEquals(node, of.Instructions.FindLast(static other => MayMakeLayer(other.Instruction))));
            shown.End();
            if (!shown.WasStarted) Interlocked.Increment(ref _cached);
        }
        catch (Exception error) when (error is CrunException or IOException)
        {
            shown.Fail(CrunException.Of(error).Message);
            throw;
        }
        catch (OperationCanceledException) when (shown.WasStarted)
        {
            shown.Fail(ShownStep.Canceled);
            throw;
        }
        finally
        {
            note?.Invoke();
        }
    }

    private async Task<SourceTree> TreeOfAsync(FileSource source, StageNode of, CancellationToken cancellationToken) =>
        source.Stage is { } stage ? _sources.TreeOf(await ResultOf(stage, cancellationToken).ConfigureAwait(false), stage)
        : source.Name is { } name ? _sources.TreeOf(name, of)
        : _sources.Context();

    private async Task<IReadOnlyList<RunMountSource>> MountsOfAsync(StageNode of, StageResult stage, InstructionNode node, Instruction instruction, CancellationToken cancellationToken)
    {
        if (instruction is not RunInstruction { MountList: { Count: > 0 } list }) return [];
        var mounts = new List<RunMountSource>(list.Count);
        for (var i = 0; i < list.Count; i++)
        {
            var mount = list[i];
            var target = mount.Target is not { Length: > 0 } given ? "" : PosixPath.InRoot(PosixPath.Join(stage.Image.WorkingDirectory, given));
            if (target == "/") throw CrunException.Invalid($"invalid mount target {GoText.Quote(mount.Target!)}");
            var hasFiles = mount.Type == RunMountType.Bind || (mount is { Type: RunMountType.Cache, From: not null } && !mount.From.Equals(BuildGraph.Scratch, StringComparison.OrdinalIgnoreCase));
            var tree = hasFiles ? await TreeOfAsync(node.Mounts[i], of, cancellationToken).ConfigureAwait(false) : null;
            mounts.Add(new RunMountSource(mount, tree, tree?.Get(mount.Source ?? "/", cancellationToken)) { Target = target });
        }
        return mounts;
    }

    private async Task<BuiltLayer> MakeLayerAsync(StageResult stage, LayerStep step, Digest withoutParent, TaskCompletionSource<BuiltLayer> made,
        Instruction instruction, ShownStep shown, LayerView? view, CancellationToken cancellationToken)
    {
        try
        {
            var layer = request.NoCache || stage.IsUncached
                ? await DoAsync(stage, step, withoutParent, instruction, shown, view, null, cancellationToken).ConfigureAwait(false)
                : await TryHitAsync(stage, step, withoutParent, cancellationToken).ConfigureAwait(false)
                    ?? await new StepClaims(store).OnceAsync(step.IsIndependent ? withoutParent : stage.DefinitionOf(withoutParent),
                        () => Fetching($"wait for another build: {StepMaking.TitleOf(instruction)}"), () => TryHitAsync(stage, step, withoutParent, cancellationToken),
                        claim => DoAsync(stage, step, withoutParent, instruction, shown, view, claim, cancellationToken), cancellationToken).ConfigureAwait(false);
            made.SetResult(layer);
            return layer;
        }
        catch
        {
            // Who waits for the same step stops; the failure is this stage's to report.
            made.SetCanceled(CancellationToken.None);
            throw;
        }
    }

    private async Task<BuiltLayer?> TryHitAsync(StageResult stage, LayerStep step, Digest withoutParent, CancellationToken cancellationToken)
    {
        return await TryLocalAsync(stage, step, withoutParent).ConfigureAwait(false)
            ?? (await _transfers.TryBringAsync(step.Key, () => ParentOf(step, stage), cancellationToken).ConfigureAwait(false)
                ? await TryLocalAsync(stage, step, withoutParent).ConfigureAwait(false) : null);
    }

    // The digest of a parent that was just made takes a while: it is waited for only where the step was done on any parent.
    private async Task<BuiltLayer?> TryLocalAsync(StageResult stage, LayerStep step, Digest withoutParent)
    {
        if (!cache.WasDone(withoutParent)) return null;
        var key = step.Key.On(await ParentOf(step, stage).ConfigureAwait(false));
        var record = cache.TryGet(key);
        if (record?.DiffId is not { } diffId || _sources.TryLayer(diffId) is not { } layer) return null;
        var now = clock.GetUtcNow();
        if (record.IsOlderThan(request.CacheTtl, now))
        {
            step.Refused = $"older than --cache-ttl {GoText.Duration(request.CacheTtl!.Value.Ticks * 100)}{(record.Age(now) is { } age ? $": done {GoText.Duration((long)age.TotalSeconds * 1_000_000_000)} ago" : "")}";
            return null;
        }
        cache.Touch(key);
        return _sources.Use(layer, record.Created);
    }

    private static Task<IReadOnlyList<Digest>> ParentOf(LayerStep step, StageResult stage) =>
        step.IsIndependent ? Task.FromResult<IReadOnlyList<Digest>>([]) : stage.DiffIdsAsync();

    private async Task<BuiltLayer> DoAsync(StageResult stage, LayerStep step, Digest withoutParent,
        Instruction instruction, ShownStep shown, LayerView? view, Claim? claim, CancellationToken cancellationToken)
    {
        await _running.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return await DoNowAsync(stage, step, withoutParent, instruction, shown, view, claim, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _running.Release();
        }
    }

    // The claim ends when the result can be found.
    private async Task<BuiltLayer> DoNowAsync(StageResult stage, LayerStep step, Digest withoutParent,
        Instruction instruction, ShownStep shown, LayerView? view, Claim? claim, CancellationToken cancellationToken)
    {
        shown.Start();
        var draft = store.Layers.Begin();
        _drafts.Add(draft);
        var site = step.IsIndependent ? new StepSite([], null, draft, shown.Output) : new StepSite(stage.Lowers(), view, draft, shown.Output);
        if (request.OnFailure is { } onFailure)
        {
            site = site with
            {
                OnFailure = (spec, reason) =>
                {
                    shown.Fail(reason);
                    return onFailure(spec);
                },
            };
        }
        await step.RunAsync(site, cancellationToken).ConfigureAwait(false);

        // From here on the directory is frozen: the next step stands on it while its digest is made.
        var created = SourceDateEpoch.Format(_epoch) ?? clock.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss.fffffff'Z'", CultureInfo.InvariantCulture);
        var parent = ParentOf(step, stage);
        var key = step.Key;
        var commit = Task.Run(async () =>
        {
            try
            {
                var layer = store.Layers.Commit(draft);
                store.BeginSync();
                cache.Put(key.On(await parent.ConfigureAwait(false)), withoutParent, new CacheRecord { DiffId = layer.DiffId, Created = created, Stored = clock.GetUtcNow().ToUnixTimeSeconds(), Parts = key.Parts });
                return layer;
            }
            catch (Exception error) when (error is CrunException or IOException)
            {
                throw Located(error, instruction);
            }
            finally
            {
                claim?.Dispose();
            }
        }, CancellationToken.None);
        _commits.Add(commit);
        return new BuiltLayer(new ViewLayer(draft.Directory, []), commit, created, HidesAll: false);
    }

    private CrunException Located(Exception error, Instruction instruction) => DockerfileError.Within(file.Source, instruction.Range,
        CrunException.Of(error, instruction.Name));

    private FetchingStep Fetching(string title) => numbers.Fetching(title);

    private BuildStep Show(string title) => numbers.Next(title);
}
