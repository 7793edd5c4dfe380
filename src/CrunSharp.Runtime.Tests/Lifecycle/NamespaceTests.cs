using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Processes;
using CrunSharp.Oci.Runtime;
using CrunSharp.Runtime.Init;
using CrunSharp.Runtime.Lifecycle;
using CrunSharp.Runtime.Rootfs;

namespace CrunSharp.Runtime.Tests.Lifecycle;

public class NamespaceTests : BundleFixture
{
    [Test]
    public void A_user_namespace_has_its_mappings_and_its_root_user_owns_what_is_made()
    {
        var spec = InUserNamespace("cat /proc/self/uid_map /proc/self/gid_map | sed 's/  */ /g'; id; stat -c '%n %u:%g %a' /dev /dev/null /dev/unmapped /made; stat -c %u:%g /dev/fd /dev/stdin /dev/ptmx; echo x > /dev/null; touch /tmp/mine && stat -c %u /tmp/mine");
        FileAt.SetOwner(null, Rootfs + "/tmp", 100000, 100000);
        var unmapped = new DeviceSpec { Type = "c", Path = "/dev/unmapped", Major = 1, Minor = 5, FileMode = 0x1b0, Uid = 50000, Gid = 6 };
        spec = spec with { Linux = spec.Linux! with { Devices = [unmapped] } };
        Assert.That(Run(spec with { Mounts = [.. spec.Mounts!, Sys, new MountSpec { Destination = "/made", Type = "tmpfs", Options = ["uid=3"] }] }), Is.EqualTo("""
             0 100000 1000
             1000 300000 10
             0 100000 1000
             1000 300000 10
            uid=0 gid=0
            /dev 0:0 755
            /dev/null 65534:65534 666
            /dev/unmapped 65534:6 660
            /made 3:0 1777
            0:0
            0:0
            0:0
            0

            """));
        Assert.That(FileAt.Status(null, Rootfs + "/made").Uid, Is.EqualTo(100000));
    }

    [Test]
    public void Another_user_and_groups_of_a_user_namespace_are_those_of_the_mappings()
    {
        var spec = InUserNamespace("id; grep Groups /proc/self/status");
        var process = spec.Process! with { User = new UserSpec { Uid = 1001, Gid = 1002, AdditionalGids = [5, 6] } };
        Assert.That(Run(spec with { Process = process }), Is.EqualTo("uid=1001 gid=1002 groups=5,6\nGroups:\t5 6 \n"));
    }

    [Test]
    public void Limits_that_only_the_host_can_raise_and_the_oom_score_are_set_in_a_user_namespace()
    {
        var hard = ResourceLimits.OfThisProcess(ResourceLimit.RLIMIT_NOFILE).Hard;
        var spec = InUserNamespace("cat /proc/self/oom_score_adj; grep 'open files' /proc/self/limits | awk '{print $4, $5}'");
        var process = spec.Process! with { OomScoreAdj = 500, Rlimits = [new RlimitSpec { Type = "RLIMIT_NOFILE", Soft = 64, Hard = hard - 1 }] };
        Assert.That(Run(spec with { Process = process }), Is.EqualTo($"500\n64 {hard - 1}\n"));
    }

    [Test]
    public void In_a_user_namespace_with_the_hosts_network_sysfs_is_the_hosts_and_read_only()
    {
        var spec = InUserNamespace("ls /sys/class/net | grep lo; touch /sys/x 2>&1 | grep -o 'Read-only.*'");
        spec = spec with { Mounts = [.. spec.Mounts!, Sys], Linux = spec.Linux! with { Namespaces = [.. spec.Linux.Namespaces!.Where(ns => ns.Type != "network")] } };
        Assert.That(Run(spec), Is.EqualTo("lo\nRead-only file system\n"));
    }

