using System.Formats.Tar;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests;

/// <summary>What a container must not be able to do to its host. Each is named after what it defends.</summary>
public sealed class SecurityTests : NativeTest
{
    private string Victim => World.Files + "/victim";

    protected override void Prepare() => File.Copy(Probe.Program, World.Files + "/probe");

    [SetUp]
    public void MakeVictim()
    {
        if (Directory.Exists(Victim)) Directory.Delete(Victim, recursive: true);
        World.File("victim/secret", "secret of the host\n");
    }

    private void AssertVictimIsWhole() => Assert.That(
        Directory.GetFileSystemEntries(Victim).Select(path => (Path.GetFileName(path), File.ReadAllText(path))), Is.EqualTo(new[] { ("secret", "secret of the host\n") }));

    private Outcome InImage(string image, string script, params string[] options) =>
        Run(["run", "--rm", "--network", "none", .. options, image, "sh", "-c", script]);

    private Outcome WithProbe(string verb, params string[] options) =>
        Run(["run", "--rm", "--network", "none", "-v", "./probe:/probe:ro", .. options, "busybox", "/probe", .. verb.Split(' ')]);

    // Loads busybox with more entries, and with less of its own.
    private void MakeImage(string name, Action<TarWriter> more, JsonObject? config = null) =>
        Run("load", "-i", DockerArchive.Write(World.Files + "/image.tar", name, tar =>
        {
            BusyboxImage.Write(tar);
            more(tar);
        }, config)).Succeeded();

    private static void Link(TarWriter tar, string name, string target) => BusyboxImage.Add(tar, TarEntryType.SymbolicLink, name, 0x1ff, link: target);

    [Test]
    public void The_hosts_binary_cannot_be_overwritten()
    {
        World.Shell("cp $C engine").Succeeded();
        var before = SHA256.HashData(File.ReadAllBytes(World.Files + "/engine"));
        MakeImage("self", static tar => BusyboxImage.AddFile(tar, "script", "#!/proc/self/exe\n", 0x1ed));
        foreach (var program in (string[])["/proc/self/exe", "/script"])
            World.Shell($"timeout 20 ./engine run --rm --network none self {program}");
        World.Shell("./engine run -d --name hunter --network none -v ./probe:/probe:ro --cap-add SYS_PTRACE busybox /probe hunt").Succeeded();
        World.Shell("for i in $(seq 60); do ./engine exec hunter true; done; ./engine exec -d hunter sleep 1").Succeeded();
        World.Shell("timeout 20 ./engine exec hunter /proc/self/exe; true");
        var seen = Run("logs", "hunter").Succeeded().Out;
        Assert.Multiple(() =>
        {
            Assert.That(seen, Does.StartWith("hunting\n").And.Not.Contain("wrote"));
            Assert.That(seen, Does.Not.Contain("engine"));
            Assert.That(SHA256.HashData(File.ReadAllBytes(World.Files + "/engine")), Is.EqualTo(before));
        });
    }

    [TestCase("absolute")]
    [TestCase("../../../../../../../../../../..")]
    public void A_dev_that_is_a_link_does_not_lead_to_the_host(string way)
    {
        MakeImage("devlink", tar => Link(tar, "dev", way == "absolute" ? Victim : way + Victim));
        InImage("devlink", "true");
        AssertVictimIsWhole();
    }

    [TestCase("proc", "absolute")]
    [TestCase("proc", "proc2")]
    [TestCase("sys", "absolute")]
    public void A_proc_or_sys_that_is_a_link_is_refused(string name, string target)
    {
        MakeImage("link", tar =>
        {
            BusyboxImage.Add(tar, TarEntryType.Directory, "proc2", 0x1ed);
            Link(tar, name, target == "absolute" ? Victim : target);
        });
        Assert.That(InImage("link", "true").Code, Is.EqualTo(125));
        AssertVictimIsWhole();
    }

    [Test]
    public void Nothing_lies_on_top_of_the_root() =>
        Assert.That(InContainer("stat -c %d:%i / /.. /../.. | sort -u | wc -l; ls /..; awk '$5 == \"/\"' /proc/self/mountinfo | wc -l").Lines,
            Has.ItemAt(0).EqualTo("1").And.Contains("data").And.Some.EqualTo("1"));

