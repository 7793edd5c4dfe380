using CrunSharp.Cli.CommandLine;
using CrunSharp.Runtime.Lifecycle;

namespace CrunSharp.Cli.Commands.Bundles;

/// <summary><c>restore</c>: makes a container of the images that <c>checkpoint</c> wrote.</summary>
internal sealed class RestoreBundleCommand : CriuCommand
{
    private static readonly Option[] Table =
    [
        .. CriuTable,
        new Value<RestoreBundleCommand>("bundle", 'b', "directory", "The bundle", static (o, v) => o._bundle = v) { Default = "\".\"" },
        new Value<RestoreBundleCommand>("console-socket", '\0', "socket", "Unix socket that gets the terminal", static (o, v) => o._consoleSocket = v),
        new Flag<RestoreBundleCommand>("detach", 'd', "Leave it running", static (o, v) => o._detach = v),
        new Value<RestoreBundleCommand>("lsm-mount-context", '\0', "string", "SELinux context of mounts instead of the images' one", static (o, v) => o._mountContext = v),
        new Value<RestoreBundleCommand>("lsm-profile", '\0', "TYPE:NAME", "AppArmor profile or SELinux label instead of the images' one", static (o, v) => o._profile = v),
        new Flag<RestoreBundleCommand>("no-new-keyring", '\0', "Ignored: keyrings are not in images", static (_, _) => { }) { Hidden = true },
        new Flag<RestoreBundleCommand>("no-pivot", '\0', "Ignored: criu changes the root directory", static (_, _) => { }) { Hidden = true },
        new Flag<RestoreBundleCommand>("no-subreaper", '\0', "Ignored: nothing of it becomes our child", static (_, _) => { }) { Hidden = true },
        new Value<RestoreBundleCommand>("pid-file", '\0', "file", "File that gets the process id", static (o, v) => o._pidFile = v),
    ];

    private string _bundle = ".";
    private string? _consoleSocket;
    private string? _mountContext;
    private string? _profile;
    private string? _pidFile;
    private bool _detach;

    public override Option[] Options => Table;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        var bundle = Bundle.Load(_bundle);
        var hasTerminal = bundle.Spec.Process?.Terminal == true;
        CreateBundleCommand.CheckTerminal(hasTerminal, _consoleSocket, _detach);
        using var session = _detach ? null : ForegroundSession.Begin(hasTerminal);
        using var restoration = Restoration.Run(OpenStore(context), bundle, new RestoreOptions
        {
            Id = operands[0],
            ImagePath = ImagePath,
            WorkPath = WorkPath,
            ConsoleSocket = _consoleSocket,
            PidFile = _pidFile,
            SecurityProfile = _profile,
            MountContext = _mountContext,
            TcpEstablished = TcpEstablished,
            TcpClose = TcpClose,
            ExternalUnixSockets = ExternalUnixSockets,
            ShellJob = ShellJob,
            FileLocks = FileLocks,
            EmptyNetwork = EmptyNetwork,
            AutoDedup = AutoDedup,
            LazyPages = LazyPages,
            CgroupMode = CgroupMode,
            NetworkLock = NetworkLock,
            CgroupDriver = Global.CgroupDriver,
            Streams = session?.Streams,
        }, context.Clock);
        var container = restoration.Container;
        Tell(context, container);
        if (session is null) return ExitCodes.Success;
        try
        {
            session.Take(restoration.Terminal);
            return session.Wait(restoration.Process);
        }
        finally
        {
            if (Directory.Exists(container.Path))
            {
                container.Delete(force: true);
                Tell(context, container);
            }
        }
    }
}
