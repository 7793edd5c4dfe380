using CrunSharp.Engine;
using CrunSharp.Engine.Containers;
using CrunSharp.Engine.Steps;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci.Runtime;

namespace CrunSharp.Build.Steps;

/// <summary>Runs the commands of RUN in containers of the engine.</summary>
/// <param name="paths">Where the engine keeps what it knows.</param>
public sealed class ContainerStepRunner(EnginePaths paths) : IStepRunner
{
    /// <inheritdoc/>
    public Task<int> RunAsync(StepSpec spec, StepOutput output, CancellationToken cancellationToken)
    {
        // A thread of its own: the container dies with the thread that started it, also when this process is killed.
        var result = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        new Thread(() =>
        {
            try
            {
                var code = Run(spec, output, cancellationToken);
                if (cancellationToken.IsCancellationRequested) result.SetCanceled(cancellationToken);
                else result.SetResult(code);
            }
            catch (Exception error)
            {
                result.SetException(error);
            }
        })
        { IsBackground = true, Name = "build step" }.Start();
        return result.Task;
    }

    private int Run(StepSpec spec, StepOutput output, CancellationToken cancellationToken)
    {
        using var work = FileAt.OpenDirectory(spec.Draft.WorkPath);
        using var upper = FileAt.OpenDirectory(spec.Draft.Path);
        using var implied = FileAt.OpenDirectory(spec.Draft.ImpliedPath);
        return new StepContainer(paths).Run(new StepContainerSpec
        {
            Lowers = spec.Lowers,
            Upper = upper,
            Work = work,
            Implied = implied,
            Args = spec.Args,
            Env = spec.Env,
            WorkingDir = spec.Cwd,
            User = spec.User,
            Hostname = spec.Hostname,
            Host = new HostOptions
            {
                Network = spec.Network switch { StepNetwork.None or StepNetwork.Container => "none", StepNetwork.Host => "host", _ => "bridge" },
                Privileged = spec.IsPrivileged,
                ExtraHosts = spec.ExtraHosts,
                Ulimits = spec.Ulimits,
                Dns = spec.Host.Dns,
                ShmSize = spec.ShmSize ?? new HostOptions().ShmSize,
            },
            Mounts = [.. spec.Mounts.Select(MountOf)],
            Limits = spec.Host.Limits,
            CgroupParent = spec.Host.CgroupParent ?? "/",
            NetworkOf = spec.Network == StepNetwork.Container ? spec.Host.NetworkOf : null,
            Files = [.. spec.Files.Select(static file => new StepContainerFile(file.Target, file.Content, file.Mode, file.Uid, file.Gid))],
        }, (bytes, isError) => { if (isError) output.WriteError(bytes); else output.Write(bytes); }, cancellationToken);
    }

    private static MountSpec MountOf(StepMount mount) => mount.Source is { } source
        ? new MountSpec
        {
            Destination = mount.Target,
            Type = "bind",
            Source = $"/proc/self/fd/{source.DangerousGetHandle()}",
            Options = ["bind", "private", "nosuid", "nodev", .. mount.ReadOnly ? (ReadOnlySpan<string>)["ro"] : []],
        }
        : new MountSpec
        {
            Destination = mount.Target,
            Type = "tmpfs",
            Source = "tmpfs",
            Options = ["nosuid", "nodev", "mode=1777", .. mount.TmpfsSize > 0 ? (string[])[$"size={mount.TmpfsSize}"] : [], .. mount.ReadOnly ? (ReadOnlySpan<string>)["ro"] : []],
        };
}