    [Test]
    public void A_new_user_namespace_needs_mappings()
    {
        var spec = Shell("true");
        Assert.That(Refusal(spec with { Linux = spec.Linux! with { Namespaces = [New("user"), New("mount")] } }),
            Is.EqualTo("a new user namespace needs uidMappings and gidMappings [config-linux.md#user-namespace-mappings]"));
        Assert.That(Refusal(spec with { Linux = spec.Linux! with { Namespaces = [New("user"), New("mount")], UidMappings = [new IdMapping { Size = 1 }, new IdMapping { Size = 1 }], GidMappings = Map } }),
            Does.StartWith("map ids: write(/proc/").And.EndsWith("/uid_map, \"0 0 1\\n0 0 1\") = EINVAL (Invalid argument) [config-linux.md#user-namespace-mappings]"));
    }

    [Test]
    public void A_time_namespace_has_the_offsets()
    {
        var spec = Shell("cat /proc/self/timens_offsets | awk '{print $1, $2, $3}'; awk '{print ($1 > 1000000)}' /proc/uptime");
        var linux = spec.Linux! with
        {
            Namespaces = [.. spec.Linux.Namespaces!, New("time")],
            TimeOffsets = new Dictionary<string, TimeOffset> { ["boottime"] = new() { Secs = 2000000 }, ["monotonic"] = new() { Secs = 7, Nanosecs = 5 } },
        };
        Assert.That(Run(spec with { Linux = linux }), Is.EqualTo("monotonic 7 5\nboottime 2000000 0\n1\n"));
    }

    [Test]
    public void A_time_namespace_within_a_user_namespace_has_the_offsets()
    {
        var spec = InUserNamespace("cat /proc/self/timens_offsets | awk '{print $1, $2, $3}'");
        var linux = spec.Linux! with
        {
            Namespaces = [.. spec.Linux.Namespaces!, New("time")],
            TimeOffsets = new Dictionary<string, TimeOffset> { ["boottime"] = new() { Secs = 9 } },
        };
        Assert.That(Run(spec with { Linux = linux }), Is.EqualTo("monotonic 0 0\nboottime 9 0\n"));
    }

    [Test]
    public void The_loopback_interface_of_a_new_network_namespace_is_up() =>
        Assert.That(Run(Shell("ip addr show dev lo | grep -o 'inet 127.0.0.1/8'")), Is.EqualTo("inet 127.0.0.1/8\n"));

    [TestCase(false)]
    [TestCase(true)]
    public void Namespaces_are_joined_by_their_paths(bool withUser)
    {
        var first = withUser ? InUserNamespace("sleep 100") : Shell("sleep 100");
        first = first with { Hostname = "first", Process = first.Process! with { Capabilities = null } };
        using var root = RootDirectory.Open(first, Rootfs);
        using var launch = Launch.Begin(first, root, new LaunchOptions());
        launch.Start();
        using var holder = launch.Process;
        try
        {
            var second = Shell("hostname; readlink /proc/self/ns/net; readlink /proc/self/ns/user; readlink /proc/self/ns/pid; readlink /proc/1/ns/mnt; id -u");
            NamespaceSpec Path(string type, string file) => new() { Type = type, Path = $"/proc/{holder.Pid}/ns/{file}" };
            List<NamespaceSpec> namespaces = [New("mount"), Path("uts", "uts"), Path("network", "net"), Path("pid", "pid"), Path("ipc", "ipc")];
            if (withUser) namespaces.Add(Path("user", "user"));
            var output = Run(second with { Linux = new LinuxSpec { Namespaces = namespaces } });
            Assert.That(output, Is.EqualTo($"first\n{Link(holder, "net")}\n{Link(holder, "user")}\n{Link(holder, "pid")}\n{Link(holder, "mnt")}\n0\n"), "what /proc shows as process 1 is the holder");
        }
        finally
        {
            holder.Send(9);
            holder.Reap();
        }
    }

    private static string Link(PidHandle process, string name) => FileAt.ReadSymbolicLink(null, $"/proc/{process.Pid}/ns/{name}");

