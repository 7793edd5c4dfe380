using CrunSharp.Build.Dockerfile.Instructions;
using CrunSharp.Build.Graph;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;

namespace CrunSharp.Build.Dockerfile;

/// <summary>Applies instructions to an image's configuration without building: <c>import --change</c>.</summary>
public static class ConfigChanges
{
    private const string Preamble = "FROM scratch\n";
    private static readonly string[] DefaultShell = ["/bin/sh", "-c"];

    /// <summary>The empty configuration after some instructions.</summary>
    /// <param name="changes">The instructions, one in each.</param>
    /// <exception cref="CrunException">One is wrong, or changes files.</exception>
    public static ContainerConfig Apply(IEnumerable<string> changes)
    {
        var config = new ContainerConfig();
        foreach (var change in changes)
        {
            try
            {
                var file = Parser.Parse(new DockerfileSource("--change", Preamble + change + "\n"));
                if (file.Stages is not [{ Instructions: var instructions }]) throw CrunException.Invalid("FROM is not a valid change command");
                foreach (var instruction in instructions) config = Apply(config, instruction, file.Escape);
            }
            catch (CrunException error)
            {
                throw CrunException.Invalid(error.Reason, $"change \"{change}\"");
            }
        }
        return config;
    }

    private static ContainerConfig Apply(ContainerConfig config, Instruction written, char escape) =>
        written.Expand(new WordExpander(escape, name => LookUp(config, name))) switch
        {
            CmdInstruction i => config with { Cmd = i.Command.WithShell(config.Shell ?? DefaultShell) },
            EntrypointInstruction i => config with { Entrypoint = i.Command.WithShell(config.Shell ?? DefaultShell) },
            EnvInstruction i => config with { Env = WithVariables(config.Env, i.Variables) },
            ExposeInstruction i => config with { ExposedPorts = WithNames(config.ExposedPorts, i.Ports.SelectMany(PortSpec.Parse)) },
            HealthcheckInstruction i => config with { Healthcheck = HealthOf(i) },
            LabelInstruction i => config with { Labels = WithLabels(config.Labels, i.Labels) },
            OnbuildInstruction i => config with { OnBuild = [.. config.OnBuild ?? [], i.Trigger] },
            ShellInstruction i => config with { Shell = i.Shell },
            StopSignalInstruction i => config with { StopSignal = i.Signal },
            UserInstruction i => config with { User = i.User },
            VolumeInstruction i => config with { Volumes = WithNames(config.Volumes, i.Paths) },
            WorkdirInstruction i => config with { WorkingDir = PosixPath.InRoot(PosixPath.Join(config.WorkingDir ?? "/", i.Path)) },
            var other => throw CrunException.Invalid($"{other.Name} is not a valid change command"),
        };

    private static string? LookUp(ContainerConfig config, string name)
    {
        foreach (var variable in config.Env ?? [])
        {
            if (variable.Length > name.Length && variable[name.Length] == '=' && variable.StartsWith(name, StringComparison.Ordinal)) return variable[(name.Length + 1)..];
        }
        return null;
    }

    private static List<string> WithVariables(IReadOnlyList<string>? known, IReadOnlyList<NamedValue> added)
    {
        var all = new List<string>(known ?? []);
        foreach (var variable in added)
        {
            all.RemoveAll(v => v.StartsWith(variable.Name + "=", StringComparison.Ordinal));
            all.Add(variable.ToString());
        }
        return all;
    }

    private static SortedDictionary<string, string> WithLabels(IReadOnlyDictionary<string, string>? known, IReadOnlyList<NamedValue> added)
    {
        var all = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in known ?? new Dictionary<string, string>()) all[name] = value;
        foreach (var (name, value) in added) all[name] = value;
        return all;
    }

    private static SortedDictionary<string, EmptyObject> WithNames(IReadOnlyDictionary<string, EmptyObject>? known, IEnumerable<string> added)
    {
        var all = new SortedDictionary<string, EmptyObject>(StringComparer.Ordinal);
        foreach (var name in known?.Keys ?? []) all[name] = new EmptyObject();
        foreach (var name in added) all[name] = new EmptyObject();
        return all;
    }

    private static HealthConfig HealthOf(HealthcheckInstruction i) => new()
    {
        Test = i.Command is not { } command ? ["NONE"] : [command.IsShell ? "CMD-SHELL" : "CMD", .. command.Words],
        Interval = i.Interval == 0 ? null : i.Interval,
        Timeout = i.Timeout == 0 ? null : i.Timeout,
        StartPeriod = i.StartPeriod == 0 ? null : i.StartPeriod,
        StartInterval = i.StartInterval == 0 ? null : i.StartInterval,
        Retries = i.Retries == 0 ? null : i.Retries,
    };
}
