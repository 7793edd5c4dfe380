using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Options;
using CrunSharp.Oci;

namespace CrunSharp.Cli.Commands.Containers;

/// <summary>How a new container is to be: the options of <c>run</c> and <c>create</c>.</summary>
internal sealed class RunOptions
{
    /// <summary>The options of both, ordered by name.</summary>
    public static readonly Option[] Table =
    [
        new Value<RunOptions>("add-host", '\0', "list", "Add a line to /etc/hosts (name:address)", static (o, v) => o.Hosts.Add(ValueSyntax.Host(v))),
        new Value<RunOptions>("cap-add", '\0', "list", "Add capabilities", static (o, v) => o.CapabilitiesAdded.Add(v)),
        new Value<RunOptions>("cap-drop", '\0', "list", "Take capabilities away", static (o, v) => o.CapabilitiesDropped.Add(v)),
        new Value<RunOptions>("cidfile", '\0', "string", "Write the container's id to a file", static (o, v) => o.IdFile = v),
        new Value<RunOptions>("cpus", '\0', "decimal", "How many processors it may use", static (o, v) => o.NanoCpus = Numbers.NanoCpus(v)),
        new Flag<RunOptions>("detach", 'd', "Run in the background and print the container's id", static (o, v) => o.Detach = v),
        new Value<RunOptions>("detach-keys", '\0', "string", "Keys that detach the terminal", static (o, v) => o.DetachKeys = ValueSyntax.DetachKeys(v)) { Default = "\"ctrl-p,ctrl-q\"" },
        new Value<RunOptions>("device", '\0', "list", "Give it a device of the host", static (o, v) => o.Devices.Add(ValueSyntax.Device(v))) { Late = true },
        new Value<RunOptions>("dns", '\0', "list", "Name servers", static (o, v) => o.NameServers.Add(ValueSyntax.NameServer(v))),
        new Value<RunOptions>("dns-opt", '\0', "list", "Options of resolv.conf", static (o, v) => o.ResolverOptions.Add(ValueSyntax.ResolverWord(v))) { Hidden = true },
        new Value<RunOptions>("dns-option", '\0', "list", "Options of resolv.conf", static (o, v) => o.ResolverOptions.Add(ValueSyntax.ResolverWord(v))),
        new Value<RunOptions>("dns-search", '\0', "list", "Domains in which names are looked up; . for none", static (o, v) => o.SearchDomains.Add(ValueSyntax.ResolverWord(v))),
        new Value<RunOptions>("entrypoint", '\0', "string", "Replace the image's ENTRYPOINT", static (o, v) => o.Entrypoint = v),
        new Value<RunOptions>("env", 'e', "list", "Set variables (NAME=value, or NAME for the host's)", static (o, v) => o.AddVariable(v)),
        new Value<RunOptions>("env-file", '\0', "list", "Read variables from a file", static (o, v) => o._variableFiles.Add(v)),
        new Value<RunOptions>("expose", '\0', "list", "Declare a port or a range of ports", static (o, v) => o.Exposed.AddRange(PortSyntax.Expose(v))) { Late = true },
        new Value<RunOptions>("group-add", '\0', "list", "Further groups of the user", static (o, v) => o.Groups.Add(v)),
        new Value<RunOptions>("hostname", 'h', "string", "The container's host name", static (o, v) => o.HostName = v),
        new Flag<RunOptions>("init", '\0', "Run a small init that forwards signals and reaps processes", static (o, v) => o.Init = v),
        new Flag<RunOptions>("interactive", 'i', "Keep standard input open", static (o, v) => o.Interactive = v),
        new Value<RunOptions>("ip", '\0', "string", "Its IPv4 address in its network", static (o, v) => o.Address = ValueSyntax.IPv4Address(v)),
        new Value<RunOptions>("label", 'l', "list", "Set labels", static (o, v) => o.Labels.Add(EnvironmentSyntax.Label(v))),
        new Value<RunOptions>("log-driver", '\0', "string", "Where output is kept: json-file or none", static (o, v) => o.SetLogDriver(v)),
        new Value<RunOptions>("log-opt", '\0', "list", "Settings of the log (max-size, max-file)", static (o, v) => o.LogOptions.Add(ValueSyntax.Pair(v, "log option"))) { Late = true },
        new Value<RunOptions>("memory", 'm', "bytes", "How much memory it may use", static (o, v) => o.Memory = Numbers.Bytes(v)),
        new Value<RunOptions>("mount", '\0', "mount", "Mount a file system (type=bind|volume|tmpfs,...)", static (o, v) => o.Mounts.Add(MountSyntax.Mount(v))),
        new Value<RunOptions>("name", '\0', "string", "The container's name", static (o, v) => o.Name = v),
        new Value<RunOptions>("net", '\0', "network", "Join a network", static (o, v) => o.Networks.Add(ValueSyntax.Network(v))) { Hidden = true, Late = true },
        new Value<RunOptions>("net-alias", '\0', "list", "Further names in its network", static (o, v) => o.Aliases.Add(v)) { Hidden = true },
        new Value<RunOptions>("network", '\0', "network", "The network: bridge, host, none, container:NAME or NAME", static (o, v) => o.Networks.Add(ValueSyntax.Network(v))) { Late = true },
        new Value<RunOptions>("network-alias", '\0', "list", "Further names in its network", static (o, v) => o.Aliases.Add(v)),
        new Value<RunOptions>("pids-limit", '\0', "int", "How many processes it may have (-1: any number)", static (o, v) => o.PidsLimit = Numbers.Whole(v)),
        new Value<RunOptions>("platform", '\0', "string", "The image's platform", static (o, v) => o.Platform = ValueSyntax.Platform(v)),
        new Flag<RunOptions>("privileged", '\0', "Give it all capabilities and devices", static (o, v) => o.Privileged = v),
        new Value<RunOptions>("publish", 'p', "list", "Publish ports on the host ([address:][host:]port[/protocol])", static (o, v) => o.Published.AddRange(PortSyntax.Publish(v))) { Late = true },
        new Flag<RunOptions>("publish-all", 'P', "Publish all declared ports on free ports of the host", static (o, v) => o.PublishAll = v),
        new Value<RunOptions>("pull", '\0', "string", "When to pull the image: always, missing or never", static (o, v) => o.SetPull(v)) { Default = "\"missing\"", Late = true },
        new Flag<RunOptions>("quiet", 'q', "Say nothing while the image is pulled", static (o, v) => o.Quiet = v),
        new Flag<RunOptions>("read-only", '\0', "Make the container's file system read-only", static (o, v) => o.ReadOnly = v),
        new Value<RunOptions>("restart", '\0', "string", "What to do when it ends: no", static (o, v) => SetRestart(v)) { Default = "\"no\"", Late = true },
        new Flag<RunOptions>("rm", '\0', "Remove it and its unnamed volumes when it ends", static (o, v) => o.Remove = v),
        new Value<RunOptions>("security-opt", '\0', "list", "no-new-privileges, seccomp=unconfined or seccomp=FILE", static (o, v) => o.SetSecurity(v)) { Late = true },
        new Value<RunOptions>("shm-size", '\0', "bytes", "The size of /dev/shm", static (o, v) => o.SharedMemory = Numbers.Bytes(v)) { Default = "64m" },
        new Value<RunOptions>("stop-signal", '\0', "string", "The signal that stops it", static (o, v) => o.StopSignal = v),
        new Value<RunOptions>("stop-timeout", '\0', "int", "Seconds between that signal and SIGKILL", static (o, v) => o.StopTimeout = Numbers.Whole32(v)),
        new Value<RunOptions>("sysctl", '\0', "map", "Set kernel parameters of its namespaces", static (o, v) => o.Sysctls.Add(ValueSyntax.Pair(v, "sysctl"))),
        new Value<RunOptions>("tmpfs", '\0', "list", "Mount memory at a directory", static (o, v) => o.Mounts.Add(MountSyntax.Tmpfs(v))) { Late = true },
        new Flag<RunOptions>("tty", 't', "Give it a terminal", static (o, v) => o.Tty = v),
        new Value<RunOptions>("ulimit", '\0', "ulimit", "Set resource limits (name=soft[:hard])", static (o, v) => o.Ulimits.Add(ValueSyntax.Ulimit(v))),
        new Value<RunOptions>("user", 'u', "string", "Who runs it (name|uid[:group|gid])", static (o, v) => o.User = v),
        new Value<RunOptions>("volume", 'v', "list", "Mount a directory or volume ([source:]target[:mode])", static (o, v) => o.Mounts.Add(MountSyntax.Volume(v))) { Late = true },
        new Value<RunOptions>("workdir", 'w', "string", "Where it starts", static (o, v) => o.WorkingDirectory = v),
    ];

