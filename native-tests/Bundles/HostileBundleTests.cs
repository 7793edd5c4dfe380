using System.Security.Cryptography;
using System.Text.Json.Nodes;
using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests.Bundles;

/// <summary>What a bundle or a container must not be able to do to its host. Each is named after what it defends.</summary>
public sealed class HostileBundleTests : BundleTest
{
    private string _root = "";
    private int _roots;

    private string Victim => World.Files + "/victim";

    [SetUp]
    public void MakeVictimAndRoot()
    {
        if (Directory.Exists(Victim)) Directory.Delete(Victim, recursive: true);
        World.File("victim/secret", "secret of the host\n");
        _root = $"{World.Files}/root{++_roots}";
        World.Shell($"cp -a {World.Rootfs} {_root} && cp {Probe.Program} {_root}/probe").Succeeded();
    }

    [TearDown]
    public void TheVictimIsWhole() => Assert.That(
        Directory.GetFileSystemEntries(Victim).Select(path => (Path.GetFileName(path), File.ReadAllText(path))), Is.EqualTo(new[] { ("secret", "secret of the host\n") }));

    // A bundle whose root directory is this test's own.
    private string Bundle(string script, Action<JsonObject>? edit = null) => World.Bundle(script, config =>
    {
        config["root"]!["path"] = _root;
        edit?.Invoke(config);
    });

    private Outcome RunOne(string script, Action<JsonObject>? edit = null) => World.Shell($"timeout 30 $R run -b {Bundle(script, edit)} hostile </dev/null");

    private void Link(string name, string target)
    {
        World.Shell($"rm -rf {_root}/{name}").Succeeded();
        File.CreateSymbolicLink($"{_root}/{name}", target);
    }

    private static void Mount(JsonObject config, string source, string destination) => config["mounts"]!.AsArray().Add(new JsonObject
    {
        ["destination"] = destination,
        ["source"] = source,
        ["options"] = new JsonArray("rbind", "rw"),
    });

    private static void RemoveMounts(JsonObject config, string below)
    {
        var mounts = config["mounts"]!.AsArray();
        for (var i = mounts.Count - 1; i >= 0; i--)
        {
            if (mounts[i]!["destination"]!.GetValue<string>().StartsWith(below, StringComparison.Ordinal)) mounts.RemoveAt(i);
        }
    }

    [Test]
    public void The_runtimes_binary_cannot_be_overwritten()
    {
        var before = SHA256.HashData(File.ReadAllBytes(World.Runtime));
        File.WriteAllText(_root + "/script", "#!/proc/self/exe\n");
        File.SetUnixFileMode(_root + "/script", (UnixFileMode)0x1ed);
        foreach (var program in (string[])["/proc/self/exe", "/script"]) RunOne("", config => config["process"]!["args"] = new JsonArray(program));
        World.Shell($"$R create -b {Bundle("exec /probe hunt")} hunter </dev/null >seen 2>&1 && $R start hunter").Succeeded();
        World.Shell("for i in $(seq 40); do $R exec hunter true; done; timeout 20 $R exec hunter /proc/self/exe; true");
        var seen = File.ReadAllText(World.Files + "/seen");
        Assert.That(seen, Does.StartWith("hunting\n").And.Not.Contain("wrote"));
        Assert.That(SHA256.HashData(File.ReadAllBytes(World.Runtime)), Is.EqualTo(before));
    }

    [TestCase("absolute", true)]
    [TestCase("absolute", false)]
    [TestCase("../../../../../../../../../../..", true)]
    [TestCase("../../../../../../../../../../..", false)]
    public void A_dev_that_is_a_link_does_not_lead_to_the_host(string way, bool isMounted)
    {
        Link("dev", way == "absolute" ? Victim : way + Victim);
        RunOne("true", isMounted ? null : static config => RemoveMounts(config, "/dev"));
        Assert.That(World.Host.Mounts, Does.Not.Contain("victim"));
    }

    [TestCase("proc", "absolute")]
    [TestCase("proc", "proc2")]
    [TestCase("sys", "absolute")]
    public void A_proc_or_sys_that_is_a_link_is_refused(string name, string target)
    {
        Directory.CreateDirectory(_root + "/proc2");
        Link(name, target == "absolute" ? Victim : target);
        Assert.That(RunOne("true").Code, Is.Not.Zero);
    }

    [TestCase(true)]
    [TestCase(false)]
    public void Mount_destinations_stay_inside(bool isDirectory)
    {
        Link("link", Victim);
        World.File("source/f", "f\n");
        var source = World.Files + (isDirectory ? "/source" : "/source/f");
        RunOne("true", config =>
        {
            Mount(config, source, "/link/made/deep");
            Mount(config, source, "/link/secret");
        });
        Assert.That(World.Host.Mounts, Does.Not.Contain("victim"));
    }

