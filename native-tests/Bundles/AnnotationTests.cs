using System.Net.Sockets;
using System.Text.Json.Nodes;
using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests.Bundles;

/// <summary>crun's annotations: what engines ask for that the specification has no word for.</summary>
public sealed class AnnotationTests : BundleTest
{
    [SetUp]
    public void NeedsThem()
    {
        if (!World.IsOurs && !World.IsCrun) Assert.Ignore("runc has none of them");
    }

    private static Action<JsonObject> Annotated(string name, string value, Action<JsonObject>? edit = null) => config =>
    {
        config["annotations"] = new JsonObject { [name] = value };
        edit?.Invoke(config);
    };

    [Test]
    public void The_groups_of_who_makes_a_container_can_be_kept()
    {
        var bundle = World.Bundle("grep Groups /proc/self/status | tr -d '\\t '", Annotated("run.oci.keep_original_groups", "1"));
        Assert.That(World.Shell($"setpriv --groups 4,27 $R run -b {bundle} groups </dev/null").Out, Is.EqualTo("Groups:427\n"));
    }

    [Test]
    public void A_filter_with_an_unknown_call_can_be_refused() =>
        Assert.That(Run("run", "-b", World.Bundle("true", Annotated("run.oci.seccomp_fail_unknown_syscall", "1", static config =>
            config["linux"]!["seccomp"] = Filter("nosuchcall", "SCMP_ACT_ERRNO"))), "unknown").Code, Is.Not.Zero);

    [TestCase("run.oci.handler", "wasm")]
    [TestCase("run.oci.seccomp.plugins", "/no/such/plugin.so")]
    public void Libraries_of_cruns_are_refused(string name, string value)
    {
        if (!World.IsOurs) Assert.Ignore("Debian's crun has no handlers, and takes no notice");
        Run("run", "-b", World.Bundle("true", Annotated(name, value, static config => config["linux"]!["seccomp"] = Filter("mkdir", "SCMP_ACT_NOTIFY"))), "refused").Failed(1, $"annotation {name}: \"{value}\" is a library that only crun loads");
    }

    [Test]
    public void What_hooks_print_is_appended_to_files()
    {
        string[] kinds = ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"];
        var (output, error) = (World.File("hooks.out", "before\n"), World.Files + "/hooks.err");
        File.Delete(error);
        var bundle = World.Bundle("true", config =>
        {
            config["annotations"] = new JsonObject { ["run.oci.hooks.stdout"] = output, ["run.oci.hooks.stderr"] = error };
            config["hooks"] = new JsonObject(kinds.Select(kind => KeyValuePair.Create(kind, (JsonNode?)new JsonArray(new JsonObject
            {
                ["path"] = "/bin/sh",
                ["args"] = new JsonArray("sh", "-c", $"echo {kind}; echo {kind} >&2"),
            }))));
        });
        World.Shell($"$R create -b {bundle} printed </dev/null >/dev/null 2>&1 && $R start printed").Succeeded();
        World.Await("printed", "stopped");
        Run("delete", "printed").Succeeded();
        // crun's start does not wait for the hook in the container.
        Assert.That(File.ReadAllLines(output), World.IsOurs ? Is.EqualTo((string[])["before", .. kinds]) : Is.EquivalentTo((string[])["before", .. kinds]));
        Assert.That(File.ReadAllLines(error), World.IsOurs ? Is.EqualTo(kinds) : Is.EquivalentTo(kinds));
        if (!World.IsOurs) return;
        bundle = World.Bundle("true", Annotated("run.oci.hooks.stderr", "/no/such/file", static config => config["hooks"] = new JsonObject
        {
            ["prestart"] = new JsonArray(new JsonObject { ["path"] = "/bin/true" }),
        }));
        Run("create", "-b", bundle, "nowhere").Failed(1, "/no/such/file");
    }

    [Test]
    public void A_receiver_gets_the_listener_of_a_filter()
    {
        var path = World.Files + "/receiver.sock";
        using var receiver = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        receiver.Bind(new UnixDomainSocketEndPoint(path));
        receiver.Listen();
        var bundle = World.Bundle("mkdir /made 2>&1", Annotated("run.oci.seccomp.receiver", path, static config => config["linux"]!["seccomp"] = Filter("mkdir", "SCMP_ACT_NOTIFY")));
        using (var session = World.StartShell($"$R run -b {bundle} notifying </dev/null"))
        {
            // With the connection the listener is closed, and nobody answers.
            using (var connection = receiver.Accept()) Assert.That(connection.Receive(new byte[1]), Is.EqualTo(1));
            Assert.That(session.Wait().Out, Does.EndWith("Function not implemented\n"));
        }
        File.Delete(path);
    }

