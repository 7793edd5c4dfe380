using System.Diagnostics;
using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests.Vm;

/// <summary>
/// A Linux kernel as a process (User Mode Linux) that has cgroup v2 only, all controllers, and the host's files, which it
/// cannot write: see init.sh. It runs one command and is gone.
/// </summary>
internal static class VirtualMachine
{
    private const string Kernel = "/usr/bin/linux.uml";

    // Of its own: mounts, of which only $1 can be written, and processes, which all end with the first.
    private const string Prepare = """
        set -e
        mount --bind "$1" "$1"
        mount -t tmpfs -o size=1200m memory "$1/memory"
        mount -o remount,bind,ro /
        export TMPDIR=$1/memory
        shift
        "$@" || exit # not exec: the first process of a namespace cannot abort, which is how this kernel ends when it panics
        """;

    /// <summary>Where the scripts are.</summary>
    public static string Scripts => Path.Join(AppContext.BaseDirectory, "Vm");

    /// <summary>Runs a command to its end; throws what went wrong when the machine itself did.</summary>
    /// <param name="directory">A directory, the only one that it can write; the command has it as <c>$VM_DIR</c>.</param>
    /// <param name="mode"><c>plain</c>, or <c>systemd</c> for a machine whose first process that is.</param>
    /// <param name="command">A shell script.</param>
    /// <param name="limit">How long it may take, in seconds.</param>
    /// <returns>The command's exit code, and its output and errors.</returns>
    public static (int Code, string Output) Run(string directory, string mode, string command, int limit)
    {
        File.WriteAllText(directory + "/command", command);
        Directory.CreateDirectory(directory + "/memory");
        using (var disk = new FileStream(directory + "/disk", FileMode.CreateNew)) disk.SetLength(16 << 20);
        string[] arguments =
        [
            "--pid", "--fork", "--kill-child", "--mount-proc", "--mount", "--propagation", "private", "sh", "-c", Prepare, "sh", directory,
            Kernel, "mem=1024M", "root=/dev/root", "rootfstype=hostfs", "rootflags=/", "ro", $"init={Scripts}/init.sh", $"ubd0={directory}/disk",
            $"uml_dir={directory}/memory", "con=null", "con0=null,fd:1", "quiet", $"VM_DIR={directory}", $"VM_MODE={mode}",
        ];
        using var machine = new Session(Process.Start(new ProcessStartInfo("unshare", arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!, $"the virtual machine ({mode})");
        machine.EndInput();
        var ended = Ends(machine, limit);
        var output = Read(directory + "/output");
        if (!ended) throw new TimeoutException($"the virtual machine ({mode}) took more than {limit} s\n{output}\n{machine.Output}\n{machine.Errors}");
        machine.Wait();
        return int.TryParse(Read(directory + "/status"), out var code)
            ? (code, output)
            : throw new InvalidOperationException($"the virtual machine ({mode}) ended without a result\n{output}\n{machine.Output}\n{machine.Errors}");
    }

    private static bool Ends(Session machine, int limit)
    {
        for (var watch = Stopwatch.StartNew(); !machine.HasEnded; Thread.Sleep(20))
        {
            if (watch.Elapsed.TotalSeconds > limit) return false;
        }
        return true;
    }

    private static string Read(string path) => File.Exists(path) ? File.ReadAllText(path) : "";
}
