using System.Diagnostics;
using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests.Vm;

/// <summary>
/// A Linux kernel of its own that has cgroup v2 only, with all controllers; it runs one command and is gone. There are two
/// kinds: User Mode Linux (init.sh), which is a process that is as fast as any other and sees the host's files, and an
/// emulated computer (emulated.sh), which is slow, but has what that kernel lacks: processors, huge pages, time namespaces.
/// </summary>
internal static class VirtualMachine
{
    /// <summary>The mode of a machine that is emulated, with AppArmor.</summary>
    public const string Emulated = "apparmor";

    /// <summary>The mode of one with SELinux.</summary>
    public const string EmulatedWithSelinux = "selinux";

    // Minutes more than it takes: the processors may have much else to do.
    private const int Limit = 900;

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

    private static string EmulatedKernel => World.Artifacts + "/vm/vmlinuz";

    /// <summary>The directory of criu, which need not be there.</summary>
    public static string Criu => World.Artifacts + "/criu";

    /// <summary>What a machine needs that this host has not; null when it has all.</summary>
    public static string? Missing(string mode)
    {
        string[] needed = mode switch
        {
            Emulated or EmulatedWithSelinux => ["/usr/bin/qemu-system-x86_64", "/usr/bin/cpio", EmulatedKernel],
            "systemd" => ["/usr/bin/linux.uml", "/lib/systemd/systemd"],
            _ => ["/usr/bin/linux.uml"],
        };
        return Array.Find(needed, static path => !File.Exists(path));
    }

    /// <summary>Runs a command to its end; throws what went wrong when the machine itself did.</summary>
    /// <param name="directory">A directory, the only one that it can write; the command has it as <c>$VM_DIR</c>.</param>
    /// <param name="mode"><c>plain</c> or, with systemd as the first process, <c>systemd</c>; or <see cref="Emulated"/>, <see cref="EmulatedWithSelinux"/>.</param>
    /// <param name="command">A shell script.</param>
    /// <returns>The command's exit code, and its output and errors.</returns>
    public static (int Code, string Output) Run(string directory, string mode, string command)
    {
        File.WriteAllText(directory + "/command", command);
        using var machine = new Session(Process.Start(new ProcessStartInfo("unshare", IsEmulated(mode) ? Emulator(directory, mode) : UserModeLinux(directory, mode))
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!, $"the virtual machine ({mode})");
        machine.EndInput();
        var ended = Ends(machine);
        if (ended) machine.Wait();
        if (ended && IsEmulated(mode) && File.Exists(directory + "/result.tar")) Process.Start("tar", ["-C", directory, "-xf", directory + "/result.tar"]).WaitForExit();
        var output = Read(directory + "/output");
        if (!ended) throw new TimeoutException($"the virtual machine ({mode}) took more than {Limit} s\n{output}\n{machine.Output}\n{machine.Errors}");
        return int.TryParse(Read(directory + "/status"), out var code)
            ? (code, output)
            : throw new InvalidOperationException($"the virtual machine ({mode}) ended without a result\n{output}\n{machine.Output}\n{machine.Errors}");
    }

    private static string[] UserModeLinux(string directory, string mode)
    {
        Directory.CreateDirectory(directory + "/memory");
        using (var disk = new FileStream(directory + "/disk", FileMode.CreateNew)) disk.SetLength(16 << 20);
        return
        [
            "--pid", "--fork", "--kill-child", "--mount-proc", "--mount", "--propagation", "private", "sh", "-c", Prepare, "sh", directory,
            "/usr/bin/linux.uml", "mem=1024M", "root=/dev/root", "rootfstype=hostfs", "rootflags=/", "ro", $"init={Scripts}/init.sh", $"ubd0={directory}/disk",
            $"uml_dir={directory}/memory", "con=null", "con0=null,fd:1", "quiet", $"VM_DIR={directory}", $"VM_TREE={TestSources.Repository}", $"VM_MODE={mode}",
        ];
    }

    private static bool IsEmulated(string mode) => mode is Emulated or EmulatedWithSelinux;

    private static string[] Emulator(string directory, string mode) =>
        ["--fork", "--kill-child", "bash", Scripts + "/emulated.sh", directory, EmulatedKernel, mode, World.Binary, .. Directory.GetFiles(Scripts), .. More];

    // criu, and the modules and programs that it needs.
    private static IEnumerable<string> More => ((string[])[Criu, World.Artifacts + "/vm/modules", "/bin/ip", "/bin/tar"]).Where(Path.Exists);

    private static bool Ends(Session machine)
    {
        for (var watch = Stopwatch.StartNew(); !machine.HasEnded; Thread.Sleep(20))
        {
            if (watch.Elapsed.TotalSeconds > Limit) return false;
        }
        return true;
    }

    private static string Read(string path) => File.Exists(path) ? File.ReadAllText(path) : "";
}