    [TestCase("dir")]
    [TestCase("file")]
    public void Mount_destinations_stay_inside(string kind)
    {
        MakeImage("dest", tar => Link(tar, "link", Victim));
        World.File("source/f", "f\n");
        var source = kind == "dir" ? "./source" : "./source/f";
        InImage("dest", "true", "-v", $"{source}:/link/made/deep", "-v", $"{source}:/link/secret");
        AssertVictimIsWhole();
        Assert.That(World.Host.Mounts, Does.Not.Contain("victim"));
    }

    [Test]
    public void Mount_destinations_stay_inside_while_a_container_swaps_them()
    {
        Directory.CreateDirectory(World.Files + "/volume/d");
        File.CreateSymbolicLink(World.Files + "/volume/link", Victim);
        Run("run", "-d", "--name", "swapper", "--network", "none", "-v", "./volume:/vol", "-v", "./probe:/probe:ro", "busybox", "/probe", "swap", "/vol/d", "/vol/link").Succeeded();
        Directory.CreateDirectory(World.Files + "/inner");
        for (var i = 0; i < 25; i++) InContainer("true", "-v", "./volume:/vol", "-v", $"./inner:/vol/d/made{i}");
        AssertVictimIsWhole();
        Assert.That(World.Host.Mounts, Does.Not.Contain("victim"));
    }

    [Test]
    public void Masks_hold_when_dev_is_a_volume()
    {
        Directory.CreateDirectory(World.Files + "/dev");
        File.CreateSymbolicLink(World.Files + "/dev/null", "/proc/sys/kernel/core_pattern");
        var before = File.ReadAllText("/proc/sys/kernel/core_pattern");
        var outcome = InContainer("wc -c < /proc/keys; wc -c < /proc/timer_list", "-v", "./dev:/dev");
        Assert.That(outcome.Code == 125 || outcome.Out == "0\n0\n", outcome.ToString());
        Assert.That(File.ReadAllText("/proc/sys/kernel/core_pattern"), Is.EqualTo(before));
    }

    [Test]
    public void No_file_of_the_host_is_open_in_a_container()
    {
        Assert.That(WithProbe("descriptors").Succeeded().Out, Is.Empty);
        Assert.That(World.Shell("exec 5<victim 7<victim/secret 9>>victim/secret; $C run --rm --network none -v ./probe:/probe:ro busybox /probe descriptors").Succeeded().Out, Is.Empty);
        StartSleeper("entered", "-v", "./probe:/probe:ro");
        Assert.That(World.Shell("exec 5<victim 7<victim/secret; $C exec entered /probe descriptors").Succeeded().Out, Is.Empty);
        AssertVictimIsWhole();
    }

    [Test]
    public void No_directory_of_the_host_can_be_worked_in()
    {
        StartSleeper("cwd");
        for (var number = 3; number < 16; number++)
        {
            foreach (var outcome in (Outcome[])[InContainer("cat ../../../../../victim/secret secret; pwd", "-w", $"/proc/self/fd/{number}"), Run("exec", "-w", $"/proc/self/fd/{number}", "cwd", "sh", "-c", "ls; cat secret; pwd")])
                Assert.That(outcome.Out, Does.Not.Contain("secret"), outcome.ToString());
        }
        AssertVictimIsWhole();
    }

    [TestCase("w/created")]
    [TestCase("w")]
    public void A_working_directory_behind_a_link_is_made_inside(string path)
    {
        MakeImage("work", tar => Link(tar, "w", Victim), new JsonObject { ["Cmd"] = new JsonArray("sh"), ["WorkingDir"] = "/" + path });
        InImage("work", "ls; touch here");
        StartSleeper("workexec");
        Run("exec", "-w", "/" + path, "workexec", "touch", "here");
        AssertVictimIsWhole();
    }

