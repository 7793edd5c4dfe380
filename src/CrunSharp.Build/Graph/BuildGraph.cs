using System.Globalization;
using CrunSharp.Build.Contexts;
using CrunSharp.Build.Dockerfile;
using CrunSharp.Build.Dockerfile.Instructions;
using CrunSharp.Engine.Transfers;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;

namespace CrunSharp.Build.Graph;

/// <summary>An instruction of a stage with what it takes files from.</summary>
/// <param name="Instruction">The instruction.</param>
/// <param name="Source">Where COPY and ADD take files from.</param>
/// <param name="Mounts">Where the mounts of RUN take files from, one for each.</param>
/// <param name="IsTrigger">Whether it comes from an ONBUILD of the base.</param>
internal sealed record InstructionNode(Instruction Instruction, FileSource Source, IReadOnlyList<FileSource> Mounts, bool IsTrigger);

/// <summary>Where files come from: a stage, or an image or named context; with neither, the build context.</summary>
internal readonly record struct FileSource(StageNode? Stage, string? Name);

/// <summary>A stage that has to be built.</summary>
internal sealed class StageNode(Stage stage, string baseName, StageNode? baseStage, BuildArguments arguments)
{
    /// <summary>The variables before the first FROM, for the platform that is built for.</summary>
    public BuildArguments Arguments { get; } = arguments;

    /// <summary>The platform that its commands and base are for.</summary>
    public required Platform Platform { get; init; }

    /// <summary>Whether FROM or the caller asked for the platform.</summary>
    public required bool IsPlatformAsked { get; init; }

    /// <summary>The stage as it was read.</summary>
    public Stage Stage { get; } = stage;

    /// <summary>The base as FROM says it, variables replaced.</summary>
    public string BaseName { get; } = baseName;

    /// <summary>The stage that it starts from; null for an image and for scratch.</summary>
    public StageNode? BaseStage { get; } = baseStage;

    /// <summary>Whether its base is a context's files.</summary>
    public bool IsFromFiles { get; init; }

    /// <summary>Whether it starts from nothing.</summary>
    public bool IsFromScratch => BaseStage is null && (IsFromFiles || BaseName == BuildGraph.Scratch);

    /// <summary>The instructions, triggers of the base first.</summary>
    public List<InstructionNode> Instructions { get; } = [];

    /// <summary>The stages that must be done before.</summary>
    public HashSet<StageNode> Needs { get; } = [];

    /// <summary>The name in messages: <c>build</c>, or <c>stage-2</c>.</summary>
    public string Name => Stage.From.StageName ?? string.Create(CultureInfo.InvariantCulture, $"stage-{Stage.Index}");

    /// <summary>How many of the instructions do something to files, with FROM; what a progress display counts.</summary>
    public int Steps => (IsFromScratch || BaseStage is not null ? 0 : 1)
        + Instructions.Count(static node => node.Instruction is RunInstruction or TransferInstruction or WorkdirInstruction);
}

/// <summary>The stages that lead to the target, each with what it needs.</summary>
internal sealed class BuildGraph
{
    public const string Scratch = "scratch";

    private readonly ParsedDockerfile _file;
    private readonly Platform? _platform;
    private readonly Func<StageNode, IReadOnlyList<string>> _triggersOf;
    private readonly IReadOnlyDictionary<string, ContextAddress> _contexts;
    private readonly List<StageNode> _all = [];
    private readonly Dictionary<string, StageNode> _byName = new(StringComparer.OrdinalIgnoreCase);
    private readonly HashSet<StageNode> _reachable = [];

    private BuildGraph(ParsedDockerfile file, Platform? platform, IReadOnlyDictionary<string, ContextAddress> contexts, Func<StageNode, IReadOnlyList<string>> triggersOf) =>
        (_file, _platform, _contexts, _triggersOf) = (file, platform, contexts, triggersOf);

    /// <summary>The stages that have to be built, each after those that it needs.</summary>
    public IReadOnlyList<StageNode> Stages { get; private set; } = [];

    /// <summary>The stage whose image is wanted.</summary>
    public StageNode Target { get; private set; } = null!;

