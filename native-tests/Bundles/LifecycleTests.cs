using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests.Bundles;

/// <summary>The operations of the runtime-spec's lifecycle, and what engines rely on beyond it.</summary>
public sealed class LifecycleTests : BundleTest
{
    [Test]
    public void Run_gives_the_output_and_the_exit_code()
    {
        var outcome = Run("run", "-b", World.Bundle("echo out; echo err >&2; echo $MARK; hostname; exit 42"), "ran");
        Assert.Multiple(() =>
        {
            Assert.That(outcome.Code, Is.EqualTo(42));
            Assert.That(outcome.Out, Is.EqualTo("out\n1\nbundle\n"));
            Assert.That(outcome.Err, Is.EqualTo("err\n"));
            Assert.That(Run("state", "ran").Code, Is.Not.Zero);
        });
    }

    [Test]
    public void Run_gives_128_and_the_number_of_the_signal() =>
        Assert.That(Run("run", "-b", World.Bundle("kill -9 $$; sleep 10 & wait", static config => RemoveNamespace(config, "pid")), "killed").Code, Is.EqualTo(137));

    [Test]
    public void The_program_runs_at_start_and_not_before()
    {
        var bundle = World.Bundle("echo started; sleep 1000");
        World.Shell($"$R create -b {bundle} waiting < /dev/null > out 2>&1").Succeeded();
        var state = World.StateOf("waiting");
        Assert.Multiple(() =>
        {
            Assert.That(state["status"]!.GetValue<string>(), Is.EqualTo("created"));
            Assert.That(state["id"]!.GetValue<string>(), Is.EqualTo("waiting"));
            Assert.That(state["bundle"]!.GetValue<string>(), Is.EqualTo(bundle));
            Assert.That(state["ociVersion"]!.GetValue<string>(), Does.StartWith("1."));
            Assert.That(Directory.Exists($"/proc/{state["pid"]}"));
            Assert.That(File.ReadAllText(World.Files + "/out"), Is.Empty);
        });
        Run("start", "waiting").Succeeded();
        Harness.World.Await(() => File.ReadAllText(World.Files + "/out") == "started\n", "the program has started");
        Assert.That(World.StatusOf("waiting"), Is.EqualTo("running"));
        Assert.That(Run("start", "waiting").Code, Is.Not.Zero);
        Assert.That(Run("delete", "waiting").Code, Is.Not.Zero, "delete of a running container");
        Run("kill", "waiting", "KILL").Succeeded();
        World.Await("waiting", "stopped");
        // A process that is ending still takes signals.
        Harness.World.Await(() => Run("kill", "waiting", "KILL").Code != 0, "kill of a stopped container fails");
        Assert.That(Run("start", "waiting").Code, Is.Not.Zero, "start of a stopped container");
        Run("delete", "waiting").Succeeded();
        Assert.That(Run("state", "waiting").Code, Is.Not.Zero);
        World.Shell($"$R create -b {bundle} waiting < /dev/null > out 2>&1").Succeeded();
    }

    [Test]
    public void An_id_is_taken_once_and_must_be_one()
    {
        StartSleeper("taken");
        Run("create", "-b", World.Bundle("true"), "taken").Failed(1, "exist");
        Assert.That(World.StatusOf("taken"), Is.EqualTo("running"));
        foreach (var id in (string[])["a/b", "..", "a b", ""]) Assert.That(Run("create", "-b", World.Bundle("true"), id).Code, Is.Not.Zero, id);
        foreach (var verb in (string[])["create", "start", "state", "kill", "delete"]) Assert.That(Run(verb).Code, Is.Not.Zero, verb);
        foreach (var verb in (string[])["start", "state", "kill", "delete"]) Assert.That(Run(verb, "nobody").Code, Is.Not.Zero, verb);
        Run("delete", "--force", "nobody").Succeeded();
    }

    [Test]
    public void Mounts_show_the_sources_of_the_configuration()
    {
        var sources = Run("run", "-b", World.Bundle("while read a b c d place rest; do echo $place ${rest##* - }; done < /proc/self/mountinfo", config =>
            config["mounts"]!.AsArray().Add(new JsonObject { ["destination"] = "/tmp", ["type"] = "tmpfs", ["source"] = "named" })), "sources").Succeeded().Lines;
        Assert.That(sources, Has.One.StartsWith("/proc proc proc "));
        Assert.That(sources, Has.One.StartsWith("/tmp tmpfs named "));
    }