    [Test]
    public void A_variable_without_a_value_is_not_taken_from_the_host()
    {
        foreach (var variable in (string[])["HOSTSECRET", "*", "=x", ""])
        {
            var archive = DockerArchive.Write(World.Files + "/image.tar", "greedy", BusyboxImage.Write, new JsonObject { ["Cmd"] = new JsonArray("env"), ["Env"] = new JsonArray("GOOD=1", variable) });
            Assert.That(Run("load", "-i", archive), Has.Property("Code").EqualTo(1).And.Property("Err").Contains("config.Env[1]"), variable);
        }
        using var session = World.StartWith(new Dictionary<string, string> { ["HOSTSECRET"] = "leaked" }, "run", "--rm", "--network", "none", "busybox", "env");
        var outcome = session.Wait().Succeeded();
        Assert.That(outcome.Out, Does.Contain("PATH=").And.Not.Contain("leaked"));
    }

    [Test]
    public void Dangerous_system_calls_are_refused()
    {
        var answers = WithProbe("calls").Succeeded().Lines.Distinct().ToDictionary(static line => line.Split(' ')[0], static line => line.Split(' ')[1]);
        Assert.Multiple(() =>
        {
            foreach (var name in (string[])["unshare-user", "unshare-mount", "setns", "mount", "fsopen", "keyctl", "add_key", "io_uring_setup", "bpf", "perf_event_open", "userfaultfd", "kexec_load", "open_by_handle_at"])
                Assert.That(answers[name], Is.EqualTo("EPERM").Or.EqualTo("ENOSYS"), name);
            Assert.That(answers["clone3"], Is.EqualTo("ENOSYS"), "so that libc falls back to clone");
            foreach (var name in (string[])["af_alg", "af_vsock"]) Assert.That(answers[name], Is.Not.EqualTo("ok"), name);
            foreach (var name in (string[])["af_unix", "af_inet"]) Assert.That(answers[name], Is.EqualTo("ok"), name);
            foreach (var name in (string[])["x32"]) Assert.That(answers[name], Is.Not.EqualTo("ok"), name);
        });
    }

    [Test]
    public void The_filter_is_on_and_can_be_given_up()
    {
        const string script = "grep -E '^(Seccomp|NoNewPrivs):' /proc/self/status";
        Assert.Multiple(() =>
        {
            Assert.That(InContainer(script).Out, Is.EqualTo("NoNewPrivs:\t0\nSeccomp:\t2\n"));
            Assert.That(InContainer(script, "--security-opt", "no-new-privileges").Out, Is.EqualTo("NoNewPrivs:\t1\nSeccomp:\t2\n"));
            Assert.That(InContainer(script, "--security-opt", "seccomp=unconfined").Out, Is.EqualTo("NoNewPrivs:\t0\nSeccomp:\t0\n"));
            Assert.That(InContainer(script, "-u", "1000").Out, Is.EqualTo("NoNewPrivs:\t0\nSeccomp:\t2\n"));
        });
    }

    [Test]
    public void What_tells_of_the_host_is_masked_and_what_changes_it_read_only()
    {
        var outcome = InContainer("""
            for f in /proc/keys /proc/timer_list /proc/kcore /proc/interrupts; do test -s $f && echo $f; done
            for d in /proc/acpi /proc/scsi /sys/firmware /sys/devices/virtual/powercap; do ls -A $d 2>/dev/null; done
            for f in /proc/sys/kernel/core_pattern /proc/sysrq-trigger /proc/irq/default_smp_affinity /sys/kernel/uevent_helper; do test -e $f && (echo x > $f) 2>/dev/null && echo wrote $f; done
            mkdir /sys/fs/cgroup/escape 2>/dev/null && echo made a cgroup
            mount -o remount,rw /proc/sys 2>/dev/null && echo remounted
            umount /proc/keys 2>/dev/null && echo unmasked
            cat /proc/1/cgroup | grep -v ':/$'
            true
            """).Succeeded();
        Assert.That(outcome.Out, Is.Empty);
    }

    [Test]
    public void A_container_has_a_keyring_of_its_own()
    {
        string[] options = ["--security-opt", "seccomp=unconfined"];
        var one = WithProbe("keyring", options).Succeeded().Line;
        Assert.That(one, Is.Not.EqualTo(WithProbe("keyring", options).Succeeded().Line));
        Assert.That(one, Is.Not.EqualTo(World.Shell("./probe keyring").Line));
    }