    [Test]
    public void A_filter_may_come_as_the_kernel_takes_it()
    {
        // The calls mkdir and mkdirat of x86-64 have no space on the device; all others are allowed.
        byte[] program =
        [
            0x20, 0, 0, 0, 0, 0, 0, 0,
            0x15, 0, 2, 0, 83, 0, 0, 0,
            0x15, 0, 1, 0, 2, 1, 0, 0,
            0x06, 0, 0, 0, 0, 0, 0xff, 0x7f,
            0x06, 0, 0, 0, 28, 0, 5, 0,
        ];
        StartSleeper("raw", Annotated("run.oci.seccomp_bpf_data", Convert.ToBase64String(program), static config => config["linux"]!["seccomp"] = Filter("mkdir", "SCMP_ACT_ERRNO")));
        Assert.That(Run("exec", "raw", "mkdir", "/made").Err, Does.Contain("No space left on device"));
    }

    [Test]
    public void Clocks_may_be_set_without_the_specifications_word()
    {
        if (!World.IsOurs) Assert.Ignore("crun 1.8 makes no time namespace on this kernel");
        var bundle = World.Bundle("cat /proc/uptime", Annotated("run.oci.timens_offset", "boottime 100000000 0", static config =>
            config["linux"]!["namespaces"]!.AsArray().Add(new JsonObject { ["type"] = "time" })));
        Assert.That(Run("run", "-b", bundle, "late").Succeeded().Out, Does.Match("^1[0-9]{8}\\."));
    }

    [Test]
    public void A_cgroup_below_the_containers_is_its_to_divide()
    {
        if (!World.IsOurs) Assert.Ignore("crun finds no cgroup in a part of the tree that is mounted as its root");
        StartSleeper("divided", Annotated("run.oci.delegate-cgroup", "/payload"));
        string[] own = ["cat", "/proc/self/cgroup"];
        Assert.That(File.ReadAllText($"/proc/{World.StateOf("divided")["pid"]}/cgroup"), Does.Match("(?m)^0::.*/payload$"));
        Assert.That(Run(["exec", "divided", .. own]).Succeeded().Lines, Has.Some.EqualTo("0::/payload"));
        Run("kill", "--all", "divided", "KILL").Succeeded();
        World.Await("divided", "stopped");
        Run("delete", "divided").Succeeded();
        Run("create", "-b", World.Bundle("true", Annotated("run.oci.delegate-cgroup", "../other")), "outside").Failed(1, "no path of a cgroup");
    }

    [Test]
    public void A_systemd_that_knows_version_1_only_sees_that()
    {
        if (!File.ReadAllText("/proc/self/mountinfo").Contains("name=systemd", StringComparison.Ordinal)) Assert.Ignore("this host has no such hierarchy");
        var bundle = World.Bundle("grep ' /sys/fs/cgroup' /proc/self/mounts; ls /sys/fs/cgroup", Annotated("run.oci.systemd.force_cgroup_v1", "/sys/fs/cgroup", static config =>
            config["mounts"]!.AsArray().Add(new JsonObject { ["destination"] = "/sys/fs/cgroup", ["type"] = "cgroup", ["source"] = "cgroup", ["options"] = new JsonArray("nosuid", "nodev") })));
        var lines = Run("run", "-b", bundle, "old").Succeeded().Lines;
        Assert.That(lines, Has.Length.EqualTo(3));
        Assert.That(lines[0], Does.Match("^[^ ]+ /sys/fs/cgroup tmpfs "));
        Assert.That(lines[1], Does.Match("^[^ ]+ /sys/fs/cgroup/systemd cgroup .*nosuid,nodev.*name=systemd"));
        Assert.That(lines[2], Is.EqualTo("systemd"));
    }

    private static JsonObject Filter(string call, string action) => new()
    {
        ["defaultAction"] = "SCMP_ACT_ALLOW",
        ["syscalls"] = new JsonArray(new JsonObject { ["names"] = new JsonArray(call), ["action"] = action }),
    };
}
