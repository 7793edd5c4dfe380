using CrunSharp.Build.Dockerfile;
using CrunSharp.Build.Dockerfile.Instructions;
using CrunSharp.Build.Graph;
using CrunSharp.Oci;
using CrunSharp.Storage;

namespace CrunSharp.Build.Steps;

/// <summary>Makes steps of instructions whose variables are replaced.</summary>
internal sealed class StepMaking(BuildRequest request, BuildArguments arguments, IStepRunner runner)
{
    /// <summary>Makes the step of RUN, COPY, ADD or WORKDIR; null when nothing is to be done but in the configuration.</summary>
    /// <param name="stage">The stage as it is before.</param>
    /// <param name="instruction">The instruction.</param>
    /// <param name="tree">Where COPY takes files from; null when it needs none.</param>
    /// <param name="view">The stage's files; null when it has none.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="CrunException">A value is not allowed, or a source is not there.</exception>
    public LayerStep? Make(StageResult stage, Instruction instruction, SourceTree? tree, LayerView? view, CancellationToken cancellationToken) => instruction switch
    {
        RunInstruction run => MakeRun(stage, run),
        WorkdirInstruction workdir => MakeWorkdir(stage, workdir, view),
        TransferInstruction transfer => MakeCopy(stage, transfer, tree, view, cancellationToken),
        _ => throw new ArgumentException($"{instruction.Name} changes no files", nameof(instruction)),
    };

    /// <summary>What a step is called for people.</summary>
    public static string TitleOf(Instruction instruction) => instruction switch
    {
        WorkdirInstruction workdir => $"WORKDIR {workdir.Path}",
        CopyInstruction { From: { } from } copy => $"COPY --from={from} {string.Join(' ', copy.Sources)} {copy.Destination}",
        TransferInstruction transfer => HistoryOf(transfer)[..^" # buildkit".Length],
        _ => instruction.Original,
    };

    private RunStep MakeRun(StageResult stage, RunInstruction run)
    {
        if (run.Mounts.Count > 0) throw CrunException.Unsupported("RUN --mount is not supported yet");
        if (run.Security == "insecure") throw CrunException.Unsupported("RUN --security=insecure is not supported yet");
        if (run.Devices.Count > 0) throw CrunException.Unsupported("RUN --device is not supported yet");
        if (run.CommandWithHeredocs is { IsShell: true, Words: [['#', '!', ..]] } && run.Heredocs.Count > 0)
            throw CrunException.Unsupported("RUN with a heredoc that starts with #! is not supported yet");
        var args = run.CommandWithHeredocs.WithShell(stage.Image.Shell);
        return new RunStep(runner)
        {
            History = $"RUN {stage.Image.ArgumentPrefix()}{string.Join(' ', args)} # buildkit",
            Args = args,
            Env = stage.Image.Environment(),
            HiddenEnv = [.. arguments.Proxies.Where(proxy => stage.Image.LookUp(proxy.Key) is null).Select(static proxy => $"{proxy.Key}={proxy.Value}")],
            Cwd = stage.Image.WorkingDirectory,
            User = stage.Image.User,
            Network = run.Network switch { "none" => StepNetwork.None, "host" => StepNetwork.Host, _ => request.Network },
            Hostname = arguments.Given("BUILDKIT_SANDBOX_HOSTNAME") ?? "buildkitsandbox",
        };
    }

    private static WorkdirStep? MakeWorkdir(StageResult stage, WorkdirInstruction workdir, LayerView? view)
    {
        if (workdir.Path.Length == 0) throw CrunException.Invalid("WORKDIR requires exactly one argument");
        var path = PosixPath.InRoot(PosixPath.Join(stage.Image.WorkingDirectory, workdir.Path));
        stage.Image.SetWorkingDirectory(path);
        var there = view?.Resolve(path);
        if (there is { Status: not null, IsDirectory: false }) throw CrunException.Invalid($"{path}: not a directory");
        if (path == "/" || there is { IsDirectory: true })
        {
            stage.Image.AddHistory($"WORKDIR {path}", hasLayer: false);
            return null;
        }
        return new WorkdirStep { History = $"WORKDIR {path}", Path = path, Owner = OwnerOf(view, stage.Image.User) };
    }