    [Test]
    public void Mount_destinations_stay_inside_while_a_container_swaps_them()
    {
        Directory.CreateDirectory(World.Files + "/volume/d");
        World.Shell("ln -sfn $PWD/victim volume/link").Succeeded();
        World.Shell($"$R create -b {Bundle("exec /probe swap /vol/d /vol/link", config => Mount(config, World.Files + "/volume", "/vol"))} swapper </dev/null >/dev/null 2>&1 && $R start swapper").Succeeded();
        Directory.CreateDirectory(World.Files + "/inner");
        for (var i = 0; i < 15; i++)
        {
            var to = $"/vol/d/made{i}";
            RunOne("true", config =>
            {
                Mount(config, World.Files + "/volume", "/vol");
                Mount(config, World.Files + "/inner", to);
            });
        }
        Assert.That(World.Host.Mounts, Does.Not.Contain("victim"));
    }

    [TestCase("null")]
    [TestCase("pts/0")]
    public void Masks_and_the_console_hold_when_dev_is_a_volume(string name)
    {
        Directory.CreateDirectory(World.Files + "/dev/pts");
        World.Shell($"ln -sfn /proc/sys/kernel/core_pattern dev/{name}").Succeeded();
        var before = File.ReadAllText("/proc/sys/kernel/core_pattern");
        var outcome = RunOne("wc -c < /proc/keys; echo leak > /proc/keys", config =>
        {
            RemoveMounts(config, "/dev");
            Mount(config, World.Files + "/dev", "/dev");
            config["linux"]!["maskedPaths"] = new JsonArray("/proc/keys", "/proc/kcore");
        });
        World.Shell("rm -rf dev").Succeeded();
        Assert.That(outcome.Code != 0 || outcome.Out == "0\n", outcome.ToString());
        Assert.That(File.ReadAllText("/proc/sys/kernel/core_pattern"), Is.EqualTo(before));
    }

    [Test]
    public void No_file_of_the_host_is_open()
    {
        const string Open = "exec 5<victim 7<victim/secret 9>>victim/secret; ";
        Assert.That(World.Shell($"{Open}$R run -b {Bundle("exec /probe descriptors")} open </dev/null").Succeeded().Out, Is.Empty);
        StartSleeper("entered", config => config["root"]!["path"] = _root);
        Assert.That(World.Shell($"{Open}$R exec entered /probe descriptors </dev/null").Succeeded().Out, Is.Empty);
    }

    [Test]
    public void No_directory_of_the_host_can_be_worked_in()
    {
        StartSleeper("cwd", config => config["root"]!["path"] = _root);
        for (var number = 3; number < 16; number++)
        {
            var to = $"/proc/self/fd/{number}";
            const string Look = "cat ../../../../../../victim/secret secret; pwd";
            foreach (var outcome in (Outcome[])[RunOne(Look, config => config["process"]!["cwd"] = to), World.Shell($"$R exec --cwd {to} cwd sh -c '{Look}' </dev/null")])
            {
                Assert.That(outcome.Out, Does.Not.Contain("secret of the host"), to);
                Assert.That(outcome.Code == 0 && outcome.Out.Trim().Length == 0 || outcome.Code != 0 || outcome.Out.StartsWith('/'), outcome.ToString());
            }
        }
    }

    [TestCase("/link/made")]
    [TestCase("/up/made")]
    public void A_working_directory_behind_a_link_is_made_inside(string path)
    {
        Link("link", Victim);
        Link("up", "../../../../../../../../.." + Victim);
        RunOne("true", config => config["process"]!["cwd"] = path);
        Assert.That(World.Shell("ls victim").Out, Is.EqualTo("secret\n"));
    }

    [TestCase(0u)]
    [TestCase(1000u)]
    public void No_capability_is_inheritable_and_no_group_the_callers(uint uid)
    {
        const string Show = "grep -E '^(CapInh|CapAmb|Groups)' /proc/self/status | tr -d '\\t '";
        void As(JsonObject config)
        {
            config["root"]!["path"] = _root;
            config["process"]!["user"] = new JsonObject { ["uid"] = uid, ["gid"] = uid, ["additionalGids"] = new JsonArray(7) };
        }
        var bundle = World.Bundle(Show, As);
        var groups = uid == 0 ? "Groups:7" : "Groups:71000|Groups:7";
        var run = World.Shell($"setpriv --groups 4,27 $R run -b {bundle} exact </dev/null").Succeeded().Out.Split('\n');
        Assert.That(groups.Split('|').Append("Groups:07"), Does.Contain(run[0]));
        Assert.That(run[1..3], Is.EqualTo(new[] { "CapInh:0000000000000000", "CapAmb:0000000000000000" }));
        StartSleeper("exact", As);
        var exec = World.Shell($"setpriv --groups 4,27 $R exec -u {uid}:{uid} exact sh -c \"{Show.Replace("$", "\\$")}\" </dev/null").Succeeded().Out.Split('\n');
        Assert.That(exec[0], Does.Not.Contain("4").And.Not.Contain("27"));
        Assert.That(exec[1..3], Is.EqualTo(new[] { "CapInh:0000000000000000", "CapAmb:0000000000000000" }));
    }