    [TestCase(false)]
    [TestCase(true)]
    public void A_filter_may_refuse_what_only_the_runtime_calls(bool noNewPrivileges)
    {
        if (!World.IsOurs) Assert.Ignore("runc calls getcwd after it loads the filter");
        var bundle = World.Bundle("echo filtered", config =>
        {
            config["process"]!["noNewPrivileges"] = noNewPrivileges;
            config["annotations"] = new JsonObject { ["org.example.empty"] = "" };
            config["linux"]!["seccomp"] = new JsonObject
            {
                ["defaultAction"] = "SCMP_ACT_ALLOW",
                ["syscalls"] = new JsonArray(new JsonObject { ["names"] = new JsonArray("close_range", "getcwd"), ["action"] = "SCMP_ACT_ERRNO" }),
            };
        });
        Assert.That(Run("run", "-b", bundle, "filtered").Succeeded().Out, Is.EqualTo("filtered\n"));
    }

    [Test]
    public void A_container_that_waits_can_be_deleted()
    {
        World.Shell($"$R create -b {World.Bundle("true")} idle </dev/null >/dev/null 2>&1").Succeeded();
        var pid = World.StateOf("idle")["pid"]!.GetValue<int>();
        if (World.IsOurs)
        {
            // runc and crun delete it; the specification forbids that.
            Run("delete", "idle").Failed(1, "not stopped");
            Assert.That(World.StatusOf("idle"), Is.EqualTo("created"));
        }
        Run("delete", "--force", "idle").Succeeded();
        Harness.World.Await(() => !Directory.Exists($"/proc/{pid}"), "its process is gone");
    }

    [TestCase("TERM")]
    [TestCase("SIGTERM")]
    [TestCase("15")]
    public void Kill_takes_names_and_numbers(string signal)
    {
        StartSleeper("signalled");
        Run("kill", "signalled", signal).Succeeded();
        World.Await("signalled", "stopped");
    }

    [Test]
    public void What_is_edited_after_create_has_no_effect()
    {
        var bundle = World.Bundle("echo before", static config => config["annotations"] = new JsonObject { ["org.test"] = "x" });
        World.Shell($"$R create -b {bundle} edited </dev/null >out 2>&1 && sed -i s/before/after/ {bundle}/config.json && $R start edited").Succeeded();
        World.Await("edited", "stopped");
        Assert.That(File.ReadAllText(World.Files + "/out"), Is.EqualTo("before\n"));
        Assert.That(World.StateOf("edited")["annotations"]!["org.test"]!.GetValue<string>(), Is.EqualTo("x"));
    }

    [Test]
    public void The_pid_file_has_the_number_and_the_process_is_a_child_of_who_waits_for_orphans()
    {
        var script = $"$R create -b {World.Bundle("sleep 1000")} --pid-file pid child </dev/null >/dev/null 2>&1; awk '/^PPid/ {{ print $2 }}' /proc/$(cat pid)/status; od -c pid | tail -2 | head -1 | grep -c '\\\\n'";
        var lines = World.Shell(script).Lines;
        Assert.That(File.ReadAllText(World.Files + "/pid"), Is.EqualTo(World.StateOf("child")["pid"]!.ToString()));
        Assert.That(lines[^1], Is.EqualTo("0"), "no line end");
    }

    [Test]
    public void List_shows_the_containers()
    {
        StartSleeper("one");
        World.Shell($"$R create -b {World.Bundle("true")} two </dev/null >/dev/null 2>&1").Succeeded();
        var list = JsonNode.Parse(Run("list", "-f", "json").Succeeded().Out)!.AsArray();
        Assert.That(list.Select(static c => $"{c!["id"]} {c["status"]}"), Is.EquivalentTo(new[] { "one running", "two created" }));
        Assert.That(Run("list", "-q").Succeeded().Lines, Is.EqualTo(new[] { "one", "two" }));
        Assert.That(Run("list").Succeeded().Lines, Has.Length.EqualTo(3));
    }