    // As BuildKit: a user that is not known yet leaves the directory to root.
    private static (uint Uid, uint Gid) OwnerOf(LayerView? view, string user)
    {
        try
        {
            return user.Length == 0 ? (0, 0) : UserDatabase.Resolve(view, user);
        }
        catch (CrunException error) when (error.Kind == ErrorKind.NotFound)
        {
            return (0, 0);
        }
    }

    private static CopyStep MakeCopy(StageResult stage, TransferInstruction transfer, SourceTree? tree, LayerView? view, CancellationToken cancellationToken)
    {
        CheckTransfer(transfer);
        var exclude = transfer.Exclude.Count == 0 ? DockerIgnore.None : DockerIgnore.FromPatterns(transfer.Exclude);
        var sources = new List<CopySource>();
        foreach (var pattern in transfer.Sources) sources.AddRange(tree!.Select(pattern, exclude, cancellationToken));
        (uint, uint)? owner = transfer.Owner is { } text ? UserDatabase.Resolve(view, text) : transfer is not CopyInstruction { From: not null } ? (0u, 0u) : null;
        var destination = PosixPath.Join(stage.Image.WorkingDirectory, transfer.Destination);
        if ((transfer.Destination is "" or "." or ".." || transfer.Destination.EndsWith('/') || transfer.Destination.EndsWith("/.", StringComparison.Ordinal)) && destination != "/") destination += "/";
        return new CopyStep
        {
            History = HistoryOf(transfer),
            Op = transfer.Name,
            Tree = tree,
            Sources = sources,
            Archives = transfer is AddInstruction ? sources.Where(s => ArchiveUnpacker.IsArchive(tree!, s)).ToHashSet() : [],
            Documents = [.. transfer.Heredocs.Zip(transfer.Bodies, static (h, body) => KeyValuePair.Create(h.Name, body))],
            Destination = destination,
            Rules = new CopyRules(owner, transfer.Mode is { } mode ? ParseMode(mode) : null),
        };
    }

    private static void CheckTransfer(TransferInstruction transfer)
    {
        if (transfer is CopyInstruction { Parents: true }) throw CrunException.Unsupported("COPY --parents is not supported yet");
        if (transfer is AddInstruction { Checksum: not null } or AddInstruction { KeepGitDir: true } or AddInstruction { Unpack: not null })
            throw CrunException.Unsupported("ADD --checksum, --keep-git-dir and --unpack are not supported yet");
        foreach (var source in transfer.Sources)
        {
            if (!source.StartsWith("http://", StringComparison.Ordinal) && !source.StartsWith("https://", StringComparison.Ordinal)
                && !source.StartsWith("git@", StringComparison.Ordinal) && !source.StartsWith("git://", StringComparison.Ordinal)) continue;
            throw transfer is CopyInstruction ? CrunException.Invalid($"source can't be a URL for COPY: {source}")
                : CrunException.Unsupported("ADD of a URL is not supported yet");
        }
        if (transfer.Sources.Count + transfer.Heredocs.Count > 1 && !transfer.Destination.EndsWith('/') && transfer.Destination is not ("." or ".."))
            throw CrunException.Invalid($"When using {transfer.Name} with more than one source file, the destination must be a directory and end with a /");
    }

    private static uint ParseMode(string text)
    {
        if (text.Length is 0 or > 5 || text.AsSpan().ContainsAnyExceptInRange('0', '7') || Convert.ToUInt32(text, 8) is > 0xfff)
            throw CrunException.Invalid($"invalid chmod parameter: '{text}'. it should be octal string and between 0 and 07777");
        return Convert.ToUInt32(text, 8);
    }

    private static string HistoryOf(TransferInstruction transfer)
    {
        var flags = (transfer.Owner is { } owner ? $" --chown={owner}" : "") + (transfer.Mode is { } mode ? $" --chmod={mode}" : "");
        return $"{transfer.Name}{flags}{string.Concat(transfer.Sources.Select(static s => " " + s))}{string.Concat(transfer.Heredocs.Select(static h => " <<" + h.Name))} {transfer.Destination} # buildkit";
    }
}
