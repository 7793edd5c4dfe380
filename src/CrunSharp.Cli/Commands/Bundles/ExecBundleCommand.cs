using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Options;
using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;
using CrunSharp.Runtime.Lifecycle;

namespace CrunSharp.Cli.Commands.Bundles;

/// <summary><c>exec</c>: runs a further process in a container.</summary>
internal sealed class ExecBundleCommand : RuntimeCommand
{
    private static readonly Option[] Table =
    [
        new Value<ExecBundleCommand>("additional-gids", 'g', "list", "Further group ids", static (o, v) => o._groups.Add(Unsigned(v))),
        new Value<ExecBundleCommand>("apparmor", '\0', "string", "AppArmor profile", static (o, v) => o._apparmor = v),
        new Value<ExecBundleCommand>("cap", 'c', "list", "A capability more", static (o, v) => o._capabilities.Add(v)),
        new Value<ExecBundleCommand>("cgroup", '\0', "path", "A cgroup below the container's", static (o, v) => o._cgroups.Add(v)),
        new Value<ExecBundleCommand>("console-socket", '\0', "socket", "Unix socket that gets the terminal", static (o, v) => o._consoleSocket = v),
        new Value<ExecBundleCommand>("cwd", '\0', "directory", "Working directory", static (o, v) => o._cwd = v),
        new Flag<ExecBundleCommand>("detach", 'd', "Leave it running", static (o, v) => o._detach = v),
        new Value<ExecBundleCommand>("env", 'e', "list", "A variable, NAME=value", static (o, v) => o._env.Add(v)),
        new Flag<ExecBundleCommand>("ignore-paused", '\0', "Also in a paused container", static (o, v) => o._ignorePaused = v),
        new Flag<ExecBundleCommand>("no-new-privs", '\0', "execve gives no new privileges", static (o, v) => o._noNewPrivileges = v),
        new Value<ExecBundleCommand>("pid-file", '\0', "file", "File that gets the process id", static (o, v) => o._pidFile = v),
        new Value<ExecBundleCommand>("pidfd-socket", '\0', "socket", "Unix socket that gets the process's pidfd", static (o, v) => o._pidfdSocket = v),
        new Value<ExecBundleCommand>("preserve-fds", '\0', "int", "How many descriptors from 3 on the process gets", static (o, v) => o._preserved = Numbers.Whole32(v)),
        new Value<ExecBundleCommand>("process", 'p', "file", "The process, as JSON", static (o, v) => o._process = v),
        new Value<ExecBundleCommand>("process-label", '\0', "string", "SELinux label", static (o, v) => o._label = v),
        new Flag<ExecBundleCommand>("tty", 't', "Give it a terminal", static (o, v) => o._tty = v),
        new Value<ExecBundleCommand>("user", 'u', "UID[:GID]", "Who it runs as", static (o, v) => o._user = UserOf(v)),
    ];

    private readonly List<string> _env = [];
    private readonly List<string> _capabilities = [];
    private readonly List<uint> _groups = [];
    private readonly List<string> _cgroups = [];
    private string? _apparmor;
    private string? _label;
    private string? _consoleSocket;
    private string? _cwd;
    private string? _pidFile;
    private string? _pidfdSocket;
    private string? _process;
    private (uint Uid, uint? Gid)? _user;
    private bool _detach;
    private bool _ignorePaused;
    private bool _noNewPrivileges;
    private bool _tty;
    private int _preserved;

    public override string Synopsis => "[OPTIONS] CONTAINER COMMAND [ARG...]  or  [OPTIONS] --process FILE CONTAINER";
    public override Option[] Options => Table;
    public override int MostOperands => int.MaxValue;
    public override bool StopsAtOperand => true;

    // runc's: what the process itself cannot give.
    public override int FailureCode => 255;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        using var container = OpenStore(context).Get(operands[0]);
        var process = ProcessOf(container, operands);
        CreateBundleCommand.CheckTerminal(process.Terminal, _consoleSocket, _detach);
        using var session = _detach ? null : ForegroundSession.Begin(process.Terminal);
        using var joined = Execution.Start(container, process, new ExecuteOptions
        {
            ConsoleSocket = _consoleSocket,
            PidFile = _pidFile,
            PidfdSocket = _pidfdSocket,
            PreservedDescriptors = _preserved,
            IgnorePaused = _ignorePaused,
            Cgroups = _cgroups,
            Streams = session?.Streams,
        });
        session?.Take(joined.TakeTerminal());
        return session?.EndWith(joined.Process) ?? ExitCodes.Success;
    }

    // What is not said is as the container's first process has it.
    private ProcessSpec ProcessOf(RuntimeContainer container, IReadOnlyList<string> operands)
    {
        if (_process is not null)
        {
            var process = ProcessSpec.Parse(Read(_process), _process);
            return _tty ? process with { Terminal = true } : process;
        }
        if (operands.Count < 2) throw UsageException.Values("process args cannot be empty");
        var first = container.FirstProcess ?? throw CrunException.Invalid("the container's configuration has no process");
        var user = first.User ?? new UserSpec();
        var arguments = new List<string>(operands.Count);
        for (var i = 1; i < operands.Count; i++) arguments.Add(operands[i]);
        return first with
        {
            Args = arguments,
            Terminal = _tty,
            Cwd = _cwd ?? first.Cwd,
            Env = [.. first.Env ?? [], .. _env],
            User = user with
            {
                Uid = _user?.Uid ?? user.Uid,
                Gid = _user is { } given ? given.Gid ?? user.Gid : user.Gid,
                AdditionalGids = [.. user.AdditionalGids ?? [], .. _groups],
            },
            Capabilities = _capabilities.Count == 0 ? first.Capabilities : With(first.Capabilities ?? new CapabilitiesSpec()),
            NoNewPrivileges = first.NoNewPrivileges || _noNewPrivileges,
            ApparmorProfile = _apparmor ?? first.ApparmorProfile,
            SelinuxLabel = _label ?? first.SelinuxLabel,
            ConsoleSize = null,
        };
    }

    // As runc does since CVE-2022-29162: not inheritable, and ambient only if the container's are.
    private CapabilitiesSpec With(CapabilitiesSpec sets) => sets with
    {
        Bounding = [.. sets.Bounding ?? [], .. _capabilities],
        Effective = [.. sets.Effective ?? [], .. _capabilities],
        Permitted = [.. sets.Permitted ?? [], .. _capabilities],
    };

    private static uint Unsigned(string text) => uint.TryParse(text, out var number) ? number : throw CrunException.Invalid($"\"{text}\" is no id");

    private static (uint, uint?) UserOf(string text)
    {
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        return colon < 0 ? (Unsigned(text), null) : (Unsigned(text[..colon]), Unsigned(text[(colon + 1)..]));
    }
}
