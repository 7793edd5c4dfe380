using System.Text;
using CrunSharp.Build;
using CrunSharp.Build.Cache.Transfers;
using CrunSharp.Build.Contexts;
using CrunSharp.Build.Steps;
using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Commands.Containers;
using CrunSharp.Cli.Commands.Images;
using CrunSharp.Cli.Options;
using CrunSharp.Engine.Transfers;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;

namespace CrunSharp.Cli.Commands.Builds;

/// <summary>How an image is to be built.</summary>
internal sealed class BuildOptions
{
    public static readonly Option[] Table = Sorted(
    [
        new Value<BuildOptions>("add-host", '\0', "list", "Add a line to /etc/hosts of RUN (name:address)", static (o, v) => o.Hosts.Add(ValueSyntax.Host(v))),
        new Value<BuildOptions>("allow", '\0', "stringArray", "Let the Dockerfile use network.host or security.insecure", static (o, v) => o.Allow(v)),
        OutputOptions.Annotation, OutputOptions.Attest,
        new Value<BuildOptions>("build-arg", '\0', "list", "Set an ARG (NAME=value, or NAME for the host's)", static (o, v) => o.AddArgument(v)),
        new Value<BuildOptions>("build-arg-file", '\0', "list", "Set ARGs from a file of lines NAME=value", static (o, v) => o._argumentFiles.Add(v)),
        new Value<BuildOptions>("build-context", '\0', "stringArray", "Another context (name=DIRECTORY, =URL, =docker-image://IMAGE, =oci-layout://PATH[:TAG] or =target:STAGE)", static (o, v) => o.AddContext(v)),
        new Value<BuildOptions>("cache-from", '\0', "stringArray", "Take steps from a cache (NAME, or type=local,src=DIRECTORY)", static (o, v) => o.CacheFrom.Add(CacheAddress.ParseFrom(v))),
        new Value<BuildOptions>("cache-to", '\0', "stringArray", "Write steps to a cache (type=local,dest=DIRECTORY or type=registry,ref=NAME[,mode=max])", static (o, v) => o.CacheTo.Add(CacheAddress.ParseTo(v))),
        new Value<BuildOptions>("cache-ttl", '\0', "duration", "Take no step from a cache that was done longer ago (0 for none at all)", static (o, v) => o.CacheTtl = TtlOf(v)),
        new Value<BuildOptions>("call", '\0', "string", "What to do: build, check, outline or targets, and ,format=json for JSON", static (o, v) => o.Call = BuildCall.Parse(v)) { Default = "\"build\"" },
        new Flag<BuildOptions>("check", '\0', "Check the Dockerfile, do not build: --call=check", static (o, v) => o.Call = v ? BuildCall.Check : o.Call),
        new Flag<BuildOptions>("explain", '\0', "Tell of each step that is done why it was not in the cache", static (o, v) => o.Explain = v),
        new Value<BuildOptions>("file", 'f', "string", "The Dockerfile (- for standard input)", static (o, v) => o.File = v) { Default = "\"PATH/Dockerfile\"" },
        new Value<BuildOptions>("iidfile", '\0', "string", "Write the image's id to a file", static (o, v) => o.IdFile = v),
        new Value<BuildOptions>("jobs", '\0', "int", "How many steps are done at once (0 for no limit)", static (o, v) => o.Jobs = JobsOf(v)) { Default = "all processors" },
        new Value<BuildOptions>("label", '\0', "list", "Set labels of the image", static (o, v) => o.Labels.Add(EnvironmentSyntax.Label(v))),
        // As podman's: without them steps are neither looked for nor kept apart.
        new Flag<BuildOptions>("layers", '\0', "Look for steps that are done already, and make a layer of each", static (o, v) => o.Outputs.HasLayers = v) { Default = "true" },
        OutputOptions.Load, OutputOptions.MetadataFile,
        new Value<BuildOptions>("network", '\0', "string", "The network of RUN: default, host, none, container:NAME or NAME", static (o, v) => o.Network = v) { Default = "\"default\"" },
        new Flag<BuildOptions>("no-cache", '\0', "Carry all steps out", static (o, v) => o.NoCache = v),
        new Value<BuildOptions>("no-cache-filter", '\0', "stringArray", "Carry all steps of these stages out", static (o, v) => o.NoCacheStages.UnionWith(v.Split(',', StringSplitOptions.RemoveEmptyEntries))),
        OutputOptions.Output,
        new Value<BuildOptions>("on-fail", '\0', "string", "What to do when a RUN fails: shell, in its files and with its mounts", static (o, v) => o.SetOnFail(v)),
        new Value<BuildOptions>("platform", '\0', "stringArray", "The image's platforms", static (o, v) => o.AddPlatforms(v)),
        new Value<BuildOptions>("progress", '\0', "string", "How to show progress: auto, plain, tty, rawjson, quiet, none", static (o, v) => o.Progress = BuildDisplay.Check(v)) { Default = "\"auto\"" },
        OutputOptions.Provenance,
        // Without a value it is "true".
        new Value<BuildOptions>("pull", '\0', "", "Look for newer base images (also =always, missing, newer or never)", static (o, v) => o.Pull = PullOf(v)),
        OutputOptions.Push,
        new Flag<BuildOptions>("quiet", 'q', "Only print the image's id", static (o, v) => o.Quiet = v),
        OutputOptions.Sbom,
        new Value<BuildOptions>("secret", '\0', "list", "Give RUN a secret (id=name[,src=file|,env=variable])", static (o, v) => o.Secrets.Add(v)),
        new Value<BuildOptions>("shm-size", '\0', "bytes", "The size of /dev/shm of RUN", static (o, v) => o.SharedMemory = Numbers.Bytes(v)) { Default = "64m" },
        OutputOptions.Squash, OutputOptions.SquashAll,
        new Value<BuildOptions>("ssh", '\0', "stringArray", "Let RUN --mount=type=ssh use an SSH agent (default, or id=SOCKET)", static (o, v) => o.Agents.Add(v)),
        new Value<BuildOptions>("tag", 't', "list", "Name the image (name:tag)", static (o, v) => o.AddTag(v)),
        new Value<BuildOptions>("target", '\0', "string", "The stage to build", static (o, v) => o.Target = v),
        new Value<BuildOptions>("timeline", '\0', "string", "Draw the build's steps as a page of HTML", static (o, v) => o.TimelineFile = v),
        new Value<BuildOptions>("ulimit", '\0', "ulimit", "Set resource limits of RUN (name=soft[:hard])", static (o, v) => o.Ulimits.Add(ValueSyntax.Ulimit(v))),
        .. BuildHostOptions.Table,
    ]);

