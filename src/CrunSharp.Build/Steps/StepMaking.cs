using System.Text;
using CrunSharp.Build.Dockerfile;
using CrunSharp.Build.Dockerfile.Instructions;
using CrunSharp.Build.Graph;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;
using CrunSharp.Storage;

namespace CrunSharp.Build.Steps;

/// <summary>Makes steps of instructions whose variables are replaced.</summary>
internal sealed class StepMaking(Store store, BuildRequest request, BuildArguments arguments, IStepRunner runner)
{
    /// <summary>Fills a cache mount that is made, if it knows it.</summary>
    public Func<string, Microsoft.Win32.SafeHandles.SafeFileHandle, CancellationToken, bool>? Fill { get; init; }

    /// <summary>Makes the step of RUN or WORKDIR; null when nothing is to be done but in the configuration.</summary>
    /// <param name="stage">The stage as it is before.</param>
    /// <param name="platform">The stage's platform.</param>
    /// <param name="instruction">The instruction.</param>
    /// <param name="mounts">The mounts of RUN.</param>
    /// <param name="view">The stage's files; null when it has none.</param>
    /// <exception cref="CrunException">A value is not allowed.</exception>
    public LayerStep? Make(StageResult stage, Platform platform, Instruction instruction, IReadOnlyList<RunMountSource> mounts, LayerView? view) => instruction switch
    {
        RunInstruction run => MakeRun(stage, platform, run, mounts),
        WorkdirInstruction workdir => MakeWorkdir(stage, workdir, view),
        _ => throw new ArgumentException($"{instruction.Name} changes no files", nameof(instruction)),
    };

    /// <summary>What a step is called for people.</summary>
    public static string TitleOf(Instruction instruction) => instruction switch
    {
        WorkdirInstruction workdir => $"WORKDIR {workdir.Path}",
        CopyInstruction { From: { } from } copy => $"COPY --from={from} {string.Join(' ', copy.Sources)} {copy.Destination}",
        TransferInstruction transfer => CopyMaking.HistoryOf(transfer)[..^" # buildkit".Length],
        _ => instruction.Original,
    };

    private RunStep MakeRun(StageResult stage, Platform platform, RunInstruction run, IReadOnlyList<RunMountSource> mounts)
    {
        if (run.Security == "insecure") RequireAllowed("security.insecure");
        if (run.Network == "host" && request.Network != StepNetwork.Host) RequireAllowed("network.host");
        if (run.Devices.Count > 0) throw CrunException.Unsupported("RUN --device is not supported");
        // A lone document that names its own interpreter is a program.
        var script = run.Heredocs.Count > 0 && run.CommandWithHeredocs is { IsShell: true, Words: [['#', '!', ..] text] }
            ? new StepFile($"/dev/pipes/{run.Heredocs[0].Name}", Encoding.UTF8.GetBytes(text), 0x1ed, 0, 0) : null;
        var args = script is not null ? [script.Target] : run.CommandWithHeredocs.WithShell(stage.Image.Shell);
        return new RunStep(runner, store)
        {
            Mounts = mounts,
            Script = script,
            Secrets = request.Secrets,
            Fill = Fill,
            CachePrefix = arguments.Given("BUILDKIT_CACHE_MOUNT_NS") is { Length: > 0 } prefix ? prefix + "/" : "",
            IsPrivileged = run.Security == "insecure",
            Request = request,
            Platform = platform,
            History = $"RUN {stage.Image.ArgumentPrefix()}{string.Join(' ', args)} # buildkit",
            Args = args,
            Env = stage.Image.Environment(),
            HiddenEnv = [.. arguments.Proxies.Where(proxy => stage.Image.LookUp(proxy.Key) is null).Select(static proxy => $"{proxy.Key}={proxy.Value}")],
            Cwd = stage.Image.WorkingDirectory,
            User = stage.Image.User,
            Network = run.Network switch { "none" => StepNetwork.None, "host" => StepNetwork.Host, _ => request.Network },
            Hostname = request.Host.Hostname ?? arguments.Given("BUILDKIT_SANDBOX_HOSTNAME") ?? "buildkitsandbox",
        };
    }

    private void RequireAllowed(string right)
    {
        if (!request.Allowed.Contains(right)) throw CrunException.Unsupported($"{right} is not allowed (--allow {right} allows it)");
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
}