    [TestCase("..")]
    [TestCase("../precious")]
    [TestCase(".")]
    [TestCase("")]
    [TestCase("a/b")]
    [TestCase("a\nb")]
    public void An_id_does_not_lead_out_of_the_states_directory(string id)
    {
        if (World.IsCrun) Assert.Ignore("crun 1.8 deletes ../precious");
        var precious = World.Directory + "/precious";
        Directory.CreateDirectory(precious);
        File.WriteAllText(precious + "/state.json", "{}");
        Assert.That(Run("create", "-b", Bundle("true"), id).Code, Is.Not.Zero);
        Assert.That(Run("state", id).Code, Is.Not.Zero);
        Assert.That(Run("kill", id, "KILL").Code, Is.Not.Zero);
        Run("delete", "--force", id);
        Assert.That(File.Exists(precious + "/state.json"));
    }

    [TestCase("kernel.core_pattern", "|/evil")]
    [TestCase("net/../kernel/core_pattern", "|/evil")]
    [TestCase("kernel.shm_rmid_forced", "1+kernel.core_pattern=|/evil")]
    [TestCase("net.ipv4.ip_forward/../../../kernel/core_pattern", "|/evil")]
    [TestCase("vm.overcommit_memory", "1")]
    public void Parameters_of_the_hosts_kernel_cannot_be_set(string name, string value)
    {
        string[] files = ["/proc/sys/kernel/core_pattern", "/proc/sys/vm/overcommit_memory", "/proc/sys/kernel/shm_rmid_forced"];
        var before = files.Select(File.ReadAllText).ToArray();
        Assert.That(RunOne("true", config => config["linux"]!["sysctl"] = new JsonObject { [name] = value }).Code, Is.Not.Zero);
        Assert.That(files.Select(File.ReadAllText), Is.EqualTo(before));
    }

    [Test]
    public void Devices_of_the_host_cannot_be_opened()
    {
        if (World.IsCrun) Assert.Ignore("crun 1.8 cannot set rules where RLIMIT_MEMLOCK cannot be raised");
        var device = World.Shell("stat -c '%Hd %Ld' / 2>/dev/null || echo 8 0").Out.Trim();
        var outcome = RunOne($"mknod /tmp/disk b {device} && head -c 1 /tmp/disk >/dev/null 2>&1; echo $?", static config => config["linux"]!["resources"] = new JsonObject
        {
            ["devices"] = new JsonArray(new JsonObject { ["allow"] = false, ["access"] = "rwm" }, new JsonObject { ["allow"] = true, ["access"] = "m", ["type"] = "b" }),
        });
        Assert.That(outcome.Code != 0 || outcome.Out == "1\n", outcome.ToString());
    }

    [Test]
    public void It_has_a_keyring_of_its_own()
    {
        static string[] Sessions(string keys) => [.. keys.Split('\n').Where(static line => line.Contains(" _ses", StringComparison.Ordinal)).Select(static line => line.Split(' ')[0])];
        var before = Sessions(File.ReadAllText("/proc/keys"));
        var outcome = RunOne("cat /proc/keys", static config => config["linux"]!["maskedPaths"] = new JsonArray());
        Assert.That(Sessions(outcome.Out), Is.Not.SubsetOf(before), outcome.ToString());
    }

    [Test]
    public void The_filter_and_no_new_privileges_are_on_in_every_process()
    {
        void Filtered(JsonObject config)
        {
            config["root"]!["path"] = _root;
            config["linux"]!["seccomp"] = JsonNode.Parse("""{"defaultAction":"SCMP_ACT_ALLOW","architectures":["SCMP_ARCH_X86_64"],"syscalls":[{"names":["chmod","fchmodat"],"action":"SCMP_ACT_ERRNO","errnoRet":1}]}""");
        }
        const string Show = "grep -E '^(Seccomp|NoNewPrivs):' /proc/self/status | tr -d '\\t '; chmod 700 /tmp 2>/dev/null; echo $?";
        Assert.That(World.Shell($"$R run -b {World.Bundle(Show, Filtered)} filtered </dev/null").Out, Is.EqualTo("NoNewPrivs:1\nSeccomp:2\n1\n"));
        StartSleeper("filtered", Filtered);
        Assert.That(World.Shell($"$R exec --no-new-privs filtered sh -c \"{Show.Replace("$", "\\$")}\" </dev/null").Out, Is.EqualTo("NoNewPrivs:1\nSeccomp:2\n1\n"));
    }