    [TestCase("/proc/self/ns/net", "/proc/self/ns/net is a network namespace")]
    [TestCase("/etc/passwd", "/etc/passwd is no namespace")]
    [TestCase("/nosuch", "/nosuch cannot be opened: No such file or directory")]
    public void A_path_that_is_no_namespace_of_the_type_is_refused(string path, string message)
    {
        var spec = Shell("true");
        Assert.That(Refusal(spec with { Linux = new LinuxSpec { Namespaces = [New("mount"), new NamespaceSpec { Type = "ipc", Path = path }] } }),
            Is.EqualTo($"join the ipc namespace: {message} [config-linux.md#namespaces]"));
    }

    [Test]
    public void Without_a_mount_namespace_the_root_is_changed_and_nothing_is_mounted_but_over_it()
    {
        var spec = Shell("ls /; pwd");
        var linux = new LinuxSpec { Namespaces = [New("pid")] };
        Assert.That(Run(spec with { Linux = linux, Mounts = null }), Is.EqualTo("bin\ndev\netc\nproc\nsys\ntmp\n/\n"));
        Assert.That(Refusal(spec with { Linux = linux }), Is.EqualTo("mounts need a mount namespace [config.md#mounts]"));
    }

    [Test]
    public void A_mount_namespace_that_is_joined_gets_the_mounts()
    {
        using var holder = ChildProcess.Start("/usr/bin/unshare", ["unshare", "--mount", "sleep", "1000"], [], FileDescriptor.Standard(0), FileDescriptor.Standard(1), FileDescriptor.Standard(2));
        try
        {
            var ours = FileAt.ReadSymbolicLink(null, "/proc/self/ns/mnt");
            while (Link(holder, "mnt") == ours || File.ReadAllText($"/proc/{holder.Pid}/comm") != "sleep\n") Thread.Sleep(1);
            var spec = Shell("readlink /proc/self/ns/mnt; ls /; grep -c ' /dev ' /proc/self/mountinfo");
            var linux = new LinuxSpec { Namespaces = [New("pid"), new NamespaceSpec { Type = "mount", Path = $"/proc/{holder.Pid}/ns/mnt" }], MaskedPaths = ["/etc"] };
            Assert.That(Run(spec with { Linux = linux }), Is.EqualTo($"{Link(holder, "mnt")}\nbin\ndev\netc\nproc\nsys\ntmp\n1\n"));
        }
        finally
        {
            holder.Send(9);
            holder.Reap();
        }
    }

    [Test]
    public void A_process_joins_a_container_without_a_mount_namespace_and_one_with_a_user_namespace()
    {
        var plain = Shell("sleep 100") with { Linux = new LinuxSpec { Namespaces = [New("pid")] }, Mounts = null };
        Assert.That(JoinOne(plain, "ls /; id -u"), Is.EqualTo("bin\ndev\netc\nproc\nsys\ntmp\n0\n"));
        Assert.That(JoinOne(InUserNamespace("sleep 100"), "cat /proc/self/uid_map | awk '{print $2}'; id -u"), Is.EqualTo("100000\n300000\n0\n"));
    }

    private string JoinOne(RuntimeSpec container, string command)
    {
        using var root = RootDirectory.Open(container, Rootfs);
        using var launch = Launch.Begin(container, root, new LaunchOptions());
        launch.Start();
        using var first = launch.Process;
        try
        {
            using var output = File.OpenHandle(Folder + "/joined", FileMode.Create, FileAccess.ReadWrite, FileShare.ReadWrite);
            using var input = FileAt.Open(null, "/dev/null", OpenFlags.O_RDONLY);
            using var join = Join.Begin(first, Shell(command).Process!, new LaunchOptions(), null, input, output, output);
            join.Start();
            using var second = join.Process;
            second.Reap();
            return File.ReadAllText(Folder + "/joined");
        }
        finally
        {
            first.Send(9);
            first.Reap();
        }
    }
}