    /// <summary>Makes the graph; stages that the target does not need are left out.</summary>
    /// <param name="file">The Dockerfile.</param>
    /// <param name="arguments">The variables of FROM.</param>
    /// <param name="platform">The platform to build for; null for this host's.</param>
    /// <param name="target">The stage that is wanted, by name or index; null for the last.</param>
    /// <param name="contexts">The named contexts, which win over stages and images.</param>
    /// <param name="triggersOf">The ONBUILD triggers of an image.</param>
    /// <param name="isCheck">Whether nothing is built: without a target all stages are wanted.</param>
    /// <exception cref="CrunException">A stage is not there, comes too late, or needs itself.</exception>
    public static BuildGraph Create(ParsedDockerfile file, BuildArguments arguments, Platform? platform, string? target, IReadOnlyDictionary<string, ContextAddress> contexts,
        Func<StageNode, IReadOnlyList<string>> triggersOf, bool isCheck = false)
    {
        var graph = new BuildGraph(file, platform, contexts, triggersOf);
        foreach (var stage in file.Stages) graph.Add(stage, arguments);
        graph.Target = graph.FindTarget(target);
        foreach (var node in isCheck && target is null ? graph._all : [graph.Target]) graph.Reach(node);
        graph.Stages = [.. graph._all.Where(graph._reachable.Contains)];
        return graph;
    }

    private void Add(Stage stage, BuildArguments arguments)
    {
        var from = stage.From;
        string name;
        Platform? platform = null;
        try
        {
            name = Expansion.Word(from.Image, _file.Escape, arguments.Global);
        }
        catch (CrunException error)
        {
            throw DockerfileError.Within(_file.Source, from.Range, error.About(from.Image));
        }
        try
        {
            if (from.Platform is not null) platform = PlatformOf(Expansion.Word(from.Platform, _file.Escape, arguments.Global), from.Platform, Meant);
        }
        catch (CrunException error)
        {
            throw DockerfileError.Within(_file.Source, from.Range, error.About(from.Platform!));
        }
        if (name.Length == 0) throw DockerfileError.At(_file.Source, from.Range, $"base name ({from.Image}) should not be blank{Meant(from.Image)}", from.Image);
        var isNamed = _contexts.TryGetValue(name, out var context);
        var parent = !isNamed ? _byName.GetValueOrDefault(name) : context.Kind == ContextKind.Stage ? StageOf(name, context, from) : null;
        var node = new StageNode(stage, name, parent, arguments)
        {
            IsFromFiles = isNamed && context.IsFiles,
            Platform = platform ?? parent?.Platform ?? _platform ?? Platform.Host,
            IsPlatformAsked = (platform ?? _platform) is not null,
        };
        _all.Add(node);
        // A later stage of the same name is the one that is meant from there on.
        if (from.StageName is { } own) _byName[own] = node;

        // What is probably meant by a variable that has no value.
        string Meant(string word)
        {
            string? meant = null;
            Expansion.Word(word, _file.Escape, variable =>
            {
                if (arguments.Global(variable) is { } value) return value;
                meant ??= Suggestion.Near(variable, arguments.Declared);
                return null;
            }, ExpansionModes.KeepUnset);
            return meant is null ? "" : $" (did you mean {meant}?)";
        }
    }

    // A context that stands for a stage.
    private StageNode StageOf(string name, ContextAddress context, Instruction needs) => _byName.GetValueOrDefault(context.Value)
        ?? throw DockerfileError.At(_file.Source, needs.Range, $"the context {name} is stage {GoText.Quote(context.Value)}, which is not defined before{Suggestion.For(context.Value, _byName.Keys)}");

    private static Platform PlatformOf(string platform, string written, Func<string, string> meant)
    {
        if (platform.Length == 0) throw CrunException.Invalid($"empty platform value from expression {written}{meant(written)}");
        foreach (var part in platform.Split('/'))
        {
            if (part.Length == 0 || !part.All(static c => char.IsAsciiLetterOrDigit(c) || c is '_' or '.' or '-'))
                throw CrunException.Invalid($"failed to parse platform {written}: {GoText.Quote(part)} is an invalid component of {GoText.Quote(platform)}: platform specifier component must match \"^[A-Za-z0-9_.-]+$\": invalid argument{meant(written)}");
        }
        try
        {
            return PlatformChoice.Parse(platform);
        }
        catch (CrunException error)
        {
            throw CrunException.Invalid($"failed to parse platform {written}: {error.Message}");
        }
    }

