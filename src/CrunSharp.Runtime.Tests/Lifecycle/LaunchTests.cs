using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Mounts;
using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;
using CrunSharp.Runtime.Init;
using CrunSharp.Runtime.Lifecycle;

namespace CrunSharp.Runtime.Tests.Lifecycle;

public class LaunchTests
{
    private string _path = "";

    [SetUp]
    public void MakeRootfs()
    {
        _path = Directory.CreateTempSubdirectory("crun-sharp-test-").FullName;
        foreach (var name in (string[])["lower/bin", "lower/etc", "upper", "work"]) Directory.CreateDirectory($"{_path}/{name}");
        File.Copy("/bin/busybox", _path + "/lower/bin/busybox");
        foreach (var name in (string[])["sh", "true", "cat", "ls", "id", "mount", "pwd", "env", "hostname", "touch", "tty", "stty", "wc", "grep"])
            File.CreateSymbolicLink($"{_path}/lower/bin/{name}", "busybox");
    }

    [TearDown]
    public void RemoveRootfs()
    {
        Assert.That(File.ReadAllText("/proc/self/mountinfo"), Does.Not.Contain(_path));
        FileAt.RemoveTree(null, _path);
    }

    private static RuntimeSpec SpecOf(params string[] args) => new()
    {
        OciVersion = "1.2.0",
        Root = new RootSpec { Path = "rootfs" },
        Hostname = "box",
        Process = new ProcessSpec
        {
            Args = args,
            Cwd = "/",
            Env = ["PATH=/usr/bin:/bin", "A=b"],
            User = new UserSpec(),
            Capabilities = new CapabilitiesSpec
            {
                Bounding = ["CAP_CHOWN", "CAP_KILL"],
                Effective = ["CAP_CHOWN", "CAP_KILL"],
                Permitted = ["CAP_CHOWN", "CAP_KILL"],
            },
        },
        Mounts =
        [
            new MountSpec { Destination = "/proc", Type = "proc", Source = "proc", Options = ["nosuid", "noexec", "nodev"] },
            new MountSpec { Destination = "/dev", Type = "tmpfs", Source = "tmpfs", Options = ["nosuid", "strictatime", "mode=755", "size=65536k"] },
            new MountSpec { Destination = "/dev/pts", Type = "devpts", Source = "devpts", Options = ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"] },
            new MountSpec { Destination = "/sys", Type = "sysfs", Source = "sysfs", Options = ["nosuid", "noexec", "nodev", "ro"] },
        ],
        Linux = new LinuxSpec
        {
            Namespaces = [.. ((string[])["pid", "network", "mount", "ipc", "uts", "cgroup"]).Select(type => new NamespaceSpec { Type = type })],
            MaskedPaths = ["/proc/version", "/proc/acpi", "/sys/firmware", "/proc/nosuch"],
            ReadonlyPaths = ["/proc/sys", "/proc/irq"],
            Sysctl = new Dictionary<string, string> { ["net.ipv4.ping_group_range"] = "0 2147483647" },
        },
    };

    private (int Code, string Output) Run(RuntimeSpec spec, LaunchOptions? options = null)
    {
        using var lower = FileAt.OpenDirectory(_path + "/lower");
        using var upper = FileAt.OpenDirectory(_path + "/upper");
        using var work = FileAt.OpenDirectory(_path + "/work");
        using var root = DetachedMount.Overlay([lower], upper, work, isVolatile: false);
        using var output = File.OpenHandle(_path + "/output", FileMode.Create, FileAccess.ReadWrite);
        using var launch = Launch.Begin(spec, root, options ?? new LaunchOptions(), null, output, output);
        launch.Start();
        using var process = launch.Process;
        return (process.Reap().Code, File.ReadAllText(_path + "/output"));
    }

    [Test]
    public void The_program_runs_in_its_own_root_and_namespaces()
    {
        var (code, output) = Run(SpecOf("sh", "-c", "hostname; echo $$; pwd; env | grep A=; ls /; touch /new; ls /proc/self/fd | wc -l; cat /proc/sys/net/ipv4/ping_group_range"));
        Assert.Multiple(() =>
        {
            Assert.That(code, Is.Zero);
            Assert.That(output, Is.EqualTo("box\n1\n/\nA=b\nbin\ndev\netc\nproc\nsys\n4\n0\t2147483647\n"));
            Assert.That(File.Exists(_path + "/upper/new"));
        });
    }

    [Test]
    public void A_new_network_has_a_loopback_that_works() =>
        Assert.That(Run(SpecOf("sh", "-c", "ip -o link show lo; nc -w 1 127.0.0.1 9")).Output, Does.Contain(",UP").And.Contain("Connection refused"));

    [Test]
    public void Capabilities_are_exactly_those_that_were_asked_for()
    {
        var (_, output) = Run(SpecOf("grep", "Cap", "/proc/self/status"));
        Assert.That(output, Is.EqualTo("""
            CapInh:	0000000000000000
            CapPrm:	0000000000000021
            CapEff:	0000000000000021
            CapBnd:	0000000000000021
            CapAmb:	0000000000000000

            """));
    }

    [Test]
    public void Masked_paths_are_empty_and_read_only_ones_cannot_be_written()
    {
        var (_, output) = Run(SpecOf("sh", "-c", "wc -c < /proc/version; ls /sys/firmware | wc -l; touch /sys/firmware/x; echo 1 > /proc/sys/kernel/panic; touch /sys/x; true"));
        Assert.That(output, Is.EqualTo("""
            0
            0
            touch: /sys/firmware/x: Read-only file system
            sh: can't create /proc/sys/kernel/panic: Read-only file system
            touch: /sys/x: Read-only file system

            """));
    }

    [Test]
    public void A_masked_file_takes_what_is_written_and_is_not_the_hosts_device_to_change()
    {
        var (_, output) = Run(SpecOf("sh", "-c", "echo x > /proc/version && wc -c < /proc/version; chmod 600 /proc/version; chown 5 /proc/version; touch /proc/version; true"));
        Assert.That(output, Is.EqualTo("""
            0
            chmod: /proc/version: Read-only file system
            chown: /proc/version: Read-only file system
            touch: /proc/version: Read-only file system

            """));
    }

    [Test]
    public void A_user_and_its_directory_are_entered()
    {
        var spec = SpecOf("sh", "-c", "id; pwd");
        var (_, output) = Run(spec with
        {
            Process = spec.Process! with { User = new UserSpec { Uid = 1000, Gid = 100, AdditionalGids = [7] }, Cwd = "/made/here" },
        });
        Assert.That(output, Is.EqualTo("uid=1000 gid=100 groups=7\n/made/here\n"));
    }

    [Test]
    public void A_missing_program_is_told_from_one_that_cannot_be_executed()
    {
        Assert.Multiple(() =>
        {
            Assert.That(() => Run(SpecOf("nosuch")), Throws.TypeOf<CrunException>()
                .With.Property("Kind").EqualTo(ErrorKind.CommandNotFound).And.Message.EqualTo("exec: \"nosuch\": executable file not found in $PATH"));
            Assert.That(() => Run(SpecOf("/etc")), Throws.TypeOf<CrunException>()
                .With.Property("Kind").EqualTo(ErrorKind.CommandNotExecutable).And.Message.EqualTo("exec: \"/etc\": permission denied"));
        });
    }

    [Test]
    public void An_init_reaps_and_gives_the_exit_code_on()
    {
        var (code, output) = Run(SpecOf("sh", "-c", "echo $$; (sleep 0.01 &) ; exit 7"), new LaunchOptions { Init = true });
        Assert.That((code, output), Is.EqualTo((7, "2\n")));
    }

    [Test]
    public void Bind_mounts_nest_and_can_be_read_only()
    {
        Directory.CreateDirectory(_path + "/source/inner");
        Directory.CreateDirectory(_path + "/other");
        File.WriteAllText(_path + "/other/file", "other");
        var spec = SpecOf("sh", "-c", "cat /data/inner/file; touch /data/x; touch /data/inner/y && cat /data/one");
        File.WriteAllText(_path + "/single", "single");
        var (_, output) = Run(spec with
        {
            Mounts =
            [
                .. spec.Mounts!,
                new MountSpec { Destination = "/data", Source = _path + "/source", Options = ["rbind", "ro"] },
                new MountSpec { Destination = "/data/inner", Source = _path + "/other", Options = ["rbind"] },
            ],
        });
        Assert.That(output, Does.StartWith("othertouch: /data/x: Read-only file system\n"));
        Assert.That(File.Exists(_path + "/other/y"));
    }

    [Test]
    public void Nothing_of_the_host_lies_on_the_root_or_is_seen_by_who_joins()
    {
        using var lower = FileAt.OpenDirectory(_path + "/lower");
        using var upper = FileAt.OpenDirectory(_path + "/upper");
        using var work = FileAt.OpenDirectory(_path + "/work");
        using var root = DetachedMount.Overlay([lower], upper, work, isVolatile: false);
        using var input = FileAt.Open(null, "/dev/null", Kernel.Libc.OpenFlags.O_RDONLY);
        using var output = File.OpenHandle(_path + "/output", FileMode.Create, FileAccess.ReadWrite);
        using var launch = Launch.Begin(SpecOf("sh", "-c", "ls /.. ; grep -c ' / / ' /proc/self/mountinfo; sleep 10"), root, new LaunchOptions(), input, output, output);
        launch.Start();
        using var process = launch.Process;
        using var joined = File.OpenHandle(_path + "/joined", FileMode.Create, FileAccess.ReadWrite);
        using (var join = Join.Begin(process, SpecOf("sh", "-c", "ls /; ls /..; grep -c ' / / ' /proc/self/mountinfo").Process!, new LaunchOptions(), null, input, joined, joined))
        {
            join.Start();
            using var other = join.Process;
            Assert.That(other.Reap().Code, Is.Zero);
        }
        const string Expected = "bin\ndev\netc\nproc\nsys\n1\n";
        SpinWait.SpinUntil(() => new FileInfo(_path + "/output").Length >= Expected.Length, TimeSpan.FromSeconds(10));
        process.Send(9);
        process.Reap();
        Assert.Multiple(() =>
        {
            Assert.That(File.ReadAllText(_path + "/output"), Is.EqualTo(Expected));
            Assert.That(File.ReadAllText(_path + "/joined"), Is.EqualTo("bin\ndev\netc\nproc\nsys\nbin\ndev\netc\nproc\nsys\n1\n"));
        });
    }

    [Test]
    public void What_fails_is_the_error_also_when_the_process_was_disposed_before_the_launch()
    {
        using var lower = FileAt.OpenDirectory(_path + "/lower");
        using var upper = FileAt.OpenDirectory(_path + "/upper");
        using var work = FileAt.OpenDirectory(_path + "/work");
        using var root = DetachedMount.Overlay([lower], upper, work, isVolatile: false);
        using var nothing = FileAt.Open(null, "/dev/null", Kernel.Libc.OpenFlags.O_RDWR);
        var pid = 0;
        var error = Assert.Throws<CrunException>(() =>
        {
            using var launch = Launch.Begin(SpecOf("no-such-program"), root, new LaunchOptions(), nothing, nothing, nothing);
            using var process = launch.Process;
            pid = process.Pid;
            launch.Start();
        });
        Assert.That(error!.Kind, Is.EqualTo(ErrorKind.CommandNotFound));
        Assert.That(Directory.Exists($"/proc/{pid}"), Is.False, "neither the process nor its remains are left");
    }

    [Test]
    public void A_link_at_proc_is_refused()
    {
        File.CreateSymbolicLink(_path + "/lower/proc", "etc");
        var error = Assert.Throws<CrunException>(() => Run(SpecOf("true")));
        Assert.That(error!.Message, Is.EqualTo("mount /proc: a symbolic link leads to /etc [config.md#mounts]"));
    }
}
