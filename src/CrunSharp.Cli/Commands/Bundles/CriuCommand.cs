using CrunSharp.Cli.CommandLine;
using CrunSharp.Oci;
using CrunSharp.Runtime.Criu;

namespace CrunSharp.Cli.Commands.Bundles;

/// <summary>What <c>checkpoint</c> and <c>restore</c> have in common.</summary>
internal abstract class CriuCommand : RuntimeCommand
{
    protected static readonly Option[] CriuTable =
    [
        new Flag<CriuCommand>("auto-dedup", '\0', "Remove memory from earlier images that later ones have", static (o, v) => o.AutoDedup = v),
        new Value<CriuCommand>("empty-ns", '\0', "list", "Leave a namespace empty: network", static (o, v) => o.AddEmpty(v)),
        new Flag<CriuCommand>("ext-unix-sk", '\0', "Allow unix sockets that are connected to others outside", static (o, v) => o.ExternalUnixSockets = v),
        new Flag<CriuCommand>("file-locks", '\0', "Keep locks of files", static (o, v) => o.FileLocks = v),
        new Value<CriuCommand>("image-path", '\0', "directory", "Where the images are", static (o, v) => o.ImagePath = v) { Default = "\"checkpoint\"" },
        new Flag<CriuCommand>("lazy-pages", '\0', "Bring memory over when it is used", static (o, v) => o.LazyPages = v),
        new Value<CriuCommand>("manage-cgroups-mode", '\0', "string", "What is kept of cgroups: soft, full, strict, ignore", static (o, v) => o.CgroupMode = ModeOf(v)) { Default = "\"soft\"" },
        new Value<CriuCommand>("network-lock", '\0', "string", "How connections are locked: iptables, nftables, skip", static (o, v) => o.NetworkLock = LockOf(v)),
        new Flag<CriuCommand>("shell-job", '\0', "Allow a terminal and a session of outside", static (o, v) => o.ShellJob = v),
        new Flag<CriuCommand>("tcp-close", '\0', "Close TCP connections", static (o, v) => o.TcpClose = v),
        new Flag<CriuCommand>("tcp-established", '\0', "Keep TCP connections", static (o, v) => o.TcpEstablished = v),
        new Value<CriuCommand>("work-path", '\0', "directory", "Where the log and statistics go", static (o, v) => o.WorkPath = v) { Default = "that of the images" },
    ];

    protected string ImagePath { get; private set; } = "checkpoint";

    /// <summary>Where the log goes; null for the directory of the images.</summary>
    protected string? WorkPath { get; private set; }

    protected bool AutoDedup { get; private set; }

    protected bool EmptyNetwork { get; private set; }

    protected bool ExternalUnixSockets { get; private set; }

    protected bool FileLocks { get; private set; }

    protected bool LazyPages { get; private set; }

    protected bool ShellJob { get; private set; }

    protected bool TcpClose { get; private set; }

    protected bool TcpEstablished { get; private set; }

    protected CriuCgroupMode CgroupMode { get; private set; } = CriuCgroupMode.Soft;

    /// <summary>How connections are locked; null for criu's own choice.</summary>
    protected CriuNetworkLock? NetworkLock { get; private set; }

    private void AddEmpty(string type)
    {
        if (type != "network") throw CrunException.Invalid($"the namespace {type} cannot be left empty");
        EmptyNetwork = true;
    }

    private static CriuCgroupMode ModeOf(string mode) => mode switch
    {
        "" or "soft" => CriuCgroupMode.Soft,
        "full" => CriuCgroupMode.Full,
        "strict" => CriuCgroupMode.Strict,
        "ignore" => CriuCgroupMode.Ignore,
        _ => throw CrunException.Invalid("must be one of soft, full, strict, ignore"),
    };

    private static CriuNetworkLock LockOf(string method) => method switch
    {
        "iptables" => CriuNetworkLock.Iptables,
        "nftables" => CriuNetworkLock.Nftables,
        "skip" => CriuNetworkLock.Skip,
        _ => throw CrunException.Invalid("must be one of iptables, nftables, skip"),
    };
}
