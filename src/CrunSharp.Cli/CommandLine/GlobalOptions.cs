using CrunSharp.Oci;

namespace CrunSharp.Cli.CommandLine;

/// <summary>What may precede the command.</summary>
internal sealed class GlobalOptions
{
    private const string DefaultRoot = "/var/lib/crun-sharp";
    private const string DefaultRunRoot = "/run/crun-sharp";

    public static readonly Option[] Table =
    [
        new Value<GlobalOptions>("config", '\0', "string", "Directory of client settings", static (o, v) => o.Config = v),
        new Flag<GlobalOptions>("debug", 'D', "Show stack traces of errors", static (o, v) => o.Debug = v),
        new Value<GlobalOptions>("log-level", 'l', "string", "How much to log: debug, info, warn, error, fatal", static (o, v) => o.SetLogLevel(v)) { Default = "\"info\"" },
        new Value<GlobalOptions>("root", '\0', "string", "Where images, volumes and containers are kept", static (o, v) => o.Root = v) { Default = $"\"{DefaultRoot}\"" },
        new Value<GlobalOptions>("run-root", '\0', "string", "Where running containers have their sockets and locks", static (o, v) => o.RunRoot = v) { Default = $"\"{DefaultRunRoot}\"" },
        new Flag<GlobalOptions>("version", 'v', "Print the version", static (o, v) => o.Version = v),
    ];

    /// <summary>The directory of client settings; null for the default.</summary>
    public string? Config { get; private set; }

    public bool Debug { get; private set; }

    public string LogLevel { get; private set; } = "info";

    public bool Version { get; private set; }

    /// <summary>Where everything that outlives a reboot is kept; null when not given.</summary>
    private string? Root { get; set; }

    private string? RunRoot { get; set; }

    /// <summary>The state's directory: the option, <c>$CRUN_SHARP_ROOT</c>, or the default.</summary>
    public string RootOf(CommandContext context) => Absolute(Root ?? context.Variable("CRUN_SHARP_ROOT"), DefaultRoot);

    /// <summary>The directory of what dies with a reboot: the option, <c>$CRUN_SHARP_RUN_ROOT</c>, or the default.</summary>
    public string RunRootOf(CommandContext context) => Absolute(RunRoot ?? context.Variable("CRUN_SHARP_RUN_ROOT"), DefaultRunRoot);

    private static string Absolute(string? path, string otherwise) => string.IsNullOrEmpty(path) ? otherwise : Path.GetFullPath(path);

    private void SetLogLevel(string level) => LogLevel = level is "debug" or "info" or "warn" or "error" or "fatal"
        ? level
        : throw CrunException.Invalid("must be one of debug, info, warn, error, fatal");
}
