using CrunSharp.Kernel.Files;
using CrunSharp.Oci.Runtime;
using CrunSharp.Runtime.Init;

namespace CrunSharp.Runtime.Tests.Lifecycle;

public class MountTests : BundleFixture
{
    private static RuntimeSpec With(RuntimeSpec spec, params MountSpec[] mounts) => spec with { Mounts = [Proc, Dev, .. mounts] };

    private static MountSpec Tmpfs(string destination, params string[] options) => new() { Destination = destination, Type = "tmpfs", Source = "tmpfs", Options = options };

    private static MountSpec Bind(string destination, string source, params string[] options) => new() { Destination = destination, Source = source, Options = options };

    // What mountinfo says of a mount point: options of the mount.
    private static string Options(string path) => $"awk '$5 == \"{path}\" {{print $6}}' /proc/self/mountinfo";

    [TestCase("ro", "ro,relatime")]
    [TestCase("ro,rw", "rw,relatime")]
    [TestCase("rw,ro", "ro,relatime")]
    [TestCase("nosuid,nodev,noexec", "rw,nosuid,nodev,noexec,relatime")]
    [TestCase("nosuid,suid,nodev,dev,noexec,exec", "rw,relatime")]
    [TestCase("noatime", "rw,noatime")]
    [TestCase("noatime,atime", "rw,relatime")]
    [TestCase("noatime,relatime", "rw,relatime")]
    [TestCase("relatime,noatime", "rw,noatime")]
    [TestCase("noatime,norelatime", "rw,noatime")]
    [TestCase("strictatime", "rw")]
    [TestCase("strictatime,nostrictatime", "rw,relatime")]
    [TestCase("strictatime,noatime", "rw,noatime")]
    [TestCase("nodiratime", "rw,nodiratime,relatime")]
    [TestCase("nodiratime,diratime", "rw,relatime")]
    [TestCase("nosymfollow", "rw,relatime,nosymfollow")]
    [TestCase("nosymfollow,symfollow", "rw,relatime")]
    [TestCase("defaults,nofail,x-systemd.automount,silent,loud,iversion,async,sync,dirsync,lazytime,nolazytime,mand,nomand", "rw,relatime")]
    public void Of_options_that_contradict_each_other_the_last_one_counts(string options, string expected)
    {
        Directory.CreateDirectory(Folder + "/source");
        var spec = With(Shell($"{Options("/new")}; {Options("/bound")}"), Tmpfs("/new", options.Split(',')), Bind("/bound", "source", ["bind", .. options.Split(',')]));
        Assert.That(Run(spec), Is.EqualTo($"{expected}\n{expected}\n"));
    }

    // Linux lists them in the order in which they were made (since 6.8), or attached; and lets us copy since 6.15.
    [TestCase(false)]
    [TestCase(true)]
    public void They_are_listed_in_the_order_of_the_configuration(bool inUserNamespace)
    {
        if (Environment.OSVersion.Version is { Major: 6, Minor: >= 8 and < 15 }) Assert.Ignore("Linux 6.8 to 6.14 number mounts when they are made, and cannot copy them");
        var spec = Shell("awk '{print $5}' /proc/self/mountinfo");
        spec = spec with
        {
            Mounts =
            [
                Tmpfs("/tmp/first"), Proc, Dev, new MountSpec { Destination = "/dev/pts", Type = "devpts", Source = "devpts", Options = ["newinstance"] },
                Tmpfs("/dev/shm"), Sys, Tmpfs("/tmp/shared", "shared"), Tmpfs("/tmp/last", "ro"),
            ],
        };
        if (inUserNamespace) spec = InUserNamespace(spec);
        var listed = Run(spec).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        var asked = spec.Mounts!.Select(static mount => mount.Destination).ToArray();
        Assert.That(listed.Where(asked.Contains), Is.EqualTo(asked));
        Assert.That(listed, Is.Unique);
    }

    [TestCase("rro", "ro,relatime", "ro,relatime")]
    [TestCase("rro,rrw", "rw,relatime", "rw,relatime")]
    [TestCase("ro", "ro,relatime", "rw,relatime")]
    [TestCase("rnosuid,rnodev,rnoexec", "rw,nosuid,nodev,noexec,relatime", "rw,nosuid,nodev,noexec,relatime")]
    [TestCase("rnoatime", "rw,noatime", "rw,noatime")]
    [TestCase("rnoatime,rrelatime", "rw,relatime", "rw,relatime")]
    [TestCase("rstrictatime", "rw", "rw")]
    [TestCase("rnodiratime,rnosymfollow", "rw,nodiratime,relatime,nosymfollow", "rw,nodiratime,relatime,nosymfollow")]
    public void Recursive_options_are_for_all_mounts_below(string options, string outer, string inner)
    {
        using var source = new MountedTree(Folder + "/source", "below");
        var spec = With(Shell($"{Options("/bound")}; {Options("/bound/below")}"), Bind("/bound", Folder + "/source", ["rbind", .. options.Split(',')]));
        Assert.That(Run(spec), Is.EqualTo($"{outer}\n{inner}\n"));
    }

