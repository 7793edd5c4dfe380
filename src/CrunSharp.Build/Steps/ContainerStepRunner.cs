using CrunSharp.Engine;
using CrunSharp.Engine.Containers;
using CrunSharp.Engine.Steps;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Terminals;
using CrunSharp.Oci.Runtime;
using Microsoft.Win32.SafeHandles;

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
        return new StepContainer(paths).Run(SpecOf(spec, upper, work, implied),
            (bytes, isError) => { if (isError) output.WriteError(bytes); else output.Write(bytes); }, cancellationToken);
    }

    /// <summary>
    /// Runs a shell where a command has failed: with the files as it left them, its environment and its mounts, on a
    /// terminal that this process's standard input and output are copied to and from.
    /// </summary>
    /// <param name="spec">What the command ran on; its own words are replaced.</param>
    /// <param name="shell">The shell.</param>
    /// <param name="onStarted">Gets what sets the terminal's size.</param>
    /// <param name="cancellationToken">Kills it.</param>
    /// <exception cref="Oci.CrunException">It cannot be started.</exception>
    public void RunShell(StepSpec spec, string shell, Action<Action<TerminalSize>> onStarted, CancellationToken cancellationToken)
    {
        using var work = FileAt.OpenDirectory(spec.Draft.WorkPath);
        // What is left in it says that the files were on a volatile overlay before, which is then not mounted again.
        foreach (var name in FileAt.List(work)) FileAt.RemoveTree(work, name);
        using var upper = FileAt.OpenDirectory(spec.Draft.Path);
        using var implied = FileAt.OpenDirectory(spec.Draft.ImpliedPath);
        foreach (var name in FileAt.List(implied)) FileAt.RemoveTree(implied, name);
        new StepContainer(paths).RunInTerminal(SpecOf(spec with { Args = [shell] }, upper, work, implied), onStarted, cancellationToken);
    }

    private static StepContainerSpec SpecOf(StepSpec spec, SafeFileHandle upper, SafeFileHandle work, SafeFileHandle implied) =>
        new()
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
                Network = spec.Network switch { StepNetwork.None or StepNetwork.Container => "none", StepNetwork.Host => "host", StepNetwork.User => spec.Host.NetworkName!, _ => "bridge" },
                Privileged = spec.IsPrivileged,
                ExtraHosts = spec.ExtraHosts,
                Ulimits = spec.Ulimits,
                Dns = spec.Host.Dns,
                DnsSearch = spec.Host.DnsSearch,
                DnsOptions = spec.Host.DnsOptions,
                NoNewPrivileges = spec.Host.NoNewPrivileges,
                CapAdd = spec.Host.AddedCapabilities,
                CapDrop = spec.Host.DroppedCapabilities,
                ShmSize = spec.ShmSize ?? new HostOptions().ShmSize,
            },
            Mounts = [.. spec.Mounts.Select(MountOf)],
            Limits = spec.Host.Limits,
            CgroupParent = spec.Host.CgroupParent ?? "/",
            NetworkOf = spec.Network == StepNetwork.Container ? spec.Host.NetworkOf : null,
            Files = [.. spec.Files.Select(static file => new StepContainerFile(file.Target, file.Content, file.Mode, file.Uid, file.Gid))],
        };

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
            Options = ["nosuid", "nodev", $"mode={Convert.ToString(mount.TmpfsMode, 8)}", .. mount.TmpfsSize > 0 ? (string[])[$"size={mount.TmpfsSize}"] : [], .. mount.ReadOnly ? (ReadOnlySpan<string>)["ro"] : []],
        };
}