    private readonly List<string> _variables = [];
    private readonly List<string> _variableFiles = [];

    public string? Name { get; private set; }
    public string? IdFile { get; private set; }
    public string? Platform { get; private set; }

    /// <summary>When the image is fetched.</summary>
    public PullPolicy Pull { get; private set; }

    /// <summary>Whether nothing is said while it is fetched.</summary>
    public bool Quiet { get; private set; }

    public bool Detach { get; private set; }
    public bool Interactive { get; private set; }
    public bool Tty { get; private set; }

    /// <summary>The bytes that detach the terminal; null for the default.</summary>
    public byte[]? DetachKeys { get; private set; }

    public bool Remove { get; private set; }
    public bool Init { get; private set; }

    /// <summary>Replaces the image's; empty for none, null for the image's.</summary>
    public string? Entrypoint { get; private set; }

    public string? User { get; private set; }
    public List<string> Groups { get; } = [];
    public string? WorkingDirectory { get; private set; }
    public string? StopSignal { get; private set; }

    /// <value>Seconds; null for the default.</value>
    public int? StopTimeout { get; private set; }

    public List<KeyValuePair<string, string>> Labels { get; } = [];

    public string? HostName { get; private set; }
    public List<NetworkSpec> Networks { get; } = [];

    /// <summary>The address in the network; null for any.</summary>
    public string? Address { get; private set; }

