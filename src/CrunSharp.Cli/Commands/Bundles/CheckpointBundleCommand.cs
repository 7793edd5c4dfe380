using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Options;
using CrunSharp.Oci;
using CrunSharp.Runtime.Lifecycle;

namespace CrunSharp.Cli.Commands.Bundles;

/// <summary><c>checkpoint</c>: writes a running container to images.</summary>
internal sealed class CheckpointBundleCommand : CriuCommand
{
    private static readonly Option[] Table =
    [
        .. CriuTable,
        new Flag<CheckpointBundleCommand>("leave-running", 'R', "Let the container go on", static (o, v) => o._leaveRunning = v),
        new Flag<CheckpointBundleCommand>("link-remap", '\0', "Give files that were removed and are open a name again", static (o, v) => o._linkRemap = v),
        new Value<CheckpointBundleCommand>("page-server", '\0', "ADDRESS:PORT", "Send memory to a server", static (o, v) => o._pageServer = ServerOf(v)),
        new Value<CheckpointBundleCommand>("parent-path", '\0', "directory", "Earlier images, relative to these, for memory that did not change", static (o, v) => o._parentPath = v),
        new Flag<CheckpointBundleCommand>("pre-dump", '\0', "Write only memory, and let the container go on", static (o, v) => o._preDump = v),
        new Value<CheckpointBundleCommand>("status-fd", '\0', "int", "Descriptor that gets a byte when memory can be asked for", static (o, v) => o._status = Numbers.Whole32(v)),
        new Flag<CheckpointBundleCommand>("tcp-skip-in-flight", '\0', "Leave out connections that are being made", static (o, v) => o._tcpSkipInFlight = v),
    ];

    private bool _leaveRunning;
    private bool _linkRemap;
    private bool _preDump;
    private bool _tcpSkipInFlight;
    private string? _parentPath;
    private (string, int)? _pageServer;
    private int? _status;

    public override Option[] Options => Table;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands) => With(context, operands, container => Checkpoint.Run(container, new CheckpointOptions
    {
        ImagePath = ImagePath,
        WorkPath = WorkPath,
        ParentPath = _parentPath,
        LeaveRunning = _leaveRunning,
        PreDump = _preDump,
        TcpEstablished = TcpEstablished,
        TcpClose = TcpClose,
        TcpSkipInFlight = _tcpSkipInFlight,
        LinkRemap = _linkRemap,
        ExternalUnixSockets = ExternalUnixSockets,
        ShellJob = ShellJob,
        FileLocks = FileLocks,
        EmptyNetwork = EmptyNetwork,
        AutoDedup = AutoDedup,
        LazyPages = LazyPages,
        PageServer = _pageServer,
        StatusDescriptor = _status,
        CgroupMode = CgroupMode,
        NetworkLock = NetworkLock,
    }));

    private static (string, int) ServerOf(string text)
    {
        var colon = text.LastIndexOf(':');
        return colon > 0 && int.TryParse(text[(colon + 1)..], out var port) && port is > 0 and < 65536
            ? (text[..colon], port)
            : throw CrunException.Invalid("use ADDRESS:PORT to give the page server");
    }
}