    private readonly List<string> _arguments = [];
    private readonly List<string> _argumentFiles = [];

    public List<string> Agents { get; } = [];
    public List<CacheAddress> CacheFrom { get; } = [];
    public List<CacheAddress> CacheTo { get; } = [];
    public TimeSpan? CacheTtl { get; private set; }
    public int? Jobs { get; private set; }
    public HashSet<string> Allowed { get; } = new(StringComparer.Ordinal);
    public BuildCall Call { get; private set; } = BuildCall.Build;
    public Dictionary<string, string> Contexts { get; } = new(StringComparer.OrdinalIgnoreCase);
    public List<HostSpec> Hosts { get; } = [];
    public bool Explain { get; private set; }
    public BuildHostOptions Host { get; } = new();
    public string? File { get; private set; }
    public string? IdFile { get; private set; }
    public List<KeyValuePair<string, string>> Labels { get; } = [];
    public string Network { get; private set; } = "default";
    public bool NoCache { get; private set; }
    public HashSet<string> NoCacheStages { get; } = new(StringComparer.OrdinalIgnoreCase);
    public OutputOptions Outputs { get; } = new();
    public List<Platform> Platforms { get; } = [];

    /// <summary>Whether a command that fails is followed by a shell.</summary>
    public bool OpensShell { get; private set; }

    /// <summary>The value of <c>--progress</c>; null when it was not given.</summary>
    public string? Progress { get; private set; }

    /// <summary>Whether base images are asked for also if they are there; null when none is ever asked for.</summary>
    public bool? Pull { get; private set; } = false;

    public bool Quiet { get; private set; }
    public List<string> Secrets { get; } = [];
    public long? SharedMemory { get; private set; }
    public List<ImageReference> Tags { get; } = [];
    public string? Target { get; private set; }
    public string? TimelineFile { get; private set; }
    public List<UlimitSpec> Ulimits { get; } = [];

    /// <summary>The build arguments, those of files first; one without a value that the host does not have is left out.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> ReadArguments(Func<string, string?> host)
    {
        var arguments = new List<KeyValuePair<string, string>>();
        foreach (var path in _argumentFiles)
        {
            foreach (var argument in EnvironmentSyntax.ArgumentFile(path, host)) arguments.Add(new(argument.Name, argument.Value ?? ""));
        }
        foreach (var text in _arguments)
        {
            var argument = EnvironmentSyntax.Variable(text, host);
            if (argument.Value is { } value) arguments.Add(new(argument.Name, value));
        }
        return arguments;
    }