    [Test]
    public void Devices_of_the_host_cannot_be_opened()
    {
        var device = World.Shell("stat -c '%Hd %Ld' .").Succeeded().Line;
        var outcome = InContainer($"mknod /disk b {device} && head -c 1 /disk | wc -c; mknod /dev/kmsg2 c 1 11 && head -c 1 /dev/kmsg2 | wc -c; mknod /null c 1 3 && echo x > /null && echo null", "--cap-add", "MKNOD");
        if (outcome.Out.StartsWith("1\n", StringComparison.Ordinal) && World.Cgroups.Count == 0 && !File.ReadAllText("/proc/self/mountinfo").Contains("cgroup2", StringComparison.Ordinal))
            Assert.Ignore("no cgroup v2 here: devices cannot be filtered");
        Assert.That(outcome.Out, Is.EqualTo("0\n0\nnull\n"), outcome.ToString());
    }

    [Test]
    public void Names_that_lead_elsewhere_are_refused()
    {
        World.File("../root/precious", "kept\n");
        World.File("../precious/container.json", "{}");
        foreach (var name in (string[])["../x", "a/b", ".", "..", "-x", "a b", "a\nb", "", "x", "../../precious"])
        {
            Assert.That(Run("create", $"--name={name}", "--network", "none", "busybox"), name.Length == 0 ? Has.Property("Code").InRange(0, 125) : Has.Property("Code").EqualTo(125), name);
            Assert.That(Run("create", "--network", "none", "-v", $"{name}:/data", "busybox").Code == 125 || name.Length == 0 || name[0] == '.', name);
            foreach (var verb in (string[])["rm", "kill", "stop", "start", "logs", "inspect", "wait", "port", "rmi"])
                Assert.That(Run(verb, "--", name).Code, Is.Not.Zero, $"{verb} {name}");
            Run("rm", "-f", "--", name);
            Assert.That(Run("exec", "--", name, "true").Code, Is.Not.Zero, name);
            Assert.That(Run("volume", "rm", "--", name).Code, Is.Not.Zero, name);
        }
        Assert.That(File.Exists(World.Root + "/precious") && File.Exists(World.Directory + "/precious/container.json"));
    }

    [TestCase("kernel.core_pattern=x")]
    [TestCase("net/../kernel/core_pattern=x")]
    [TestCase("net.ipv4/../../kernel/core_pattern=x")]
    [TestCase("net...kernel.core_pattern=x")]
    [TestCase("kernel.shm_rmid_forced=1+kernel.core_pattern=x")]
    [TestCase("net.ipv4.ip_forward=1\nkernel.core_pattern=x")]
    [TestCase("vm.overcommit_memory=1")]
    [TestCase("/kernel/core_pattern=x")]
    public void Parameters_of_the_hosts_kernel_cannot_be_set(string setting)
    {
        var before = (File.ReadAllText("/proc/sys/kernel/core_pattern"), File.ReadAllText("/proc/sys/vm/overcommit_memory"));
        InContainer("true", "--sysctl", setting);
        Assert.That((File.ReadAllText("/proc/sys/kernel/core_pattern"), File.ReadAllText("/proc/sys/vm/overcommit_memory")), Is.EqualTo(before));
        if (!setting.StartsWith("kernel.shm", StringComparison.Ordinal)) Assert.That(InContainer("true", "--sysctl", setting).Code, Is.EqualTo(125));
    }

    [Test]
    public void A_network_parameter_of_the_host_cannot_be_set_through_its_network() =>
        Run("run", "--rm", "--network", "host", "--sysctl", "net.ipv4.ip_forward=1", "busybox", "true").Failed(125, "net.ipv4.ip_forward");

