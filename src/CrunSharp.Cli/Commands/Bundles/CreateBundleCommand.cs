using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Commands.Containers;
using CrunSharp.Cli.Options;
using CrunSharp.Runtime.Lifecycle;

namespace CrunSharp.Cli.Commands.Bundles;

/// <summary><c>create</c>: makes a container of a bundle; its program waits for <c>start</c>.</summary>
internal class CreateBundleCommand : RuntimeCommand
{
    protected static readonly Option[] CreateTable =
    [
        new Value<CreateBundleCommand>("bundle", 'b', "directory", "The bundle", static (o, v) => o.BundlePath = v) { Default = "\".\"" },
        new Value<CreateBundleCommand>("config", 'f', "file", "The configuration, when it is not in the bundle", static (o, v) => o.ConfigPath = v),
        new Value<CreateBundleCommand>("console-socket", '\0', "socket", "Unix socket that gets the terminal", static (o, v) => o.ConsoleSocket = v),
        new Flag<CreateBundleCommand>("no-new-keyring", '\0', "Leave the session keyring", static (o, v) => o._noNewKeyring = v),
        new Flag<CreateBundleCommand>("no-pivot", '\0', "Use no pivot_root, for a host that runs from a ramdisk", static (o, v) => o._noPivot = v),
        new Flag<CreateBundleCommand>("no-subreaper", '\0', "Ignored: nothing of it becomes our child", static (_, _) => { }) { Hidden = true },
        new Value<CreateBundleCommand>("pid-file", '\0', "file", "File that gets the process id", static (o, v) => o._pidFile = v),
        new Value<CreateBundleCommand>("pidfd-socket", '\0', "socket", "Unix socket that gets the process's pidfd", static (o, v) => o._pidfdSocket = v),
        new Value<CreateBundleCommand>("preserve-fds", '\0', "int", "How many descriptors from 3 on the process gets", static (o, v) => o._preserved = Numbers.Whole32(v)),
    ];

    private string? _pidFile;
    private string? _pidfdSocket;
    private bool _noNewKeyring;
    private bool _noPivot;
    private int _preserved;

    public override Option[] Options => CreateTable;

    protected string BundlePath { get; private set; } = ".";

    /// <summary>The configuration's path; null when it is in the bundle.</summary>
    protected string? ConfigPath { get; private set; }

    /// <summary>The socket that gets the terminal; null for none.</summary>
    protected string? ConsoleSocket { get; private set; }

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        var bundle = Bundle.Load(BundlePath, ConfigPath);
        CheckTerminal(bundle.Spec.Process?.Terminal == true, ConsoleSocket, isDetached: true);
        if (RunInUserNamespace(context, bundle) is { } code) return code;
        using var creation = Create(context, operands[0], bundle);
        Tell(context, creation.Container);
        creation.Process.Dispose();
        creation.Container.Dispose();
        return ExitCodes.Success;
    }

    /// <summary>Refuses a terminal that nobody gets, and a socket that gets none.</summary>
    public static void CheckTerminal(bool hasTerminal, string? socket, bool isDetached)
    {
        if (hasTerminal && isDetached && socket is null)
            throw UsageException.Values("cannot allocate tty if it will detach without setting console socket");
        if (socket is not null && !(hasTerminal && isDetached))
            throw UsageException.Values("cannot use console socket if it will not detach or allocate tty");
    }

    /// <summary>Makes the container in a process that may, when this one may not: its exit code.</summary>
    /// <returns>Null when this process may.</returns>
    protected int? RunInUserNamespace(CommandContext context, Bundle bundle)
    {
        if (!UserNamespaceProcess.IsNeeded) return null;
        using var process = UserNamespaceProcess.Start(bundle.Spec, Environment.GetCommandLineArgs(), [Global.RootVariable(context)], Listening(context) + _preserved);
        using var signals = AttachedSession.Forward(signal => process.Send(signal));
        return process.Reap().Code;
    }

    private static int Listening(CommandContext context) => int.TryParse(context.Variable("LISTEN_FDS"), out var count) ? count : 0;

    /// <summary>Makes the container.</summary>
    protected Creation Create(CommandContext context, string id, Bundle bundle, ProcessStreams? streams = null, bool starts = false) => Creation.Run(OpenStore(context), bundle, new CreateOptions
    {
        Id = id,
        ConsoleSocket = ConsoleSocket,
        PidFile = _pidFile,
        PidfdSocket = _pidfdSocket,
        PreservedDescriptors = _preserved,
        ListeningDescriptors = Listening(context),
        TellsReadiness = context.Variable(Readiness.Variable) is { Length: > 0 },
        NewKeyring = !_noNewKeyring,
        NoPivot = _noPivot,
        CgroupDriver = Global.CgroupDriver,
        Streams = streams,
        IsStartedByCreator = starts,
    }, context.Clock);
}