    [TestCase("../../escape")]
    [TestCase("/../../escape")]
    [TestCase("/a/../../escape")]
    public void A_cgroup_path_does_not_lead_out_of_the_tree(string path)
    {
        if (World.IsCrun) Assert.Ignore("crun 1.8 leaves cgroups of such a path behind");
        RunOne("true", config => config["linux"]!["cgroupsPath"] = path);
        Assert.That(World.Shell("find /sys -maxdepth 1 -name escape; find / -maxdepth 1 -name escape").Out, Is.Empty);
    }

    [Test]
    public void The_cgroup_of_another_container_is_refused()
    {
        if (!World.IsOurs) Assert.Ignore("runc 1.1 takes it where no limit is set, and crun takes it");
        StartSleeper("first", static config => config["linux"]!["cgroupsPath"] = "/crun-sharp-shared");
        Assert.That(RunOne("true", static config => config["linux"]!["cgroupsPath"] = "/crun-sharp-shared").Code, Is.Not.Zero);
        Assert.That(World.StatusOf("first"), Is.EqualTo("running"));
    }

    [Test]
    public void A_command_can_be_run_in_a_container_whose_files_became_hostile()
    {
        StartSleeper("turned", config => config["root"]!["path"] = _root);
        World.Shell("$R exec turned sh -c 'cp /bin/busybox /tmp/b; echo evil > /etc/passwd; rm -f /etc/group; mkfifo /etc/group; ln -sf /tmp/b /bin/ps'").Succeeded();
        Assert.That(World.Shell("timeout 20 $R exec turned id -u </dev/null").Succeeded().Out, Is.EqualTo("0\n"));
        Assert.That(World.Shell("timeout 20 $R ps turned </dev/null").Succeeded().Out, Does.Contain("sleep"));
    }

    [Test]
    public void Mappings_that_are_too_many_are_a_clear_error()
    {
        var outcome = RunOne("true", static config =>
        {
            config["linux"]!["namespaces"]!.AsArray().Add(new JsonObject { ["type"] = "user" });
            foreach (var ids in (string[])["uidMappings", "gidMappings"])
            {
                config["linux"]![ids] = new JsonArray([.. Enumerable.Range(0, 2000).Select(static i =>
                    (JsonNode)new JsonObject { ["containerID"] = i * 2, ["hostID"] = 100000 + i * 2, ["size"] = 1 })]);
            }
        });
        Assert.That(outcome.Code, Is.Not.Zero);
        if (World.IsOurs) Assert.That(outcome.Err.Trim().Split('\n'), Has.Length.EqualTo(1).And.All.Contains("mapping"));
    }

    [Test]
    public void A_console_socket_that_is_none_is_a_clear_error()
    {
        World.File("file", "");
        var bundle = Bundle("true", static config => config["process"]!["terminal"] = true);
        var outcome = World.Shell($"$R create -b {bundle} --console-socket $PWD/file console </dev/null");
        Assert.That(outcome.Code, Is.Not.Zero);
        Assert.That(Directory.Exists(World.State + "/console"), Is.False);
    }

    [Test]
    public void Root_of_a_user_namespace_does_not_own_the_hosts_files()
    {
        World.Shell($"chown -R 100000:100000 {_root} && chmod 600 victim/secret").Succeeded();
        var outcome = RunOne("id -u; cat /victim/secret 2>/dev/null || echo denied; echo x >> /victim/secret; touch /made; true", config =>
        {
            config["linux"]!["namespaces"]!.AsArray().Add(new JsonObject { ["type"] = "user" });
            foreach (var ids in (string[])["uidMappings", "gidMappings"])
                config["linux"]![ids] = new JsonArray(new JsonObject { ["containerID"] = 0, ["hostID"] = 100000, ["size"] = 65536 });
            Mount(config, Victim, "/victim");
        });
        Assert.That(outcome.Out, Is.EqualTo("0\ndenied\n"), outcome.Err);
        Assert.That(World.Shell($"stat -c %u {_root}/made").Out, Is.EqualTo("100000\n"));
    }
}
