using CrunSharp.Cli.CommandLine;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci;
using CrunSharp.Runtime.Cgroups;
using CrunSharp.Runtime.Lifecycle;

namespace CrunSharp.Cli.Commands.Bundles;

/// <summary>What may precede a command of the OCI runtime: runc's and crun's global options.</summary>
internal sealed class RuntimeOptions
{
    private const string DefaultRoot = "/run/crun-sharp/bundles";
    private const string Variable = "CRUN_SHARP_RUNTIME_ROOT";

    public static readonly Option[] Table =
    [
        new Value<RuntimeOptions>("cgroup-manager", '\0', "string", "How cgroups are managed: cgroupfs, systemd, disabled", static (o, v) => o.SetCgroupManager(v)) { Default = "\"cgroupfs\"" },
        new Value<RuntimeOptions>("criu", '\0', "string", "Ignored", static (_, _) => { }) { Hidden = true },
        new Flag<RuntimeOptions>("debug", '\0', "Log more, and show stack traces of errors", static (o, v) => o.Debug = v),
        new Value<RuntimeOptions>("log", '\0', "file", "File for errors and warnings", static (o, v) => o.SetLog(v)),
        new Value<RuntimeOptions>("log-format", '\0', "string", "Form of that file: text, json", static (o, v) => o.SetLogFormat(v)) { Default = "\"text\"" },
        new Value<RuntimeOptions>("log-level", '\0', "string", "Ignored", static (_, _) => { }) { Hidden = true },
        new Value<RuntimeOptions>("root", '\0', "directory", "Where containers' states are kept", static (o, v) => o.Root = v) { Default = $"\"{DefaultRoot}\"" },
        new Value<RuntimeOptions>("rootless", '\0', "string", "Ignored: who has no rights gets a user namespace", static (_, v) => CheckRootless(v)) { Hidden = true },
        new Flag<RuntimeOptions>("systemd-cgroup", '\0', "The same as --cgroup-manager systemd", static (o, v) => { if (v) o.CgroupDriver = CgroupDriver.Systemd; }),
        new Flag<RuntimeOptions>("version", 'v', "Print the version", static (o, v) => o.Version = v),
        new Flag<RuntimeOptions>("V", 'V', "crun's letter for it", static (o, v) => o.Version = v) { Hidden = true },
    ];

    public bool Debug { get; private set; }

    public bool Version { get; private set; }

    /// <summary>The file for errors; null for none.</summary>
    public string? Log { get; private set; }

    public bool LogIsJson { get; private set; }

    public CgroupDriver CgroupDriver { get; private set; }

    private string? Root { get; set; }

    /// <summary>Opens the store of containers.</summary>
    public RuntimeStore OpenStore(CommandContext context) => new(PathOf(Root, context.Variable));

    /// <summary>Whether a root has a container of this id.</summary>
    /// <param name="root">The root; null for the default.</param>
    /// <param name="id">The id.</param>
    public static bool HasContainer(string? root, string id) =>
        RuntimeStore.IsId(id) && Directory.Exists($"{PathOf(root, Environment.GetEnvironmentVariable)}/{id}");

    /// <summary>The variable that names the root to a further process of ours.</summary>
    public string RootVariable(CommandContext context) => $"{Variable}={PathOf(Root, context.Variable)}";

    private static string PathOf(string? root, Func<string, string?> variable) => Path.GetFullPath(root ?? variable(Variable)
        ?? (OpenFile.CreationOwner.Uid != 0 && variable("XDG_RUNTIME_DIR") is { Length: > 0 } own ? $"{own}/crun-sharp/bundles" : DefaultRoot));

    // crun's forms: a file's name may have a prefix; what it would tell a service of the host is printed only.
    private void SetLog(string log) => Log = log.StartsWith("file:", StringComparison.Ordinal) ? log["file:".Length..]
        : log.StartsWith("journald:", StringComparison.Ordinal) || log.StartsWith("syslog:", StringComparison.Ordinal) ? null : log;

    private static void CheckRootless(string value)
    {
        if (value is not ("" or "auto" or "1" or "t" or "T" or "true" or "TRUE" or "True" or "0" or "f" or "F" or "false" or "FALSE" or "False"))
            throw CrunException.Invalid("must be one of auto, true, false");
    }

    private void SetLogFormat(string format) => LogIsJson = format switch
    {
        "json" => true,
        "text" or "" => false,
        _ => throw CrunException.Invalid($"invalid log-format: {format}"),
    };

    private void SetCgroupManager(string manager) => CgroupDriver = manager switch
    {
        "cgroupfs" => CgroupDriver.Cgroupfs,
        "systemd" => CgroupDriver.Systemd,
        "disabled" => CgroupDriver.Disabled,
        _ => throw CrunException.Invalid("must be one of cgroupfs, systemd, disabled"),
    };
}
