using System.Globalization;
using System.Runtime.InteropServices;
using CrunSharp.Build.Dockerfile;
using CrunSharp.Build.Dockerfile.Instructions;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;

namespace CrunSharp.Build.Graph;

/// <summary>The configuration of a stage's image as its instructions make it, and the variables at each place.</summary>
internal sealed class StageImage
{
    /// <summary>Where commands are looked for unless the image says so.</summary>
    public const string DefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    private const string HistoryComment = "buildkit.dockerfile.v0";
    private static readonly string[] DefaultShell = ["/bin/sh", "-c"];

    private readonly BuildArguments _arguments;
    private readonly ImageConfig? _start;
    private readonly Platform _platform;
    private readonly List<(string Name, string? Value)> _declared = [];
    private readonly List<HistoryEntry> _history;
    private ContainerConfig _config;
    private string? _author;
    private bool _cmdSet;

    private StageImage(BuildArguments arguments, Platform platform, ImageConfig? start, ContainerConfig config)
    {
        (_arguments, _platform, _start, _config) = (arguments, platform, start, config);
        _author = start?.Author;
        _history = [.. start?.History ?? []];
    }

    /// <summary>Where commands run.</summary>
    public string WorkingDirectory => string.IsNullOrEmpty(_config.WorkingDir) ? "/" : PosixPath.InRoot(_config.WorkingDir);

    /// <summary>Who runs commands; empty for root.</summary>
    public string User => _config.User ?? "";

    /// <summary>The shell of the shell form.</summary>
    public IReadOnlyList<string> Shell => _config.Shell is { Count: > 0 } shell ? shell : DefaultShell;

    /// <summary>The image of a stage that starts from nothing.</summary>
    public static StageImage FromScratch(BuildArguments arguments, Platform platform) =>
        new(arguments, platform, null, new ContainerConfig { Env = [$"PATH={DefaultPath}"], WorkingDir = "/" });

    /// <summary>The image of a stage that starts from an image; what it would run when built on is not inherited.</summary>
    public static StageImage From(BuildArguments arguments, Platform platform, ImageConfig image) =>
        new(arguments, platform, image, (image.Config ?? new ContainerConfig()) with { OnBuild = null });

    /// <summary>The image of a stage that starts from this one, with its variables.</summary>
    public StageImage Fork()
    {
        var fork = new StageImage(_arguments, _platform, _start, _config with { OnBuild = null }) { _author = _author };
        fork._history.Clear();
        fork._history.AddRange(_history);
        fork._declared.AddRange(_declared);
        return fork;
    }

    /// <summary>The value of a variable: ENV's before ARG's; null when it has none.</summary>
    public string? LookUp(string name)
    {
        foreach (var variable in _config.Env ?? [])
            if (variable.Length > name.Length && variable[name.Length] == '=' && variable.StartsWith(name, StringComparison.Ordinal))
                return variable[(name.Length + 1)..];
        for (var i = _declared.Count - 1; i >= 0; i--)
            if (_declared[i].Name == name) return _declared[i].Value;
        return null;
    }

    /// <summary>The environment of a command, without proxies: ENV and the ARGs that have a value.</summary>
    public List<string> Environment()
    {
        // An entry without "=" is no variable: it must never be filled from the environment of this process.
        var environment = (_config.Env ?? []).Where(static variable => variable.IndexOf('=', StringComparison.Ordinal) > 0).ToList();
        foreach (var name in _declared.Select(static argument => argument.Name).Distinct())
            if (LookUp(name) is { } value && !environment.Exists(variable => IsOf(variable, name))) environment.Add($"{name}={value}");
        if (!environment.Exists(static variable => IsOf(variable, "PATH"))) environment.Add($"PATH={DefaultPath}");
        return environment;
    }

    /// <summary>The ARGs before a command in its history entry: <c>|2 a=1 b=2 </c>; empty when there are none.</summary>
    public string ArgumentPrefix()
    {
        var names = _declared.Select(static argument => argument.Name).Distinct().ToList();
        return names.Count == 0 ? ""
            : string.Create(CultureInfo.InvariantCulture, $"|{names.Count} ") + string.Concat(names.Select(name => $"{name}={LookUp(name)} "));
    }