    [TestCase("private", "")]
    [TestCase("rslave", "master")]
    [TestCase("rshared", "shared")]
    [TestCase("runbindable", "unbindable")]
    [TestCase("shared,rprivate", "")]
    public void The_propagation_of_a_bind_mount_is_what_was_asked_for(string options, string expected)
    {
        using var source = new MountedTree(Folder + "/source", null);
        var spec = With(Shell("awk '$5 == \"/bound\" {print $7}' /proc/self/mountinfo | sed 's/[:-].*//'"), Bind("/bound", Folder + "/source", ["rbind", .. options.Split(',')]));
        Assert.That(Run(spec).Trim(), Is.EqualTo(expected));
    }

    [TestCase("shared", "shared")]
    [TestCase("rslave", "")]
    [TestCase("private", "")]
    [TestCase("unbindable", "unbindable")]
    [TestCase(null, "")]
    public void The_propagation_of_the_root_is_what_was_asked_for(string? word, string expected)
    {
        var spec = Shell("awk '$5 == \"/\" {print $7}' /proc/self/mountinfo | sed 's/[:-].*//'");
        Assert.That(Run(spec with { Linux = spec.Linux! with { RootfsPropagation = word } }).Trim(), Is.EqualTo(expected));
    }

    [Test]
    public void The_root_is_read_only_when_asked_for_and_mounts_on_it_are_not()
    {
        var spec = With(Shell("touch /x 2>&1 | grep -o 'Read-only.*'; touch /tmp/y && echo ok"), Tmpfs("/tmp"));
        Assert.That(Run(spec with { Root = new RootSpec { Path = "rootfs", Readonly = true } }), Is.EqualTo("Read-only file system\nok\n"));
    }

    [Test]
    public void Without_pivot_the_root_is_the_containers_all_the_same()
    {
        var spec = Shell("ls /..; pwd; awk '$5 == \"/\"' /proc/self/mountinfo | wc -l");
        Assert.That(Run(spec, new LaunchOptions { NoPivot = true }), Does.StartWith("bin\ndev\netc\nproc\nsys\ntmp\n/\n"));
        Assert.That(Run(spec, new LaunchOptions { NoPivot = true, RootPath = Rootfs }), Does.StartWith("bin\ndev\netc\nproc\nsys\ntmp\n/\n"));
    }

    [Test]
    public void Files_and_relative_sources_and_destinations_are_bound()
    {
        File.WriteAllText(Folder + "/file", "content");
        Assert.That(Run(With(Shell("cat /a/b/c /etc/d"), Bind("a/b/c", "file", "bind"), Bind("/etc/../etc/./d", Folder + "/file", "bind", "ro"))), Is.EqualTo("contentcontent"));
        Assert.That(Refusal(With(Shell("true"), Bind("/x", "nosuch", "bind"))),
            Is.EqualTo($"mount /x: bind source \"{Folder}/nosuch\": No such file or directory [config.md#mounts]"));
    }

    [Test]
    public void Links_lead_from_one_mount_into_another_and_never_out()
    {
        File.WriteAllText(Folder + "/file", "content");
        Directory.CreateDirectory(Rootfs + "/var");
        File.CreateSymbolicLink(Rootfs + "/var/run", "/run");
        File.CreateSymbolicLink(Rootfs + "/out", "../../../../../../made-outside");
        File.CreateSymbolicLink(Rootfs + "/dangling", "/not/yet");
        var spec = With(Shell("cat /run/secrets/s /dangling/here; ls -d /made-outside"), Tmpfs("/run"), Bind("/var/run/secrets/s", "file", "bind"), Tmpfs("/out"), Bind("/dangling/here", "file", "bind"));
        Assert.That(Run(spec), Is.EqualTo("contentcontent/made-outside\n"));
        Assert.That(Directory.Exists("/made-outside"), Is.False);
        Assert.That(Directory.Exists(Rootfs + "/run/secrets"), Is.False);
        File.CreateSymbolicLink(Rootfs + "/loop", "loop");
        Assert.That(Refusal(With(Shell("true"), Tmpfs("/loop/x"))), Is.EqualTo("mount /loop/x: cannot enter /loop/x at /loop: Too many levels of symbolic links"));
        Assert.That(Refusal(With(Shell("true"), Tmpfs("/bin/sh/x"))), Does.StartWith("mount /bin/sh/x: cannot enter /bin/sh/x").And.EndsWith("Not a directory"));
    }

