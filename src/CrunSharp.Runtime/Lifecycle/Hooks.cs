using System.Text;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Processes;
using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;
using CrunSharp.Runtime.Cgroups;
using CrunSharp.Runtime.Init;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Runtime.Lifecycle;

/// <summary>Runs the programs that a configuration wants run at points of a container's life.</summary>
/// <seealso href="https://github.com/opencontainers/runtime-spec/blob/main/config.md#posix-platform-hooks"/>
internal static class Hooks
{
    private const string Spec = "config.md#posix-platform-hooks";
    private const int MostOutput = 4096;

    /// <summary>Runs hooks in this process's namespaces, in their order.</summary>
    /// <param name="hooks">The hooks.</param>
    /// <param name="kind">Their kind, for errors.</param>
    /// <param name="state">The container's state, JSON for their standard input.</param>
    /// <param name="workingDirectory">The bundle.</param>
    /// <param name="files">What gets what they print; what has no file is kept for errors.</param>
    /// <exception cref="CrunException">One cannot be started, fails, or takes too long.</exception>
    public static void Run(IReadOnlyList<HookSpec>? hooks, string kind, byte[] state, string workingDirectory, HookFiles files) =>
        ForEach(hooks, kind, state, files, (hook, input, output, error) =>
            ChildProcess.Start(hook.Path, ArgumentsOf(hook), hook.Env ?? [], input, output, error, workingDirectory));

    /// <summary>Runs hooks in a container's namespaces and cgroups, in their order.</summary>
    /// <inheritdoc cref="Run"/>
    /// <param name="hooks">The hooks.</param>
    /// <param name="kind">Their kind, for errors.</param>
    /// <param name="state">The container's state, JSON for their standard input.</param>
    /// <param name="container">The container's first process.</param>
    /// <param name="entry">The way into its cgroups.</param>
    /// <param name="files">What gets what they print; what has no file is kept for errors.</param>
    public static void RunIn(IReadOnlyList<HookSpec>? hooks, string kind, byte[] state, PidHandle container, CgroupEntry entry, HookFiles files) =>
        ForEach(hooks, kind, state, files, (hook, input, output, error) =>
        {
            var (plan, options) = (new StagePlan(), new LaunchOptions { Cgroup = entry.Directory });
            plan.For("hide from the container").Hide();
            Join.Enter(plan, container, Join.NamespacesOf(container), options);
            plan.Meet(InitPlan.Ready);
            plan.CloseOnExec();
            plan.For($"run {hook.Path}", Spec).Execute(hook.Path, plan.Texts(ArgumentsOf(hook)), plan.Texts(hook.Env ?? []));
            using var stage = Stage.Start(plan, input, output, error);
            var process = stage.WaitForProcess();
            try
            {
                stage.WaitForEvent(InitPlan.Ready);
                entry.Add(process.Pid);
                stage.Continue();
                stage.WaitForExec();
                return process;
            }
            catch
            {
                process.Send(Signal.SIGKILL.Number);
                process.Reap();
                process.Dispose();
                throw;
            }
            finally
            {
                foreach (var file in options.Owned) file.Dispose();
            }
        });

    private static void ForEach(IReadOnlyList<HookSpec>? hooks, string kind, byte[] state, HookFiles files, Func<HookSpec, SafeFileHandle, SafeFileHandle, SafeFileHandle, PidHandle> start)
    {
        for (var i = 0; i < (hooks?.Count ?? 0); i++)
        {
            var hook = hooks![i];
            var operation = $"error running {kind} hook #{i}";
            if (!hook.Path.StartsWith('/')) throw CrunException.Invalid($"the hook's path \"{hook.Path}\" is not absolute", operation, Spec);
            if (hook.Timeout <= 0) throw CrunException.Invalid($"the hook's timeout {hook.Timeout} is not greater than 0", operation, Spec);
            using var input = MemoryFile.Create("state", state);
            using var output = new ProcessOutput(MostOutput);
            PidHandle process;
            try
            {
                using var toOutput = Open(files.Output);
                using var toError = Open(files.Error);
                process = start(hook, input, toOutput ?? output.Target, toError ?? output.Target);
            }
            catch (CrunException error)
            {
                throw error.Within(operation);
            }
            using (process)
            {
                var inTime = output.ReadUntilEndOf(process, hook.Timeout is { } seconds ? TimeSpan.FromSeconds(seconds) : null);
                if (!inTime) process.Send(Signal.SIGKILL.Number);
                var status = process.Reap();
                if (!inTime) throw new CrunException(ErrorKind.System, $"{hook.Path} took longer than {hook.Timeout} seconds", operation, spec: Spec);
                if (status != default) throw new CrunException(ErrorKind.System, Describe(hook, status, output), operation);
            }
        }
    }

    private static SafeFileHandle? Open(string? path) => path is null ? null
        : FileAt.Open(null, path, OpenFlags.O_WRONLY | OpenFlags.O_CREAT | OpenFlags.O_APPEND | OpenFlags.O_NOCTTY, 0x180);

    private static string Describe(HookSpec hook, ExitStatus status, ProcessOutput output)
    {
        var how = status.Signal == 0 ? $"exit status {status.Code}" : $"signal {Signal.FromNumber(status.Signal)}";
        var said = Encoding.UTF8.GetString(output.Kept).Trim().ReplaceLineEndings(" ");
        return said.Length == 0 ? $"{hook.Path}: {how}" : $"{hook.Path}: {how}, output: {said}";
    }

    private static IReadOnlyList<string> ArgumentsOf(HookSpec hook) => hook.Args is { Count: > 0 } arguments ? arguments : [hook.Path];
}