    // A newer image is looked for by its digest, so that "newer" and "always" are the same.
    private static bool? PullOf(string text) => text switch
    {
        "true" or "1" or "always" or "newer" or "ifnewer" => true,
        "false" or "0" or "missing" or "ifmissing" => false,
        "never" => null,
        _ => throw CrunException.Invalid("must be true, false, always, missing, newer or never"),
    };

    private static int JobsOf(string text) => Numbers.Whole(text) switch { 0 => int.MaxValue, var jobs and > 0 and <= int.MaxValue => (int)jobs, _ => throw CrunException.Invalid("must not be negative") };

    private static TimeSpan TtlOf(string text) => Numbers.Duration(text) is var time && time >= TimeSpan.Zero ? time : throw CrunException.Invalid("must not be negative");

    private static Option[] Sorted(Option[] options)
    {
        Array.Sort(options, static (a, b) => string.CompareOrdinal(a.Name, b.Name));
        return options;
    }

    private void Allow(string text)
    {
        foreach (var right in text.Split(','))
        {
            if (right is not ("network.host" or "security.insecure")) throw CrunException.Invalid($"unknown entitlement {right}: network.host and security.insecure are known");
            Allowed.Add(right);
        }
    }

    private void AddContext(string text)
    {
        var equals = text.IndexOf('=', StringComparison.Ordinal);
        if (equals <= 0) throw CrunException.Invalid($"invalid context value: {text}, expected key=value");
        Contexts[text[..equals]] = text[(equals + 1)..];
    }

    private void AddPlatforms(string text)
    {
        foreach (var platform in text.Split(','))
            if (PlatformChoice.Parse(platform.Trim()) is var parsed && !Platforms.Contains(parsed)) Platforms.Add(parsed);
    }

    private void AddArgument(string text)
    {
        EnvironmentSyntax.Variable(text, static _ => null);
        _arguments.Add(text);
    }

    private void SetOnFail(string text) =>
        OpensShell = text == "shell" ? true : throw CrunException.Invalid("must be shell");

    private void AddTag(string text)
    {
        var tag = ImageReference.Parse(text);
        if (tag.Digest is not null) throw CrunException.Invalid("an image cannot be named by a digest");
        Tags.Add(tag);
    }
}

/// <summary><c>build</c>: makes an image as a Dockerfile says.</summary>
internal sealed class BuildCommand : Command
{
    private readonly BuildOptions _options = new();