    [Test]
    public void A_read_only_tmpfs_can_have_mounts_in_it()
    {
        Assert.That(Run(With(Shell("touch /t/x 2>&1 | grep -o 'Read-only.*'; touch /t/in/x && echo ok"), Tmpfs("/t", "ro"), Tmpfs("/t/in"))), Is.EqualTo("Read-only file system\nok\n"));
    }

    [Test]
    public void What_a_tmpfs_hides_is_copied_up()
    {
        Directory.CreateDirectory(Rootfs + "/etc/sub");
        File.WriteAllText(Rootfs + "/etc/sub/file", "hidden");
        Assert.That(Run(With(Shell("cat /etc/sub/file; touch /etc/new"), Tmpfs("/etc", "tmpcopyup"))), Is.EqualTo("hidden"));
        Assert.That(File.Exists(Rootfs + "/etc/new"), Is.False);
    }

    [TestCase("/t", "tmpcopyup,mode=700", "700 0:0")]
    [TestCase("/t", "mode=1700,uid=5,gid=6", "1700 5:6")]
    [TestCase("/t", "tmpcopyup", "1777 0:0")]
    [TestCase("/t", "", "1777 0:0")]
    [TestCase("/there", "", "2750 0:0")]
    [TestCase("/there", "tmpcopyup", "2750 7:8")]
    [TestCase("/there", "tmpcopyup,mode=711,uid=5", "711 5:8")]
    public void A_tmpfs_has_the_mode_that_was_asked_for_or_that_of_what_it_hides(string path, string options, string expected)
    {
        Directory.CreateDirectory(Rootfs + "/there");
        FileAt.SetOwner(null, Rootfs + "/there", 7, 8);
        FileAt.SetMode(null, Rootfs + "/there", 0x5e8); // 02750
        Assert.That(Run(With(Shell($"stat -c '%a %u:%g' {path}"), Tmpfs(path, options.Split(',')))), Is.EqualTo(expected + "\n"));
    }

    [Test]
    public void What_a_file_system_does_not_know_is_refused_with_its_words() =>
        Assert.That(Refusal(With(Shell("true"), Tmpfs("/t", "nosuch=1"))), Does.StartWith("mount /t: ").And.Contain("nosuch").And.Contain("EINVAL"));

    [Test]
    public void A_mount_that_is_there_is_changed_by_remount()
    {
        var spec = With(Shell($"{Options("/proc")}; {Options("/t")}; {Options("/")}"), Tmpfs("/t"),
            new MountSpec { Destination = "/proc", Options = ["remount", "nosuid", "ro"] }, new MountSpec { Destination = "/t", Options = ["bind", "remount", "noexec"] },
            new MountSpec { Destination = "/", Options = ["remount", "nosuid"] });
        Assert.That(Run(spec), Is.EqualTo("ro,nosuid,relatime\nrw,noexec,relatime\nrw,nosuid,relatime\n"));
    }

    [Test]
    public void The_hosts_dev_can_be_the_containers()
    {
        var spec = Shell("test -c /dev/null && stat -c '%t:%T' /dev/full; ls /dev/stdin");
        Assert.That(Run(spec with { Mounts = [Proc, Bind("/dev", "/dev", "rbind", "rslave")] }), Is.EqualTo("1:7\n/dev/stdin\n"));
        Assert.That(FileAt.TryStatus(null, "/dev/core"), Is.Null.Or.Not.Null);
    }

    [Test]
    public void Message_queues_are_those_of_the_ipc_namespace()
    {
        var spec = With(Shell("ls /dev/mqueue | wc -l; awk '$5 == \"/dev/mqueue\" {print $9}' /proc/self/mountinfo; grep ' /dev/mqueue ' /proc/self/mounts | awk '{print $3}'"),
            new MountSpec { Destination = "/dev/mqueue", Type = "mqueue", Source = "mqueue" });
        Assert.That(Run(spec), Does.StartWith("0\n").And.EndsWith("mqueue\n"));
    }

