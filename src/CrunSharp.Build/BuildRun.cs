using System.Globalization;
using CrunSharp.Build.Cache;
using CrunSharp.Build.Dockerfile;
using CrunSharp.Build.Dockerfile.Instructions;
using CrunSharp.Build.Graph;
using CrunSharp.Build.Progress;
using CrunSharp.Build.Steps;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;
using CrunSharp.Storage;

namespace CrunSharp.Build;

/// <summary>One build, from the graph to the image.</summary>
internal sealed class BuildRun(Store store, BuildCache cache, BuildRequest request, ParsedDockerfile file, BuildArguments arguments,
    IStepRunner runner, IBuildProgress progress, TimeProvider clock) : IAsyncDisposable
{
    private readonly List<LayerDraft> _drafts = [];
    private readonly List<Task> _commits = [];
    private readonly Dictionary<StageNode, StageResult> _done = [];
    private readonly BuildSources _sources = new(store, cache, request, clock);
    private int _steps;
    private int _cached;
    private int _shown;

    public async Task<BuildResult> RunAsync(CancellationToken cancellationToken)
    {
        var graph = await MakeGraphAsync(cancellationToken).ConfigureAwait(false);
        foreach (var stage in graph.Stages)
            _done[stage] = await BuildStageAsync(graph, stage, cancellationToken).ConfigureAwait(false);

        var target = _done[graph.Target];
        target.Image.AddLabels(request.Labels);
        var exporting = Show("exporting to image");
        progress.Started(exporting);
        await Task.WhenAll(_commits).ConfigureAwait(false);
        var diffIds = await target.DiffIdsAsync().ConfigureAwait(false);
        var history = TimedHistory(target, out var created);
        var config = ImageJson.Write(target.Image.Finish(diffIds, created, history));
        _sources.SaveIndexes();
        var image = store.Images.Add(config, request.Tags);
        store.Sync();
        progress.Finished(exporting);
        WarnOfUnused();
        return new BuildResult(image.Id, _steps, _cached);
    }

    /// <summary>Waits for what still reads a draft, then removes all that is not needed.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var commit in _commits)
        {
            try
            {
                await commit.ConfigureAwait(false);
            }
            catch (Exception error) when (error is CrunException or IOException or OperationCanceledException)
            {
                // It was reported, or the build failed before it mattered.
            }
        }
        _sources.Dispose();
        foreach (var draft in _drafts) draft.Dispose();
    }

    // Base images may have triggers, and triggers may need more stages: images are looked up while the graph is made.
    private async Task<BuildGraph> MakeGraphAsync(CancellationToken cancellationToken)
    {
        for (; ; )
        {
            string? missing = null;
            var graph = BuildGraph.Create(file, arguments, request.Target, name =>
            {
                if (_sources.TryFind(name) is { } image) return image.Config.Config?.OnBuild ?? [];
                missing ??= name;
                return [];
            });
            if (missing is null) return graph;
            try
            {
                await _sources.PullAsync(missing, cancellationToken).ConfigureAwait(false);
            }
            catch (CrunException error)
            {
                var from = file.Stages.First(stage => graph.Stages.Any(node => node.Stage == stage && node.BaseName == missing)).From;
                throw DockerfileError.Within(file.Source, from.Range, error);
            }
        }
    }

    private async Task<StageResult> BuildStageAsync(BuildGraph graph, StageNode stage, CancellationToken cancellationToken)
    {
        var labels = new StepLabels(stage, graph.Stages.Count > 1);
        var result = Start(stage, labels);
        foreach (var node in stage.Instructions)
        {
            cancellationToken.ThrowIfCancellationRequested();
            try
            {
                var instruction = node.Instruction.Expand(new WordExpander(file.Escape, result.Image.LookUp));
                if (instruction is RunInstruction or TransferInstruction or WorkdirInstruction)
                    await BuildStepAsync(result, node, instruction, labels, cancellationToken).ConfigureAwait(false);
                else
                    result.Image.Apply(instruction, file.Escape);
            }
            catch (CrunException error)
            {
                throw DockerfileError.Within(file.Source, node.Instruction.Range, error);
            }
            catch (IOException error)
            {
                throw DockerfileError.Within(file.Source, node.Instruction.Range, new CrunException(ErrorKind.System, error.Message, node.Instruction.Name, inner: error));
            }
        }
        return result;
    }

    private StageResult Start(StageNode stage, StepLabels labels)
    {
        if (stage.BaseStage is { } parent)
            return new StageResult(_done[parent].Image.Fork(), _done[parent].Layers) { IsNew = _done[parent].IsNew };
        if (stage.IsFromScratch) return new StageResult(StageImage.FromScratch(arguments), []);
        try
        {
            var image = _sources.Find(stage.BaseName);
            progress.Cached(Show(labels.Next($"FROM {stage.BaseName}")));
            return new StageResult(StageImage.From(arguments, image.Config), _sources.LayersOf(image));
        }
        catch (CrunException error)
        {
            throw DockerfileError.Within(file.Source, stage.Stage.From.Range, error);
        }
    }

    private async Task BuildStepAsync(StageResult stage, InstructionNode node, Instruction instruction, StepLabels labels, CancellationToken cancellationToken)
    {
        var label = labels.Next(instruction is TransferInstruction or WorkdirInstruction ? TitleOf(instruction) : instruction.Original);
        BuildStep? shown = null;
        try
        {
            var view = stage.View();
            LayerStep? step = instruction switch
            {
                RunInstruction run => MakeRun(stage, run, label),
                WorkdirInstruction workdir => MakeWorkdir(stage, workdir, view, label),
                TransferInstruction transfer => await MakeCopyAsync(stage, node, transfer, view, label, cancellationToken).ConfigureAwait(false),
                _ => throw new ArgumentException($"{instruction.Name} changes no files", nameof(instruction)),
            };
            if (step is null) return;
            _steps++;
            stage.Image.AddHistory(step.History, hasLayer: true);
            var key = step.Key;
            var withoutParent = key.WithoutParent();
            if (!request.NoCache && await TryHitAsync(stage, key, withoutParent).ConfigureAwait(false))
            {
                _cached++;
                progress.Cached(Show(label));
                return;
            }
            shown = Show(label);
            progress.Started(shown);
            stage.IsNew |= !cache.WasDone(withoutParent);
            await DoAsync(stage, step, key, withoutParent, shown, view, cancellationToken).ConfigureAwait(false);
            progress.Finished(shown);
        }
        catch (Exception error) when (error is CrunException or IOException)
        {
            if (shown is null) progress.Started(shown = Show(label));
            progress.Failed(shown, error.Message);
            throw;
        }
        catch (OperationCanceledException) when (shown is not null)
        {
            progress.Failed(shown, "context canceled");
            throw;
        }
    }

    // The digest of a parent that was just made takes a while: it is waited for only when it can matter.
    private async Task<bool> TryHitAsync(StageResult stage, CacheKey key, Digest withoutParent)
    {
        if (stage.IsNew || !cache.WasDone(withoutParent)) return false;
        var record = cache.TryGet(key.On(await stage.DiffIdsAsync().ConfigureAwait(false)));
        if (record?.DiffId is not { } diffId || _sources.TryLayer(diffId) is not { } layer) return false;
        stage.Add(_sources.Use(layer, record.Created));
        return true;
    }

    private async Task DoAsync(StageResult stage, LayerStep step, CacheKey key, Digest withoutParent, BuildStep shown, LayerView? view, CancellationToken cancellationToken)
    {
        var draft = store.Layers.Begin();
        _drafts.Add(draft);
        var output = new StepOutput((bytes, isError) => progress.Output(shown, bytes, isError));
        await step.RunAsync(new StepSite(stage.Lowers(), view, draft, output), cancellationToken).ConfigureAwait(false);

        // From here on the directory is frozen: the next step stands on it while its digest is made.
        var created = Now();
        var parent = stage.DiffIdsAsync();
        var commit = Task.Run(async () =>
        {
            var layer = store.Layers.Commit(draft);
            cache.Put(key.On(await parent.ConfigureAwait(false)), withoutParent, new CacheRecord { DiffId = layer.DiffId, Created = created, Parts = key.Parts });
            return layer;
        }, CancellationToken.None);
        _commits.Add(commit);
        stage.Add(new BuiltLayer(new StepLayer(draft.Directory, []), commit, created, HidesAll: false));
    }

    private RunStep MakeRun(StageResult stage, RunInstruction run, string label)
    {
        if (run.Mounts.Count > 0) throw CrunException.Unsupported("RUN --mount is not supported yet");
        if (run.Security == "insecure") throw CrunException.Unsupported("RUN --security=insecure is not supported yet");
        if (run.Devices.Count > 0) throw CrunException.Unsupported("RUN --device is not supported yet");
        if (run.CommandWithHeredocs is { IsShell: true, Words: [['#', '!', ..]] } && run.Heredocs.Count > 0)
            throw CrunException.Unsupported("RUN with a heredoc that starts with #! is not supported yet");
        var args = run.CommandWithHeredocs.WithShell(stage.Image.Shell);
        return new RunStep(runner)
        {
            Title = label,
            History = $"RUN {stage.Image.ArgumentPrefix()}{string.Join(' ', args)} # buildkit",
            Args = args,
            Env = stage.Image.Environment(),
            HiddenEnv = [.. arguments.Proxies.Where(proxy => stage.Image.LookUp(proxy.Key) is null).Select(static proxy => $"{proxy.Key}={proxy.Value}")],
            Cwd = stage.Image.WorkingDirectory,
            User = stage.Image.User,
            Network = run.Network switch { "none" => StepNetwork.None, "host" => StepNetwork.Host, _ => request.Network },
            Hostname = arguments.Given("BUILDKIT_SANDBOX_HOSTNAME") ?? "buildkitsandbox",
        };
    }

    private static WorkdirStep? MakeWorkdir(StageResult stage, WorkdirInstruction workdir, LayerView? view, string label)
    {
        if (workdir.Path.Length == 0) throw CrunException.Invalid("WORKDIR requires exactly one argument");
        var path = PosixPath.InRoot(PosixPath.Join(stage.Image.WorkingDirectory, workdir.Path));
        stage.Image.SetWorkingDirectory(path);
        var there = view?.Resolve(path);
        if (there is { Status: not null, IsDirectory: false }) throw CrunException.Invalid($"{path}: not a directory");
        if (path == "/" || there is { IsDirectory: true })
        {
            stage.Image.AddHistory($"WORKDIR {path}", hasLayer: false);
            return null;
        }
        return new WorkdirStep { Title = label, History = $"WORKDIR {path}", Path = path, Owner = OwnerOf(view, stage.Image.User) };
    }

    // As BuildKit: a user that is not known yet leaves the directory to root.
    private static (uint Uid, uint Gid) OwnerOf(LayerView? view, string user)
    {
        try
        {
            return user.Length == 0 ? (0, 0) : UserDatabase.Resolve(view, user);
        }
        catch (CrunException error) when (error.Kind == ErrorKind.NotFound)
        {
            return (0, 0);
        }
    }

    private async Task<CopyStep> MakeCopyAsync(StageResult stage, InstructionNode node, TransferInstruction transfer, LayerView? view, string label, CancellationToken cancellationToken)
    {
        var copy = transfer as CopyInstruction;
        CheckTransfer(transfer);
        var tree = transfer.Sources.Count == 0 ? null
            : node.Source is { } source ? _sources.TreeOf(_done[source], source)
            : node.SourceImage is { } name ? await _sources.TreeOfAsync(name, cancellationToken).ConfigureAwait(false)
            : _sources.Context();
        var exclude = transfer.Exclude.Count == 0 ? DockerIgnore.None : DockerIgnore.FromPatterns(transfer.Exclude);
        var sources = new List<CopySource>();
        foreach (var pattern in transfer.Sources) sources.AddRange(tree!.Select(pattern, exclude, cancellationToken));
        (uint, uint)? owner = transfer.Owner is { } text ? UserDatabase.Resolve(view, text) : copy?.From is null ? (0u, 0u) : null;
        var destination = PosixPath.Join(stage.Image.WorkingDirectory, transfer.Destination);
        if ((transfer.Destination is "" or "." or ".." || transfer.Destination.EndsWith('/') || transfer.Destination.EndsWith("/.", StringComparison.Ordinal)) && destination != "/") destination += "/";
        return new CopyStep
        {
            Title = label,
            History = HistoryOf(transfer),
            Op = transfer.Name,
            Tree = tree,
            Sources = sources,
            Archives = transfer is AddInstruction ? sources.Where(s => ArchiveUnpacker.IsArchive(tree!, s)).ToHashSet() : [],
            Documents = [.. transfer.Heredocs.Zip(transfer.Bodies, static (h, body) => KeyValuePair.Create(h.Name, body))],
            Destination = destination,
            Rules = new CopyRules(owner, transfer.Mode is { } mode ? ParseMode(mode) : null),
        };
    }

    private static void CheckTransfer(TransferInstruction transfer)
    {
        if (transfer is CopyInstruction { Parents: true }) throw CrunException.Unsupported("COPY --parents is not supported yet");
        if (transfer is AddInstruction { Checksum: not null } or AddInstruction { KeepGitDir: true } or AddInstruction { Unpack: not null })
            throw CrunException.Unsupported("ADD --checksum, --keep-git-dir and --unpack are not supported yet");
        foreach (var source in transfer.Sources)
        {
            if (!source.StartsWith("http://", StringComparison.Ordinal) && !source.StartsWith("https://", StringComparison.Ordinal)
                && !source.StartsWith("git@", StringComparison.Ordinal) && !source.StartsWith("git://", StringComparison.Ordinal)) continue;
            throw transfer is CopyInstruction ? CrunException.Invalid($"source can't be a URL for COPY: {source}")
                : CrunException.Unsupported("ADD of a URL is not supported yet");
        }
        if (transfer.Sources.Count + transfer.Heredocs.Count > 1 && !transfer.Destination.EndsWith('/') && transfer.Destination is not ("." or ".."))
            throw CrunException.Invalid($"When using {transfer.Name} with more than one source file, the destination must be a directory and end with a /");
    }

    private static uint ParseMode(string text)
    {
        if (text.Length is 0 or > 5 || text.AsSpan().ContainsAnyExceptInRange('0', '7') || Convert.ToUInt32(text, 8) is > 0xfff)
            throw CrunException.Invalid($"invalid chmod parameter: '{text}'. it should be octal string and between 0 and 07777");
        return Convert.ToUInt32(text, 8);
    }

    private static string HistoryOf(TransferInstruction transfer)
    {
        var flags = (transfer.Owner is { } owner ? $" --chown={owner}" : "") + (transfer.Mode is { } mode ? $" --chmod={mode}" : "");
        return $"{transfer.Name}{flags}{string.Concat(transfer.Sources.Select(static s => " " + s))}{string.Concat(transfer.Heredocs.Select(static h => " <<" + h.Name))} {transfer.Destination} # buildkit";
    }

    private static string TitleOf(Instruction instruction) => instruction switch
    {
        WorkdirInstruction workdir => $"WORKDIR {workdir.Path}",
        CopyInstruction { From: { } from } copy => $"COPY --from={from} {string.Join(' ', copy.Sources)} {copy.Destination}",
        TransferInstruction transfer => HistoryOf(transfer)[..^" # buildkit".Length],
        _ => instruction.Original,
    };

    // New entries get the time of their layer; those without one the time of the layer before, or else of the first.
    private static List<HistoryEntry> TimedHistory(StageResult target, out string? created)
    {
        var history = target.Image.History.ToList();
        var inherited = target.Image.InheritedHistory;
        var layers = target.Layers.Where(static layer => layer.Created is not null).ToList();
        var time = layers.Count > 0 ? layers[0].Created : target.Image.Start?.Created;
        var next = 0;
        for (var i = inherited; i < history.Count; i++)
        {
            if (history[i].EmptyLayer != true && next < layers.Count) time = layers[next++].Created;
            history[i] = history[i] with { Created = time };
        }
        created = time;
        return history;
    }

    private string Now() => SourceDateEpoch() ?? clock.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss.fffffff'Z'", CultureInfo.InvariantCulture);

    private string? SourceDateEpoch() =>
        long.TryParse(arguments.Given("SOURCE_DATE_EPOCH") ?? arguments.Global("SOURCE_DATE_EPOCH"), NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
        && seconds <= 253402300799
            ? DateTimeOffset.FromUnixTimeSeconds(seconds).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture) : null;

    private BuildStep Show(string title) => new(++_shown, title);

    private void WarnOfUnused()
    {
        var declared = file.GlobalArguments.Concat(file.Stages.SelectMany(static stage => stage.Instructions.OfType<ArgInstruction>()))
            .SelectMany(static instruction => instruction.Arguments).Select(static argument => argument.Name).ToHashSet(StringComparer.Ordinal);
        var unused = arguments.GivenNames.Where(name => !declared.Contains(name) && !BuildArguments.IsProxy(name)
            && arguments.Global(name) is null && !name.StartsWith("BUILDKIT_", StringComparison.Ordinal) && name != "SOURCE_DATE_EPOCH").Order(StringComparer.Ordinal).ToList();
        if (unused.Count > 0) progress.Warning($"[Warning] One or more build-args {GoText.Quote(unused)} were not consumed");
    }
}