    /// <summary>Further names in the network.</summary>
    public List<string> Aliases { get; } = [];

    public List<PublishSpec> Published { get; } = [];
    public bool PublishAll { get; private set; }

    /// <summary>Declared ports: <c>80/tcp</c>.</summary>
    public List<string> Exposed { get; } = [];

    public List<HostSpec> Hosts { get; } = [];
    public List<string> NameServers { get; } = [];
    public List<string> ResolverOptions { get; } = [];
    public List<string> SearchDomains { get; } = [];

    public List<VolumeSpec> Mounts { get; } = [];
    public List<DeviceSpec> Devices { get; } = [];
    public bool ReadOnly { get; private set; }

    /// <value>Bytes; null for the default.</value>
    public long? SharedMemory { get; private set; }

    /// <value>Bytes; null for no limit.</value>
    public long? Memory { get; private set; }

    /// <value>Billionths of a processor; null for no limit.</value>
    public long? NanoCpus { get; private set; }

    public long? PidsLimit { get; private set; }
    public List<UlimitSpec> Ulimits { get; } = [];
    public List<KeyValuePair<string, string>> Sysctls { get; } = [];

    public bool Privileged { get; private set; }
    public List<string> CapabilitiesAdded { get; } = [];
    public List<string> CapabilitiesDropped { get; } = [];
    public bool NoNewPrivileges { get; private set; }

    /// <summary>The file of a seccomp profile, or <c>unconfined</c>; null for the default profile.</summary>
    public string? SeccompProfile { get; private set; }

    /// <summary><c>json-file</c> or <c>none</c>.</summary>
    public string LogDriver { get; private set; } = "json-file";

    public List<KeyValuePair<string, string>> LogOptions { get; } = [];

    /// <summary>The variables, those of the files first, so that a later one of the same name wins.</summary>
    /// <exception cref="UsageException">A file cannot be read, or a line of it is wrong.</exception>
    public IReadOnlyList<EnvSpec> ReadEnvironment(Func<string, string?> host) => ReadEnvironment(_variableFiles, _variables, host);

    internal static IReadOnlyList<EnvSpec> ReadEnvironment(List<string> files, List<string> variables, Func<string, string?> host)
    {
        var environment = new List<EnvSpec>();
        try
        {
            foreach (var file in files) environment.AddRange(EnvironmentSyntax.File(file, host));
        }
        catch (CrunException error)
        {
            throw UsageException.Values(error.Message);
        }
        foreach (var variable in variables) environment.Add(EnvironmentSyntax.Variable(variable, host));
        return environment;
    }

    /// <summary>Checks what goes together.</summary>
    /// <exception cref="UsageException">Options contradict each other or the terminal.</exception>
    public void Check(CommandContext context)
    {
        if (Tty && Interactive && !Detach && !context.InputIsTerminal())
            throw UsageException.Values("the input device is not a TTY");
        var ports = new HashSet<(string?, ushort, string)>();
        foreach (var port in Published)
        {
            if (port.HostPort != 0 && port.HostPort == port.LastHostPort && !ports.Add((port.HostAddress, port.HostPort, port.Protocol)))
                throw UsageException.Values($"port {port.HostPort}/{port.Protocol} is published twice");
        }
        var targets = new HashSet<string>();
        foreach (var mount in Mounts)
        {
            if (!targets.Add(mount.Target)) throw UsageException.Values($"Duplicate mount point: {mount.Target}");
        }
    }

    private void AddVariable(string text)
    {
        EnvironmentSyntax.Variable(text, static _ => null);
        _variables.Add(text);
    }

    private void SetPull(string text) => Pull = text switch
    {
        "missing" or "" => PullPolicy.Missing,
        "never" => PullPolicy.Never,
        "always" => PullPolicy.Always,
        _ => throw CrunException.Invalid($"invalid pull option: '{text}': must be one of \"always\", \"missing\" or \"never\""),
    };

    private static void SetRestart(string text)
    {
        if (text is "" or "no") return;
        throw CrunException.Invalid(text is "always" or "unless-stopped" || text.StartsWith("on-failure", StringComparison.Ordinal)
            ? $"--restart {text}: containers cannot be restarted yet; only \"no\" is accepted"
            : $"invalid restart policy: unknown policy '{text}'");
    }

    private void SetLogDriver(string text) => LogDriver = text is "json-file" or "none"
        ? text
        : throw CrunException.Invalid("must be one of \"json-file\" or \"none\"");

    private void SetSecurity(string text)
    {
        var at = text.IndexOfAny(['=', ':']);
        var (name, value) = at < 0 ? (text, "") : (text[..at], text[(at + 1)..]);
        switch (name, value)
        {
            case ("no-new-privileges", "" or "true"): NoNewPrivileges = true; break;
            case ("no-new-privileges", "false"): NoNewPrivileges = false; break;
            case ("seccomp", not ""): SeccompProfile = value == "unconfined" ? value : Path.GetFullPath(value); break;
            case ("apparmor" or "label", "unconfined" or "disable"): break; // neither is applied anyway
            default: throw CrunException.Invalid($"Invalid --security-opt: \"{text}\"");
        }
    }
}