    [TestCase("nosuch", "executable file not found in $PATH")]
    [TestCase("/nosuch", "no such file or directory")]
    [TestCase("/etc/passwd", "permission denied")]
    public void A_program_that_cannot_run_is_told_in_the_log(string program, string reason)
    {
        var bundle = World.Bundle("", config => config["process"]!["args"] = new JsonArray(program));
        var outcome = World.Shell($"$R --log log --log-format json run -b {bundle} broken </dev/null");
        Assert.That(outcome.Code, Is.Not.Zero);
        var last = JsonNode.Parse(File.ReadAllLines(World.Files + "/log")[^1])!;
        Assert.Multiple(() =>
        {
            Assert.That(last["level"]!.GetValue<string>(), Is.EqualTo("error"));
            Assert.That(last["msg"]!.GetValue<string>(), Does.Contain(reason));
            Assert.That(Run("state", "broken").Code, Is.Not.Zero, "nothing is left");
        });
        File.Delete(World.Files + "/log");
    }

    [Test]
    public void Descriptors_are_closed_but_those_that_are_asked_for()
    {
        var bundle = World.Bundle("ls /proc/self/fd; cat <&3");
        World.File("three", "content of three\n");
        Assert.That(World.Shell($"$R run -b {bundle} --preserve-fds 1 fds 3<three 4</dev/null 5</dev/null").Succeeded().Out, Does.Contain("content of three"));
        var lines = World.Shell($"$R run -b {World.Bundle("ls /proc/self/fd")} closed 3<three 7<three 9<three").Succeeded().Lines;
        // ls itself has the directory open.
        Assert.That(lines, Is.EqualTo(new[] { "0", "1", "2", "3" }));
    }

    [Test]
    public void Without_a_process_it_can_be_created_and_not_started()
    {
        if (!World.IsOurs) Assert.Ignore("runc and crun refuse it at once");
        World.Shell($"$R create -b {World.Bundle("", static config => config.Remove("process"))} idle </dev/null >/dev/null 2>&1").Succeeded();
        Run("start", "idle").Failed(1, "no process");
        Assert.That(World.StatusOf("idle"), Is.EqualTo("created"));
        Run("delete", "--force", "idle").Succeeded();
    }

    [TestCase("file:prefixed", "prefixed")]
    [TestCase("journald:name", null)]
    [TestCase("syslog:name", null)]
    public void The_log_may_be_named_as_for_crun(string log, string? file)
    {
        if (!World.IsOurs) Assert.Ignore("runc takes it for a path");
        var made = Directory.GetFileSystemEntries(World.Files).Length;
        Run("--log", log, "state", "nobody").Failed(1, "does not exist");
        Assert.That(Directory.GetFileSystemEntries(World.Files), Has.Length.EqualTo(file is null ? made : made + 1));
        if (file is not null) Assert.That(File.ReadAllText($"{World.Files}/{file}"), Does.Contain("does not exist"));
    }

    [Test]
    public void Capabilities_that_do_not_exist_are_warned_about_in_the_log()
    {
        var bundle = World.Bundle("echo runs", static config => config["process"]!["capabilities"]!["bounding"]!.AsArray().Add("CAP_NONSENSE"));
        Assert.That(World.Shell($"$R --log warned --log-format json run -b {bundle} warned </dev/null").Succeeded().Out, Is.EqualTo("runs\n"));
        var line = JsonNode.Parse(File.ReadAllLines(World.Files + "/warned")[0])!;
        Assert.That(line["level"]!.GetValue<string>(), Is.EqualTo("warning"));
        Assert.That(line["msg"]!.GetValue<string>(), Does.Contain("CAP_NONSENSE"));
    }

    [Test]
    public void A_container_whose_first_thread_has_ended_runs_and_can_be_killed()
    {
        var leader = Probe.Compile("leader", "#include <pthread.h>\n#include <unistd.h>\nstatic void *rest(void *none) { for (;;) pause(); }\nint main() { pthread_t thread; pthread_create(&thread, 0, rest, 0); pthread_exit(0); }");
        var bundle = World.Bundle("exec leader", config =>
            config["mounts"]!.AsArray().Add(new JsonObject { ["destination"] = "/bin/leader", ["source"] = leader, ["type"] = "bind", ["options"] = new JsonArray("bind") }));
        World.Shell($"$R run -d -b {bundle} leader </dev/null >/dev/null 2>&1").Succeeded();
        Harness.World.Await(() => JsonNode.Parse(Run("state", "leader").Out)!["pid"] is { } pid && File.ReadAllText($"/proc/{pid}/status").Contains("State:\tZ", StringComparison.Ordinal), "the first thread ends");
        Assert.That(World.StatusOf("leader"), Is.EqualTo("running"));
        Run("kill", "leader", "KILL").Succeeded();
        World.Await("leader", "stopped");
        Run("delete", "leader").Succeeded();
    }

