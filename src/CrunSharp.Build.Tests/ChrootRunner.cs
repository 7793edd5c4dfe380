using System.Diagnostics;
using CrunSharp.Build.Steps;
using CrunSharp.Kernel.Files;

namespace CrunSharp.Build.Tests;

/// <summary>Runs steps on a real overlay mount in a mount namespace of its own, by unshare, mount and chroot.</summary>
internal sealed class ChrootRunner : IStepRunner
{
    private const string Script = """
        set -e
        root=$1
        mount -t overlay overlay -o "lowerdir=$2,upperdir=$3,workdir=$4" "$root" 2>/dev/null
        cwd=$5; user=$6; shift 6
        set +e
        chroot $user "$root" /bin/busybox env -i "$@"
        code=$?
        umount "$root"
        exit $code
        """;

    private const int MountFailed = 32;

    public List<StepSpec> Ran { get; } = [];

    public async Task<int> RunAsync(StepSpec spec, StepOutput output, CancellationToken cancellationToken)
    {
        Ran.Add(spec);
        var root = Directory.CreateTempSubdirectory("crun-step-");
        try
        {
            for (var tries = 0; ; tries++)
            {
                // A layer is renamed when its digest is known; mount(8) wants paths, and says 32 when one is gone.
                var code = await RunOnceAsync(spec, root.FullName, output, cancellationToken);
                if (code != MountFailed || tries == 10) return code;
            }
        }
        finally
        {
            root.Delete();
        }
    }

    private static async Task<int> RunOnceAsync(StepSpec spec, string root, StepOutput output, CancellationToken cancellationToken)
    {
        var lowers = string.Join(':', spec.Lowers.Reverse().Select(layer => FileAt.PathOf(layer.Directory)));
        var start = new ProcessStartInfo("unshare") { RedirectStandardOutput = true, RedirectStandardError = true };
        string[] words =
        [
            "-m", "--propagation", "private", "sh", "-c", Script, "step", root, lowers, spec.Draft.Path, spec.Draft.WorkPath, spec.Cwd,
            spec.User.Length == 0 ? "" : $"--userspec={spec.User}", .. spec.Env, "/bin/sh", "-c", "cd \"$0\" && exec \"$@\"", spec.Cwd, .. spec.Args,
        ];
        foreach (var word in words) start.ArgumentList.Add(word);
        using var process = Process.Start(start)!;
        var copies = Task.WhenAll(CopyAsync(process.StandardOutput.BaseStream, output.Write), CopyAsync(process.StandardError.BaseStream, output.WriteError));
        await using var _ = cancellationToken.Register(() => process.Kill(entireProcessTree: true));
        await copies;
        await process.WaitForExitAsync(CancellationToken.None);
        return process.ExitCode;
    }

    private static async Task CopyAsync(Stream from, Action<ReadOnlyMemory<byte>> to)
    {
        var buffer = new byte[4096];
        while (await from.ReadAsync(buffer) is > 0 and var count) to(buffer.AsMemory(0, count));
    }
}
