using CrunSharp.Cli.CommandLine;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;
using CrunSharp.Runtime.Defaults;
using CrunSharp.Runtime.Lifecycle;

namespace CrunSharp.Cli.Commands.Bundles;

/// <summary><c>spec</c>: writes a configuration to start from.</summary>
internal sealed class SpecCommand : RuntimeCommand
{
    private static readonly string[] Kept = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"];

    private static readonly string[] Made = ["pid", "network", "ipc", "uts", "mount", "cgroup"];

    private static readonly Option[] Table =
    [
        new Value<SpecCommand>("bundle", 'b', "directory", "The bundle", static (o, v) => o._bundle = v) { Default = "\".\"" },
        new Value<SpecCommand>("file", 'f', "file", "Its name in the bundle", static (o, v) => o._file = v) { Default = $"\"{Bundle.ConfigName}\"" },
        new Flag<SpecCommand>("rootless", '\0', "For a user other than root", static (o, v) => o._rootless = v),
    ];

    private string _bundle = ".";
    private string _file = Bundle.ConfigName;
    private bool _rootless;

    public override string Synopsis => "[OPTIONS]";
    public override Option[] Options => Table;
    public override int LeastOperands => 0;
    public override int MostOperands => 0;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        var path = Path.Combine(_bundle, _file);
        var json = (_rootless ? Rootless(Example()) : Example()).ToJson(isIndented: true);
        return AtomicFile.TryCreate(null, path, [.. json, (byte)'\n'], 0x1b6)
            ? ExitCodes.Success
            : throw CrunException.Exists($"file {_file} exists. Remove it first", path);
    }

    private static RuntimeSpec Example() => new()
    {
        OciVersion = RuntimeVersion.Newest,
        Process = new ProcessSpec
        {
            Terminal = true,
            User = new UserSpec(),
            Args = ["sh"],
            Env = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
            Cwd = "/",
            Capabilities = new CapabilitiesSpec { Bounding = Kept, Effective = Kept, Permitted = Kept },
            Rlimits = [new RlimitSpec { Type = "RLIMIT_NOFILE", Soft = 1024, Hard = 1024 }],
            NoNewPrivileges = true,
        },
        Root = new RootSpec { Path = "rootfs", Readonly = true },
        Hostname = "crun-sharp",
        Mounts = DefaultMounts.List,
        Linux = new LinuxSpec
        {
            Resources = new ResourcesSpec { Devices = [new DeviceRule { Allow = false, Access = "rwm" }] },
            Namespaces = [.. Made.Select(static type => new NamespaceSpec { Type = type })],
            MaskedPaths = DefaultPaths.Masked(),
            ReadonlyPaths = DefaultPaths.ReadOnly,
        },
    };

    private static RuntimeSpec Rootless(RuntimeSpec spec)
    {
        var (uid, gid) = OpenFile.CreationOwner;
        return spec with
        {
            Mounts = [.. spec.Mounts!.Select(static mount => mount with { Options = [.. mount.Options!.Where(static option => !option.StartsWith("gid=", StringComparison.Ordinal))] })],
            Linux = spec.Linux! with
            {
                Resources = null,
                Namespaces = [.. spec.Linux!.Namespaces!.Where(static ns => ns.Type != "network"), new NamespaceSpec { Type = "user" }],
                UidMappings = [new IdMapping { HostID = uid, Size = 1 }],
                GidMappings = [new IdMapping { HostID = gid, Size = 1 }],
            },
        };
    }
}