    [Test]
    public void Sockets_of_a_manager_of_services_are_handed_on()
    {
        var bundle = World.Bundle("echo $LISTEN_FDS $LISTEN_PID; cat <&3; cat <&4; ls /proc/self/fd | wc -l");
        World.File("a", "first\n");
        World.File("b", "second\n");
        Assert.That(World.Shell($"LISTEN_FDS=2 $R run -b {bundle} listening 3<a 4<b 5</dev/null").Succeeded().Lines, Is.EqualTo(new[] { "2 1", "first", "second", "6" }));
    }

    [TestCase("$R create -b BUNDLE ready && $R start ready")]
    [TestCase("$R run -d -b BUNDLE ready")]
    [TestCase("$R run -b BUNDLE ready")]
    public void A_manager_of_services_is_told_when_the_program_is_ready(string command)
    {
        var bundle = World.Bundle("probe tell $NOTIFY_SOCKET STATUS=x; echo works; until test -e /go; do sleep 0.02; done; probe tell $NOTIFY_SOCKET \"$(printf 'READY=1\\nSTATUS=y')\"; exec sleep 1000", config =>
            config["mounts"]!.AsArray().Add(new JsonObject { ["destination"] = "/bin/probe", ["source"] = Probe.Program, ["type"] = "bind", ["options"] = new JsonArray("bind") }));
        var path = World.Files + "/manager.sock";
        File.Delete(World.Rootfs + "/go");
        using var manager = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { ReceiveTimeout = 10_000 };
        manager.Bind(new UnixDomainSocketEndPoint(path));
        try
        {
            using var session = World.StartShell($"export NOTIFY_SOCKET={path}; exec >{World.Files}/ready.out 2>&1 </dev/null; {command.Replace("BUNDLE", bundle, StringComparison.Ordinal)}");
            Harness.World.Await(() => File.Exists(World.Files + "/ready.out") && File.ReadAllText(World.Files + "/ready.out").Contains("works", StringComparison.Ordinal), "the program runs");
            Assert.That(session.HasEnded, Is.False);
            File.WriteAllText(World.Rootfs + "/go", "");
            var message = new byte[100];
            Assert.That(Encoding.UTF8.GetString(message, 0, manager.Receive(message)).Trim(), Is.EqualTo("READY=1"));
            Run("kill", "ready", "KILL").Succeeded();
            session.Wait();
        }
        finally
        {
            File.Delete(path);
            File.Delete(World.Rootfs + "/go");
        }
    }

    [TestCase("create", "process", "args", "[]")]
    [TestCase("create", "root", "path", "\"/no/such/rootfs\"")]
    [TestCase("create", "linux", "namespaces", "[{\"type\":\"network\",\"path\":\"/no/such/ns\"}]")]
    [TestCase("create", "linux", "cgroupsPath", "12")]
    public void What_cannot_be_created_leaves_nothing(string verb, string part, string name, string value)
    {
        var bundle = World.Bundle("true", config => config[part]![name] = JsonNode.Parse(value));
        Assert.That(Run(verb, "-b", bundle, "bad").Code, Is.Not.Zero);
        Assert.That(Run("state", "bad").Code, Is.Not.Zero);
        Assert.That(!Directory.Exists(World.State + "/bad"));
    }

    [Test]
    public void A_bundle_without_a_configuration_or_with_a_broken_one_is_refused()
    {
        Directory.CreateDirectory(World.Files + "/empty");
        Assert.That(Run("run", "-b", World.Files + "/empty", "none").Code, Is.Not.Zero);
        World.File("broken/config.json", "{\n  \"ociVersion\": \"1.0.2\",\n  \"process\": [\n");
        var outcome = Run("run", "-b", World.Files + "/broken", "none");
        Assert.That(outcome.Code, Is.Not.Zero);
        if (World.IsOurs) Assert.That(outcome.Err, Does.Contain("config.json:"));
    }