    [TestCase("etc")]
    [TestCase("etc/hosts")]
    [TestCase("etc/resolv.conf")]
    [TestCase("etc/hostname")]
    public void Files_that_the_engine_makes_are_not_made_behind_a_link(string name)
    {
        Run("load", "-i", DockerArchive.Write(World.Files + "/image.tar", "etclink", tar =>
        {
            BusyboxImage.WritePrograms(tar, except: "etc");
            if (name != "etc") BusyboxImage.Add(tar, TarEntryType.Directory, "etc", 0x1ed);
            Link(tar, name, name == "etc" ? Victim : Victim + "/secret");
        })).Succeeded();
        foreach (var network in (string[])["none", "bridge"]) Run("run", "--rm", "--network", network, "etclink", "true");
        AssertVictimIsWhole();
        Assert.That(World.Host.Mounts, Does.Not.Contain("victim"));
    }

    [TestCase("/vol")]
    [TestCase("/vol/made")]
    [TestCase("/../../../../../../../..")]
    public void A_volume_of_the_image_is_neither_filled_from_the_host_nor_mounted_there(string path)
    {
        var target = path.StartsWith("/..", StringComparison.Ordinal) ? path + Victim : path;
        var archive = DockerArchive.Write(World.Files + "/image.tar", "filled", tar =>
        {
            BusyboxImage.Write(tar);
            Link(tar, "vol", Victim);
        }, new JsonObject { ["Cmd"] = new JsonArray("sh"), ["Volumes"] = new JsonObject { [target] = new JsonObject() } });
        if (Run("load", "-i", archive).Code == 0)
            Assert.That(InImage("filled", "find / -xdev -name secret -exec cat {} +; cat /vol/secret; touch /vol/x").Out, Does.Not.Contain("secret of the host"));
        AssertVictimIsWhole();
        Assert.That(World.Host.Mounts, Does.Not.Contain("victim"));
    }

    [Test]
    public void A_command_can_be_run_in_a_container_whose_files_became_hostile()
    {
        StartSleeper("hostile", "--cap-add", "SYS_ADMIN", "-v", "./probe:/probe:ro");
        Run("exec", "hostile", "sh", "-c", "rm /etc/passwd /etc/group; mkfifo /etc/passwd /etc/group").Succeeded();
        Assert.That(Run("exec", "-u", "1234:5", "hostile", "grep", "Uid", "/proc/self/status").Succeeded().Out, Is.EqualTo("Uid:\t1234\t1234\t1234\t1234\n"));
        Assert.That(Run("exec", "-u", "user", "hostile", "true").Code, Is.Not.Zero);
        // Its /proc becomes a directory of links to the program's own file.
        Run("exec", "hostile", "sh", "-c", "mkdir -p /fake/self/attr /fake/self/fd; ln -s /probe /fake/self/exe; mount --bind /fake /proc").Succeeded();
        Assert.That(Run("exec", "hostile", "/probe", "keyring").Code, Is.LessThan(128));
        Assert.That(Run("exec", "-u", "1000", "hostile", "touch", "/root/x").Code, Is.Not.Zero);
    }

    [Test]
    public void The_store_is_closed_to_others() =>
        Assert.That(World.Shell($"setpriv --reuid 65534 --regid 65534 --clear-groups ls {World.Root} {World.Root}/layers").Code, Is.Not.Zero);

    [Test]
    public void Passwd_as_a_pipe_or_a_link_to_the_host_is_not_read()
    {
        World.File("victim/secret", "secret of the host\n");
        foreach (var kind in (string[])["fifo", "link"])
        {
            Run("load", "-i", DockerArchive.Write(World.Files + "/image.tar", "odd", tar =>
            {
                BusyboxImage.WritePrograms(tar);
                if (kind == "fifo") BusyboxImage.Add(tar, TarEntryType.Fifo, "etc/passwd", 0x1a4);
                else Link(tar, "etc/passwd", Victim + "/secret");
            })).Succeeded();
            // Not id: that reads the file itself.
            Assert.That(InImage("odd", "grep Uid /proc/self/status", "-u", "1234").Line, Is.EqualTo("Uid:\t1234\t1234\t1234\t1234"), kind);
            Assert.That(InImage("odd", "true", "-u", "secret of the host"), Has.Property("Code").EqualTo(125).And.Property("Err").Not.Contains("secret of the host\n"), kind);
        }
    }
}