    /// <summary>Adds an entry to the history.</summary>
    public void AddHistory(string createdBy, bool hasLayer) => _history.Add(new HistoryEntry
    {
        CreatedBy = createdBy,
        Comment = HistoryComment,
        EmptyLayer = hasLayer ? null : true,
    });

    /// <summary>Adds labels that the caller gave.</summary>
    public void AddLabels(IReadOnlyDictionary<string, string> labels)
    {
        if (labels.Count > 0) _config = _config with { Labels = With(_config.Labels, labels) };
    }

    /// <summary>Sets where commands run.</summary>
    public void SetWorkingDirectory(string path) => _config = _config with { WorkingDir = path };

    /// <summary>Applies an instruction that changes only the configuration; its variables are replaced already, but for ARG's.</summary>
    /// <exception cref="CrunException">A value is not allowed.</exception>
    public void Apply(Instruction instruction, char escape)
    {
        switch (instruction)
        {
            case ArgInstruction i: Declare(i, escape); break;
            case EnvInstruction i: SetEnvironment(i); break;
            case LabelInstruction i: SetLabels(i); break;
            case MaintainerInstruction i:
                _author = i.Author;
                AddHistory($"MAINTAINER {i.Author}", false);
                break;
            case UserInstruction i:
                _config = _config with { User = i.User };
                AddHistory($"USER {i.User}", false);
                break;
            case ExposeInstruction i: Expose(i); break;
            case VolumeInstruction i: AddVolumes(i); break;
            case CmdInstruction i:
                _cmdSet = true;
                _config = _config with { Cmd = i.Command.WithShell(Shell), ArgsEscaped = true };
                AddHistory($"CMD {GoText.Quote(_config.Cmd)}", false);
                break;
            case EntrypointInstruction i:
                var entrypoint = i.Command.WithShell(Shell);
                _config = _config with { Entrypoint = entrypoint.Count == 0 ? null : entrypoint, Cmd = _cmdSet ? _config.Cmd : null };
                AddHistory($"ENTRYPOINT {GoText.Quote(entrypoint)}", false);
                break;
            case ShellInstruction i:
                _config = _config with { Shell = i.Shell };
                AddHistory($"SHELL [{string.Join(' ', i.Shell)}]", false);
                break;
            case StopSignalInstruction i:
                CheckSignal(i.Signal);
                _config = _config with { StopSignal = i.Signal };
                AddHistory($"STOPSIGNAL {i.Signal}", false);
                break;
            case HealthcheckInstruction i: SetHealthcheck(i); break;
            case OnbuildInstruction i:
                _config = _config with { OnBuild = [.. _config.OnBuild ?? [], i.Trigger] };
                break;
            default: throw new ArgumentException($"{instruction.Name} changes files", nameof(instruction));
        }
    }

    /// <summary>The configuration as it is stored.</summary>
    /// <param name="diffIds">The layers.</param>
    /// <param name="layerTimes">When each layer was made; null for the base image's.</param>
    /// <param name="epoch">When all of it was made, whatever the layers say; null for when it was.</param>
    public ImageConfig Finish(IReadOnlyList<Digest> diffIds, IEnumerable<string?> layerTimes, string? epoch)
    {
        // A new entry has the time of its layer; one without a layer that of the layer before, or else of the first.
        var times = layerTimes.Where(static time => time is not null).ToList();
        var created = times.Count > 0 ? times[0] : _start?.Created;
        var next = 0;
        for (var i = _start?.History?.Count ?? 0; i < _history.Count; i++)
        {
            if (_history[i].EmptyLayer != true && next < times.Count) created = times[next++];
            _history[i] = _history[i] with { Created = epoch ?? created };
        }
        return new ImageConfig
        {
            Created = epoch ?? created,
            Author = _author,
            Architecture = _start?.Architecture ?? _platform.Architecture,
            Variant = _start is null ? _platform.Variant : _start.Variant,
            Os = _start?.Os ?? _platform.Os,
            Config = _config,
            Rootfs = new RootFs { DiffIds = diffIds },
            History = _history.Count == 0 ? null : _history,
        };
    }

    private static bool IsOf(string variable, string name) =>
        variable.Length > name.Length && variable[name.Length] == '=' && variable.StartsWith(name, StringComparison.Ordinal);

