namespace CrunSharp.Runtime.Criu;

/// <summary>What criu is asked to do.</summary>
internal enum CriuRequestType
{
    Dump = 1,
    Restore = 2,
    PreDump = 4,
    Notify = 6,
    FeatureCheck = 9,
}

/// <summary>A request as criu reads it: the numbers of its fields are those of criu's rpc.proto.</summary>
/// <seealso href="https://github.com/checkpoint-restore/criu/blob/criu-dev/images/rpc.proto"/>
internal static class CriuRequest
{
    // What criu writes between warnings and all: runc's choice, so that logs compare.
    private const int LogLevel = 4;
    private const ulong NewNetwork = 0x40000000; // CLONE_NEWNET

    /// <summary>A request.</summary>
    public static ProtobufMessage Of(CriuRequestType type, ProtobufMessage options) => new ProtobufMessage().Number(1, (ulong)type).Message(2, options);

    /// <summary>Asks for what an option needs of the kernel.</summary>
    public static ProtobufMessage Features() => new ProtobufMessage().Number(1, (ulong)CriuRequestType.FeatureCheck).Message(5, new ProtobufMessage().Flag(1, true).Flag(2, true));

    /// <summary>The answer to a notification: go on, or give up.</summary>
    public static ProtobufMessage Reply(bool goOn) => new ProtobufMessage().Number(1, (ulong)CriuRequestType.Notify).Number(3, goOn ? 1ul : 0);

    /// <summary>Begins the options of a request.</summary>
    /// <param name="options">What both kinds of request have.</param>
    /// <param name="images">Our descriptor of the images' directory.</param>
    /// <param name="work">Our descriptor of the log's directory.</param>
    /// <param name="log">The log's name.</param>
    /// <param name="configuration">A file that criu reads more options from; it need not be there.</param>
    public static ProtobufMessage Begin(CriuOptions options, int images, int work, string log, string? configuration)
    {
        var message = new ProtobufMessage().Number(1, (ulong)images)
            .Flag(4, options.ExternalUnixSockets).Flag(5, options.TcpEstablished).Flag(7, options.ShellJob).Flag(8, options.FileLocks)
            .Number(9, LogLevel).Text(10, log).Flag(12, true).Flag(16, options.AutoDedup).Number(17, (ulong)work)
            .Flag(24, true).Number(34, (ulong)options.CgroupMode)
            .Flag(48, options.LazyPages).Flag(50, true).Text(51, configuration).Flag(52, options.TcpClose);
        if (options.EmptyNetwork) message.Number(38, NewNetwork);
        if (options.NetworkLock is { } networkLock) message.Number(64, (ulong)networkLock);
        return message;
    }

    /// <summary>A mount that criu leaves to us.</summary>
    /// <param name="options">The options.</param>
    /// <param name="key">At a checkpoint the place in the container, at a restore the name.</param>
    /// <param name="value">At a checkpoint the name, at a restore the source.</param>
    public static void AddMount(ProtobufMessage options, string key, string value) => options.Message(23, Pair(key, value));

    /// <summary>A cgroup that the container's are below.</summary>
    public static void AddCgroup(ProtobufMessage options, string controllers, string path) =>
        options.Message(25, new ProtobufMessage().Text(1, controllers).Text(2, path));

    /// <summary>A descriptor of criu's that takes the place of a file in the images.</summary>
    public static void AddFile(ProtobufMessage options, string key, int descriptor) =>
        options.Message(27, new ProtobufMessage().Text(1, key).Number(2, (ulong)descriptor));

    /// <summary>Something of the container that stays outside of the images, such as a network namespace.</summary>
    public static void AddExternal(ProtobufMessage options, string what) => options.Text(37, what);

    /// <summary>A namespace that what is restored joins.</summary>
    public static void AddNamespace(ProtobufMessage options, string type, string path) => options.Message(39, Pair(type, path));

    private static ProtobufMessage Pair(string key, string value) => new ProtobufMessage().Text(1, key).Text(2, value);
}