    public override string Synopsis => "[OPTIONS] PATH | URL | -";
    public override Option[] Options => BuildOptions.Table;
    public override object OptionTarget => _options;
    public override int LeastOperands => 1;
    public override int MostOperands => 1;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        Check(context, operands[0]);
        var paths = EngineAccess.PathsOf(context);
        using var store = StoreAccess.Open(context);
        store.Sweep();
        using var report = new BuildReport(context, _options);
        using var cancel = new CancellationTokenSource();
        var network = _options.Network switch
        {
            "default" or "bridge" => StepNetwork.Default,
            "none" => StepNetwork.None,
            "host" => StepNetwork.Host,
            var name when name.StartsWith("container:", StringComparison.Ordinal) && name.Length > "container:".Length => StepNetwork.Container,
            _ => StepNetwork.User,
        };
        var request = new BuildRequest
        {
            MostFetchedBytes = store.Limits.Bytes,
            ContextDirectory = operands[0] == "-" || IsRemote(operands[0]) ? null : ContextOf(operands[0]),
            RemoteContext = IsRemote(operands[0]) ? operands[0] : null,
            DockerfilePath = _options.File is null or "-" ? null : _options.File,
            DockerfileContent = _options.File == "-" ? new ReadOnlyMemory<byte>?(ReadAll(context.OpenInput())) : default(ReadOnlyMemory<byte>?),
            PipedContext = operands[0] == "-" ? context.OpenInput() : null,
            BuildArgs = OutputOptions.WithEpoch(_options.ReadArguments(context.Variable), context.Variable),
            Platforms = PlatformsOf(context),
            Output = _options.Outputs.Request(context),
            Target = _options.Target,
            NoCache = _options.NoCache || !_options.Outputs.HasLayers,
            CacheTtl = _options.CacheTtl,
            MostAtOnce = _options.Jobs,
            Explain = _options.Explain,
            OnFailure = _options.OpensShell ? new FailureShell(context, report, paths, cancel.Token).OpenAsync : null,
            Tags = _options.Tags,
            Labels = Repeated.Last(_options.Labels),
            Network = network,
            Host = _options.Host.Read() with
            {
                NetworkOf = network == StepNetwork.Container ? _options.Network["container:".Length..] : null,
                NetworkName = network == StepNetwork.User ? EngineAccess.Open(context).Networks.Find(_options.Network).Name : null,
            },
            Contexts = _options.Contexts.ToDictionary(static c => c.Key, static c => ContextValueOf(c.Key, c.Value), StringComparer.OrdinalIgnoreCase),
            Secrets = Repeated.Last(_options.Secrets.Select(text => BuildSecrets.Parse(text, context.Variable))),
            Agents = SshForward.ParseAll(_options.Agents, context.Variable),
            Allowed = _options.Allowed,
            CacheFrom = _options.CacheFrom,
            CacheTo = _options.CacheTo,
            OpenRegistry = host => RegistryAccess.Open(context, host),
            ExtraHosts = [.. _options.Hosts.Select(static h => $"{h.Name}:{h.Address}")],
            Ulimits = [.. _options.Ulimits.Select(static u => $"{u.Name}={u.Soft}:{u.Hard}")],
            ShmSize = _options.SharedMemory,
            NoCacheStages = _options.NoCacheStages,
            Pull = _options.Pull is null ? null : (name, platform, cancellationToken) => report.PullAsync(name.ToString(), (statuses, log) => ImageFetch.ForBuildAsync(context, store, name, platform, report.HidesPulls, statuses, log, cancellationToken)),
            AlwaysPull = _options.Pull == true,
        };
        using var signals = AttachedSession.Stop(cancel);
        try
        {
            if (_options.Call.Method != "build") return _options.Call.Answer(context, store, request, name => PathOf(operands[0], name));
            var result = new Builder(store, context.Clock).BuildAsync(request, new ContainerStepRunner(paths), report, cancel.Token)
                .GetAwaiter().GetResult();
            report.End(null);
            if (_options.IdFile is { } file) OutputFile.Write(file, Encoding.ASCII.GetBytes(result.HasImage ? result.ImageId.ToString() : ""));
            _options.Outputs.WriteMetadata(result);
            if (report.IsQuiet && result.HasImage && !_options.Outputs.TakesOutput) context.Out.WriteLine(result.ImageId);
            report.Keep(request, operands[0], result, null);
            if (result.Cached < result.Steps) CacheCollection.AfterBuild(context, store);
            return ExitCodes.Success;
        }
        catch (OperationCanceledException interrupted)
        {
            report.End(interrupted);
            context.Complain("the build was interrupted");
            report.Keep(request, operands[0], null, interrupted);
            return 130;
        }
        catch (CrunException error)
        {
            report.End(error);
            report.Keep(request, operands[0], null, error);
            throw;
        }
    }

    // The Dockerfile's path, as it can be opened from here.
    private string PathOf(string operand, string name) => _options.File is not null and not "-" ? _options.File
        : operand is "-" or "." or "./" || _options.File == "-" ? name : Path.Join(operand, name);

    private IReadOnlyList<Platform> PlatformsOf(CommandContext context) =>
        _options.Platforms.Count == 0 && ImageFetch.PlatformOf(context, null) is { } usual ? [usual] : _options.Platforms;

    private void Check(CommandContext context, string from)
    {
        _options.Outputs.Check(context);
        if (_options.IdFile is { } idFile) OutputFile.Check(idFile);
        if (_options.TimelineFile is { } timeline) OutputFile.Check(timeline);
        if (from == "-" && _options.File == "-") throw CrunException.Invalid("can't use stdin for both build context and dockerfile");
    }

    private static string ContextValueOf(string name, string value)
    {
        if (!Directory.Exists(value) && ContextAddress.OfNamed(name, value).Kind != ContextKind.Directory) return value;
        return Directory.Exists(value) ? Path.GetFullPath(value) : throw CrunException.NotFound($"failed to get build context path {name}: {value}: no such directory");
    }

    // As docker: a directory of that name wins.
    private static bool IsRemote(string context) => context != "-" && !Directory.Exists(context) && ContextAddress.OfBuild(context).IsRemote;

    private static string ContextOf(string path) => Directory.Exists(path)
        ? Path.GetFullPath(path)
        : throw CrunException.NotFound($"unable to prepare context: path \"{path}\" not found");

    private static byte[] ReadAll(Stream stream)
    {
        using var content = new MemoryStream();
        stream.CopyTo(content);
        return content.ToArray();
    }
}
