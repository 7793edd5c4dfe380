using CrunSharp.Storage;

namespace CrunSharp.Build.Steps;

/// <summary>Runs the command of a RUN on a stack of layers. Implemented where containers are.</summary>
public interface IStepRunner
{
    /// <summary>
    /// Runs a command with <see cref="StepSpec.Draft"/> as upper directory over <see cref="StepSpec.Lowers"/>, and waits for
    /// its end. When it returns or throws nothing is mounted and nothing runs any more.
    /// </summary>
    /// <param name="spec">What to run on what.</param>
    /// <param name="output">Where its output goes.</param>
    /// <param name="cancellationToken">Kills the command.</param>
    /// <returns>The exit code; 128 and the signal's number when a signal ended it.</returns>
    Task<int> RunAsync(StepSpec spec, StepOutput output, CancellationToken cancellationToken);
}

/// <summary>The network of a step.</summary>
public enum StepNetwork
{
    /// <summary>What containers have by default.</summary>
    Default,

    /// <summary>A loopback only.</summary>
    None,

    /// <summary>The host's.</summary>
    Host,

    /// <summary>That of a container: <see cref="StepHost.NetworkOf"/>.</summary>
    Container,

    /// <summary>One that a user made: <see cref="StepHost.NetworkName"/>.</summary>
    User,
}

/// <summary>What a step runs on what.</summary>
public sealed record StepSpec
{
    /// <summary>The layers, the lowest first; at least one.</summary>
    public required IReadOnlyList<ViewLayer> Lowers { get; init; }

    /// <summary>The upper and work directories; what is in the upper one afterwards is the step's layer.</summary>
    public required LayerDraft Draft { get; init; }

    /// <summary>The words of the command.</summary>
    public required IReadOnlyList<string> Args { get; init; }

    /// <summary>The environment, <c>NAME=value</c>. HOME is the runner's to add.</summary>
    public required IReadOnlyList<string> Env { get; init; }

    /// <summary>Where it starts; absolute, and perhaps missing.</summary>
    public required string Cwd { get; init; }

    /// <summary><c>user[:group]</c> as in an image's configuration; empty for root.</summary>
    public required string User { get; init; }

    /// <summary>The network.</summary>
    public required StepNetwork Network { get; init; }

    /// <summary>What it gets of the host besides.</summary>
    public StepHost Host { get; init; } = new();

    /// <summary>The host's name in it.</summary>
    public required string Hostname { get; init; }

    /// <summary>What is mounted in it.</summary>
    public IReadOnlyList<StepMount> Mounts { get; init; } = [];

    /// <summary>Files that are there while it runs, and in no layer: secrets, scripts.</summary>
    public IReadOnlyList<StepFile> Files { get; init; } = [];

    /// <summary>Whether it may do what the host's root may.</summary>
    public bool IsPrivileged { get; init; }

    /// <summary>Further lines of its <c>/etc/hosts</c>, <c>name:address</c>.</summary>
    public IReadOnlyList<string> ExtraHosts { get; init; } = [];

    /// <summary>Limits of its processes, <c>name=soft[:hard]</c>.</summary>
    public IReadOnlyList<string> Ulimits { get; init; } = [];

    /// <summary>The size of its <c>/dev/shm</c> in bytes; null for the usual one.</summary>
    public long? ShmSize { get; init; }
}

/// <summary>A mount of a step.</summary>
public sealed record StepMount
{
    /// <summary>Where, absolute.</summary>
    public required string Target { get; init; }

    /// <summary>The file or directory that is bound, opened with O_PATH; null for a file system in memory.</summary>
    public Microsoft.Win32.SafeHandles.SafeFileHandle? Source { get; init; }

    /// <summary>The most bytes of a file system in memory; 0 for no limit.</summary>
    public long TmpfsSize { get; init; }

    /// <summary>The permissions of a file system in memory.</summary>
    public uint TmpfsMode { get; init; } = 0x3ff;

    /// <summary>Whether nothing can be written to it.</summary>
    public bool ReadOnly { get; init; }
}

/// <summary>A file of a step that is in no layer.</summary>
/// <param name="Target">Where, absolute.</param>
/// <param name="Content">Its bytes.</param>
/// <param name="Mode">Its permissions.</param>
/// <param name="Uid">Its owner.</param>
/// <param name="Gid">Its group.</param>
public sealed record StepFile(string Target, ReadOnlyMemory<byte> Content, uint Mode, uint Uid, uint Gid);

/// <summary>Takes a step's output as it comes.</summary>
/// <param name="write">Gets bytes, and whether they are of the standard error; called by one thread at a time.</param>
public sealed class StepOutput(Action<ReadOnlyMemory<byte>, bool> write)
{
    private readonly Lock _lock = new();

    /// <summary>Takes bytes of the standard output.</summary>
    public void Write(ReadOnlyMemory<byte> bytes) => Write(bytes, isError: false);

    /// <summary>Takes bytes of the standard error.</summary>
    public void WriteError(ReadOnlyMemory<byte> bytes) => Write(bytes, isError: true);

    private void Write(ReadOnlyMemory<byte> bytes, bool isError)
    {
        lock (_lock) write(bytes, isError);
    }
}