    [Test]
    public void A_mapping_shows_files_with_other_owners()
    {
        using var source = new MountedTree(Folder + "/source", null);
        File.WriteAllText(Folder + "/source/file", "x");
        FileAt.SetOwner(null, Folder + "/source/file", 5, 6);
        IReadOnlyList<IdMapping> users = [new IdMapping { ContainerID = 5, HostID = 1005, Size = 1 }], groups = [new IdMapping { ContainerID = 6, HostID = 1006, Size = 1 }];
        var spec = With(Shell("stat -c %u:%g /m/file"), Bind("/m", Folder + "/source", "bind", "idmap") with { UidMappings = users, GidMappings = groups });
        Assert.That(Run(spec), Is.EqualTo("1005:1006\n"));
        Assert.That(Run(With(spec, Bind("/m", Folder + "/source", "rbind", "ridmap") with { UidMappings = users, GidMappings = groups })), Is.EqualTo("1005:1006\n"));
        Assert.That(Run(With(spec, Bind("/m", Folder + "/source", "bind") with { UidMappings = users, GidMappings = groups })), Is.EqualTo("1005:1006\n"));
        Assert.That(Refusal(With(spec, Bind("/m", Folder + "/source", "bind", "idmap"))),
            Is.EqualTo("mount /m: the option idmap needs uidMappings and gidMappings, or a user namespace [config.md#posix-platform-mounts]"));
    }

    [Test]
    public void In_a_user_namespace_idmap_shows_files_as_its_own()
    {
        using var source = new MountedTree(Folder + "/source", null);
        File.WriteAllText(Folder + "/source/file", "x");
        FileAt.SetOwner(null, Folder + "/source/file", 7, 7);
        IReadOnlyList<IdMapping> map = [new IdMapping { ContainerID = 0, HostID = 100000, Size = 100 }];
        var spec = With(Shell("stat -c %u:%g /m/file /plain/file"), Bind("/m", Folder + "/source", "bind", "idmap"), Bind("/plain", Folder + "/source", "bind"));
        Assert.That(Run(spec with { Linux = spec.Linux! with { Namespaces = [.. spec.Linux.Namespaces!, New("user")], UidMappings = map, GidMappings = map } }), Is.EqualTo("7:7\n65534:65534\n"));
    }

    [Test]
    public void Nothing_is_mounted_on_the_root_directory() =>
        Assert.That(Refusal(With(Shell("true"), Tmpfs("/"))), Is.EqualTo("mount /: nothing can be mounted on the root directory [config.md#mounts]"));

    [Test]
    public void Control_groups_are_seen_as_the_host_has_them()
    {
        var cgroup = new MountSpec { Destination = "/sys/fs/cgroup", Type = "cgroup", Source = "cgroup", Options = ["ro", "nosuid", "noexec", "nodev"] };
        var spec = With(Shell("ls /sys/fs/cgroup; awk '$5 ~ \"^/sys/fs/cgroup\" {print $5, $6}' /proc/self/mountinfo; cat /sys/fs/cgroup/cgroup.procs /sys/fs/cgroup/*/cgroup.procs 2>/dev/null | head -1 | wc -l"), Sys, cgroup);
        foreach (var hasNamespace in (bool[])[true, false])
        {
            var namespaces = spec.Linux!.Namespaces!.Where(ns => hasNamespace || ns.Type != "cgroup").ToList();
            var output = Run(spec with { Linux = spec.Linux with { Namespaces = namespaces } });
            foreach (var name in Directory.GetDirectories("/sys/fs/cgroup").Select(Path.GetFileName))
            {
                if (!File.ReadAllText("/proc/self/mountinfo").Contains($" /sys/fs/cgroup/{name} ", StringComparison.Ordinal)) continue;
                Assert.That(output, Does.Contain($"/sys/fs/cgroup/{name} ro,nosuid,nodev,noexec"));
            }
            Assert.That(output, Does.Contain("/sys/fs/cgroup ro,nosuid,nodev,noexec").And.EndsWith("1\n"));
        }
        var second = Run(With(Shell("ls /c/cgroup.procs"), new MountSpec { Destination = "/c", Type = "cgroup2" }));
        Assert.That(second, Is.EqualTo("/c/cgroup.procs\n"));
    }

    /// <summary>A tmpfs on the host, shared, with another one below it; gone when disposed.</summary>
    private sealed class MountedTree : IDisposable
    {
        private readonly string _path;

        public MountedTree(string path, string? below)
        {
            _path = path;
            Directory.CreateDirectory(path);
            Shell($"mount -t tmpfs tmpfs {path} && mount --make-shared {path}");
            if (below is not null) Shell($"mkdir {path}/{below} && mount -t tmpfs tmpfs {path}/{below}");
        }

        public void Dispose() => Shell($"umount -R {_path}");

        private static void Shell(string command)
        {
            using var process = System.Diagnostics.Process.Start("/bin/sh", ["-c", command]);
            process.WaitForExit();
            Assert.That(process.ExitCode, Is.Zero, command);
        }
    }
}