    // The caller's value, the default, the value of before the first FROM: the first that there is.
    private void Declare(ArgInstruction instruction, char escape)
    {
        var texts = new List<string>();
        foreach (var argument in instruction.Arguments)
        {
            var value = _arguments.Given(argument.Name)
                ?? (argument.Default is { } text ? Expansion.Word(text, escape, LookUp) : _arguments.Global(argument.Name));
            _declared.Add((argument.Name, value));
            texts.Add(value is null ? argument.Name : $"{argument.Name}={value}");
        }
        AddHistory($"ARG {string.Join(' ', texts)}", false);
    }

    private void SetEnvironment(EnvInstruction instruction)
    {
        var environment = (_config.Env ?? []).ToList();
        foreach (var variable in instruction.Variables)
        {
            if (variable.Name.Length == 0) throw CrunException.Invalid("ENV names can not be blank");
            var at = environment.FindIndex(known => IsOf(known, variable.Name));
            if (at < 0) environment.Add(variable.ToString());
            else environment[at] = variable.ToString();
        }
        _config = _config with { Env = environment };
        AddHistory($"ENV {string.Join(' ', instruction.Variables)}", false);
    }

    private void SetLabels(LabelInstruction instruction)
    {
        _config = _config with { Labels = With(_config.Labels, instruction.Labels.Select(static l => KeyValuePair.Create(l.Name, l.Value))) };
        AddHistory($"LABEL {string.Join(' ', instruction.Labels)}", false);
    }

    private void Expose(ExposeInstruction instruction)
    {
        var ports = instruction.Ports.SelectMany(PortOf).Distinct().ToList();
        _config = _config with { ExposedPorts = With(_config.ExposedPorts, ports.Select(static port => KeyValuePair.Create(port, new EmptyObject()))) };
        CollectionsMarshal.AsSpan(ports).Sort(StringComparer.Ordinal);
        AddHistory($"EXPOSE map[{string.Join(' ', ports.Select(static port => port + ":{}"))}]", false);
    }

    private static IEnumerable<string> PortOf(string text)
    {
        try
        {
            return [.. PortSpec.Parse(text)];
        }
        catch (CrunException error)
        {
            throw error.About(text);
        }
    }

    private void AddVolumes(VolumeInstruction instruction)
    {
        if (instruction.Paths.Contains("")) throw CrunException.Invalid("VOLUME specified can not be an empty string");
        _config = _config with { Volumes = With(_config.Volumes, instruction.Paths.Select(static path => KeyValuePair.Create(path, new EmptyObject()))) };
        AddHistory($"VOLUME [{string.Join(' ', instruction.Paths)}]", false);
    }

    private void SetHealthcheck(HealthcheckInstruction i)
    {
        IReadOnlyList<string> test = i.Command is not { } command ? ["NONE"] : [command.IsShell ? "CMD-SHELL" : "CMD", .. command.Words];
        _config = _config with
        {
            Healthcheck = new HealthConfig
            {
                Test = test,
                Interval = i.Interval == 0 ? null : i.Interval,
                Timeout = i.Timeout == 0 ? null : i.Timeout,
                StartPeriod = i.StartPeriod == 0 ? null : i.StartPeriod,
                StartInterval = i.StartInterval == 0 ? null : i.StartInterval,
                Retries = i.Retries == 0 ? null : i.Retries,
            },
        };
        AddHistory(string.Create(CultureInfo.InvariantCulture, $"HEALTHCHECK {{Test:[{string.Join(' ', test)}] Interval:{GoText.Duration(i.Interval)} Timeout:{GoText.Duration(i.Timeout)} StartPeriod:{GoText.Duration(i.StartPeriod)} StartInterval:{GoText.Duration(i.StartInterval)} Retries:{i.Retries}}}"), false);
    }

    private static void CheckSignal(string signal)
    {
        if (int.TryParse(signal, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number is > 0 and <= 64 : SignalNames.IsKnown(signal)) return;
        throw CrunException.Invalid($"invalid signal: {signal}").About(signal);
    }

    // Sorted, as Go writes maps.
    private static SortedDictionary<string, T> With<T>(IReadOnlyDictionary<string, T>? known, IEnumerable<KeyValuePair<string, T>> added)
    {
        var all = new SortedDictionary<string, T>(StringComparer.Ordinal);
        foreach (var (name, value) in known ?? new Dictionary<string, T>()) all[name] = value;
        foreach (var (name, value) in added) all[name] = value;
        return all;
    }
}