    [Test]
    public void Kill_minus_nine_at_any_moment_leaves_what_can_be_deleted()
    {
        var bundle = World.Bundle("sleep 1000");
        var random = new Random(7);
        for (var i = 0; i < 30; i++)
        {
            World.Shell($"$R create -b {bundle} crashed </dev/null >/dev/null 2>&1 & p=$!; sleep 0.0{random.Next(0, 60):00}; kill -9 $p 2>/dev/null; wait $p 2>/dev/null; true");
            if (Directory.Exists(World.State + "/crashed"))
            {
                if (World.IsOurs) Assert.That(World.StatusOf("crashed"), Is.EqualTo("created").Or.EqualTo("stopped").Or.EqualTo("creating"));
                Run("delete", "--force", "crashed");
            }
            Assert.That(!Directory.Exists(World.State + "/crashed"), "deleted");
        }
    }

    [Test]
    public void Without_a_mount_namespace_its_mounts_are_the_hosts_until_it_is_deleted()
    {
        if (!World.IsOurs) Assert.Ignore("runc leaves them where they are");
        var bundle = World.Bundle("grep -c ' / /' /proc/self/mountinfo; touch /x; exec sleep 1000", static config =>
        {
            RemoveNamespace(config, "mount");
            config["root"]!["readonly"] = true;
            config["linux"]!.AsObject().Remove("maskedPaths");
            config["linux"]!.AsObject().Remove("readonlyPaths");
        });
        var before = File.ReadAllText("/proc/self/mountinfo");
        World.Shell($"$R create -b {bundle} shared </dev/null >out 2>&1 && $R start shared").Succeeded();
        Harness.World.Await(() => File.ReadAllText(World.Files + "/out").Contains("Read-only file system", StringComparison.Ordinal), "it runs");
        var mounts = World.Shell("cat /proc/self/mountinfo").Out;
        Assert.That(mounts, Does.Contain($" {World.Rootfs}/proc ").And.Contain($" {World.Rootfs}/dev "));
        Run("delete", "--force", "shared").Succeeded();
        Assert.That(World.Shell("cat /proc/self/mountinfo").Out, Does.Not.Contain(World.Rootfs));
        Assert.That(File.ReadAllText("/proc/self/mountinfo"), Is.EqualTo(before));
        Assert.That(Run("create", "-b", World.Bundle("true", static config => RemoveNamespace(config, "mount")), "masked").Err, Does.Contain("masked paths need a mount namespace"));
    }

    [Test]
    public void A_container_whose_configuration_was_torn_by_a_power_cut_can_be_deleted()
    {
        if (!World.IsOurs) Assert.Ignore("the file is ours");
        World.Shell($"$R create -b {World.Bundle("true")} torn </dev/null >/dev/null 2>&1").Succeeded();
        File.WriteAllText($"{World.State}/torn/config.json", "{\"annot");
        Run("list").Succeeded();
        Assert.That(Run("start", "torn").Code, Is.Not.Zero);
        Assert.That(Run("delete", "--force", "torn").Succeeded().Err, Does.Contain("poststop hooks are not run"));
    }

    [TestCase("run -b {0} crashed")]
    [TestCase("run -d -b {0} crashed")]
    [TestCase("start crashed")]
    [TestCase("delete --force crashed")]
    public void Any_command_can_be_killed(string command)
    {
        var bundle = World.Bundle("sleep 1000");
        var random = new Random(11);
        for (var i = 0; i < 15; i++)
        {
            if (!command.StartsWith("run", StringComparison.Ordinal)) World.Shell($"$R create -b {bundle} crashed </dev/null >/dev/null 2>&1").Succeeded();
            World.Shell($"$R {string.Format(command, bundle)} </dev/null >/dev/null 2>&1 & p=$!; sleep 0.0{random.Next(0, 40):00}; kill -9 $p 2>/dev/null; wait $p 2>/dev/null; true");
            Run("list").Succeeded();
            Run("delete", "--force", "crashed").Succeeded();
            Assert.That(!Directory.Exists(World.State + "/crashed"), "deleted");
        }
    }

    internal static void RemoveNamespace(JsonObject config, string type)
    {
        var namespaces = config["linux"]!["namespaces"]!.AsArray();
        namespaces.Remove(namespaces.Single(ns => ns!["type"]!.GetValue<string>() == type));
    }
}
