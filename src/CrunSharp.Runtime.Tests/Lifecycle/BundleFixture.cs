using CrunSharp.Kernel.Files;
using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;
using CrunSharp.Runtime.Init;
using CrunSharp.Runtime.Lifecycle;
using CrunSharp.Runtime.Rootfs;
using CrunSharp.Runtime.Seccomp;

namespace CrunSharp.Runtime.Tests.Lifecycle;

/// <summary>Runs containers of a directory with busybox in it.</summary>
public abstract class BundleFixture
{
    /// <summary>A directory of the test's own, with the directory <c>rootfs</c> in it.</summary>
    protected string Folder { get; private set; } = "";

    protected string Rootfs => Folder + "/rootfs";

    [SetUp]
    public void MakeBundle()
    {
        Folder = Directory.CreateTempSubdirectory("crun-sharp-bundle-").FullName;
        foreach (var name in (string[])["bin", "etc", "proc", "sys", "dev", "tmp"]) Directory.CreateDirectory($"{Rootfs}/{name}");
        File.Copy("/bin/busybox", Rootfs + "/bin/busybox");
        foreach (var name in (string[])["sh", "true", "cat", "ls", "id", "mount", "pwd", "env", "hostname", "touch", "grep", "stat", "sleep", "chrt", "ionice", "uname", "ip", "readlink", "taskset", "mkdir", "nc", "dd", "head", "tail", "wc", "awk", "umount", "sed"])
            File.CreateSymbolicLink($"{Rootfs}/bin/{name}", "busybox");
    }

    [TearDown]
    public void RemoveBundle()
    {
        Assert.That(File.ReadAllText("/proc/self/mountinfo"), Does.Not.Contain(Folder));
        FileAt.RemoveTree(null, Folder);
    }

    protected static readonly MountSpec Proc = new() { Destination = "/proc", Type = "proc", Source = "proc" };
    protected static readonly MountSpec Dev = new() { Destination = "/dev", Type = "tmpfs", Source = "tmpfs", Options = ["nosuid", "strictatime", "mode=755", "size=65536k"] };
    protected static readonly MountSpec Sys = new() { Destination = "/sys", Type = "sysfs", Source = "sysfs", Options = ["nosuid", "noexec", "nodev", "ro"] };

    protected static NamespaceSpec New(string type) => new() { Type = type };

    /// <summary>A container that runs a shell command.</summary>
    protected static RuntimeSpec Shell(string command) => new()
    {
        OciVersion = "1.2.0",
        Root = new RootSpec { Path = "rootfs" },
        Process = new ProcessSpec
        {
            Args = ["sh", "-c", command],
            Cwd = "/",
            Env = ["PATH=/bin"],
            Capabilities = All("CAP_CHOWN", "CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE", "CAP_NET_ADMIN"),
        },
        Mounts = [Proc, Dev],
        Linux = new LinuxSpec { Namespaces = [New("pid"), New("mount"), New("ipc"), New("uts"), New("network"), New("cgroup")] },
    };

    /// <summary>The ids of <see cref="InUserNamespace(string)"/>.</summary>
    protected static readonly IReadOnlyList<IdMapping> Map = [new() { ContainerID = 0, HostID = 100000, Size = 1000 }, new() { ContainerID = 1000, HostID = 300000, Size = 10 }];

    /// <summary>A container with a user namespace whose root user owns the root directory.</summary>
    protected RuntimeSpec InUserNamespace(string command) => InUserNamespace(Shell(command));

    protected RuntimeSpec InUserNamespace(RuntimeSpec spec)
    {
        FileAt.SetOwner(null, Rootfs, 100000, 100000);
        return spec with { Linux = spec.Linux! with { Namespaces = [.. spec.Linux.Namespaces!, New("user")], UidMappings = Map, GidMappings = Map } };
    }

    protected static CapabilitiesSpec All(params string[] names) => new() { Bounding = names, Effective = names, Permitted = names };

    /// <summary>What a container printed, and its exit code at the end where that is not 0.</summary>
    protected string Run(RuntimeSpec spec, LaunchOptions? options = null)
    {
        options = (options ?? new LaunchOptions()) with { Bundle = Folder };
        if (spec.Linux?.Seccomp is { } seccomp)
        {
            var filter = FilterCompiler.Compile(seccomp);
            options = options with { Filter = filter.Program, FilterFlags = (uint)filter.Flags };
        }
        using var root = RootDirectory.Open(spec, Rootfs);
        using var input = FileAt.Open(null, "/dev/null", Kernel.Libc.OpenFlags.O_RDONLY);
        using var output = File.OpenHandle(Folder + "/output", FileMode.Create, FileAccess.ReadWrite, FileShare.ReadWrite);
        using var launch = Launch.Begin(spec, root, options, input, output, output);
        launch.Start();
        Warnings = launch.Warnings;
        using var process = launch.Process;
        var code = process.Reap().Code;
        return File.ReadAllText(Folder + "/output") + (code == 0 ? "" : $"exit {code}");
    }

    protected IReadOnlyList<string> Warnings { get; private set; } = [];

    protected string Refusal(RuntimeSpec spec, LaunchOptions? options = null) => Assert.Throws<CrunException>(() => Run(spec, options))!.Message;
}