    private StageNode FindTarget(string? target)
    {
        if (string.IsNullOrEmpty(target)) return _all[^1];
        if (_byName.TryGetValue(target, out var named)) return named;
        if (int.TryParse(target, NumberStyles.None, CultureInfo.InvariantCulture, out var index) && index < _all.Count) return _all[index];
        throw CrunException.NotFound($"target stage {GoText.Quote(target)} could not be found{Suggestion.For(target, _byName.Keys)}", _file.Source.Name);
    }

    // Each stage is reached once, and only those before it are needed, so there can be no circle.
    private void Reach(StageNode target)
    {
        var pending = new Stack<StageNode>([target]);
        while (pending.TryPop(out var node))
        {
            if (!_reachable.Add(node)) continue;
            Connect(node);
            foreach (var needed in node.Needs) pending.Push(needed);
        }
    }

    private void Connect(StageNode node)
    {
        if (node.BaseStage is { } parent) node.Needs.Add(parent);
        // A directory as a base: all of its files are copied into an empty one.
        if (node.IsFromFiles)
            node.Instructions.Add(Connect(node, Parser.ParseTrigger($"COPY --from={node.BaseName} / /", _file.Source, node.Stage.From.Range), isTrigger: false));
        foreach (var trigger in TriggersOf(node).ToList())
            node.Instructions.Add(Connect(node, Parser.ParseTrigger(trigger, _file.Source, node.Stage.From.Range), isTrigger: true));
        foreach (var instruction in node.Stage.Instructions)
            node.Instructions.Add(Connect(node, instruction, isTrigger: false));
    }

    private IEnumerable<string> TriggersOf(StageNode node) =>
        node.BaseStage is { } parent ? parent.Stage.Instructions.OfType<OnbuildInstruction>().Select(static onbuild => onbuild.Trigger)
        : node.IsFromScratch ? [] : _triggersOf(node);

    private InstructionNode Connect(StageNode node, Instruction instruction, bool isTrigger)
    {
        var source = instruction is CopyInstruction { From: { } from } ? Resolve(node, instruction, from) : default;
        IReadOnlyList<FileSource> mounts = instruction is RunInstruction { MountList: { Count: > 0 } list }
            ? [.. list.Select(mount => mount.From is { } name ? Resolve(node, instruction, name) : default)] : [];
        return new InstructionNode(instruction, source, mounts, isTrigger);
    }

    private FileSource Resolve(StageNode node, Instruction instruction, string from)
    {
        StageNode? source = null;
        if (_contexts.TryGetValue(from, out var context))
        {
            if (context.Kind != ContextKind.Stage) return new FileSource(null, from);
            source = StageOf(from, context, instruction);
        }
        else if (int.TryParse(from, NumberStyles.None, CultureInfo.InvariantCulture, out var index))
            source = index < _all.Count ? _all[index] : throw DockerfileError.At(_file.Source, instruction.Range, $"invalid stage index {index}", from);
        else if (from.Contains('$', StringComparison.Ordinal))
            throw DockerfileError.At(_file.Source, instruction.Range, "variable expansion is not supported for --from, define a new stage with FROM using ARG from global scope as a workaround", from);
        else if (!from.Equals(Scratch, StringComparison.OrdinalIgnoreCase))
            source = _byName.GetValueOrDefault(from);
        if (source is null) return new FileSource(null, from);
        if (source == node) throw DockerfileError.At(_file.Source, instruction.Range, $"circular dependency detected on stage: {node.Name}", from);
        if (source.Stage.Index > node.Stage.Index)
            throw DockerfileError.At(_file.Source, instruction.Range, $"cannot copy from stage {GoText.Quote(from)}, it needs to be defined before current stage {GoText.Quote(node.Name)}", from);
        node.Needs.Add(source);
        return new FileSource(source, null);
    }
}
