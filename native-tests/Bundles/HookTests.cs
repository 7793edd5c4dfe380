using System.Text.Json.Nodes;
using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests.Bundles;

/// <summary>Hooks: the order, the namespaces, the state, and what their failure does.</summary>
public sealed class HookTests : BundleTest
{
    private static readonly string[] Kinds = ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"];

    private JsonObject Hook(string script, int? timeout = null)
    {
        var hook = new JsonObject { ["path"] = "/bin/sh", ["args"] = new JsonArray("sh", "-c", script), ["env"] = new JsonArray("PATH=/bin:/usr/bin", "HOOK=yes") };
        if (timeout is not null) hook["timeout"] = timeout;
        return hook;
    }

    // /log is a directory that both the host and the container see.
    private string Bundle(string script, Func<string, JsonObject?> hookOf)
    {
        Directory.CreateDirectory(World.Files + "/log");
        File.WriteAllText(World.Files + "/log/log", "");
        return World.Bundle(script, config =>
        {
            var hooks = new JsonObject();
            foreach (var kind in Kinds)
            {
                if (hookOf(kind) is { } hook) hooks[kind] = new JsonArray(hook);
            }
            config["hooks"] = hooks;
            config["mounts"]!.AsArray().Add(new JsonObject
            {
                ["destination"] = World.Files + "/log",
                ["source"] = World.Files + "/log",
                ["options"] = new JsonArray("bind", "rw"),
            });
        });
    }

    private string Log => World.Files + "/log/log";

    [Test]
    public void They_run_in_order_with_the_state_on_their_input()
    {
        var bundle = Bundle($"echo program >> {Log}", kind => Hook($"echo {kind} $HOOK $(cat) >> {Log}"));
        World.Shell($"$R create -b {bundle} hooked </dev/null >/dev/null 2>&1 && $R start hooked").Succeeded();
        World.Await("hooked", "stopped");
        Run("delete", "hooked").Succeeded();
        var lines = File.ReadAllLines(Log);
        var order = lines.Select(static line => line.Split(' ')[0]).ToList();
        // The program and poststart run side by side; runc does not wait for startContainer either.
        var expected = World.IsOurs ? Kinds : [.. order.Where(static word => word is "startContainer" or "poststart")];
        Assert.That(order.Where(word => expected.Contains(word)), Is.EqualTo(expected));
        Assert.That(order.IndexOf("program"), Is.GreaterThan(order.IndexOf("startContainer")).And.LessThan(order.IndexOf("poststop")));
        foreach (var line in lines)
        {
            if (line == "program") continue;
            var words = line.Split(' ', 3);
            Assert.That(words[1], Is.EqualTo("yes"), line);
            var state = JsonNode.Parse(words[2])!;
            Assert.That(state["id"]!.GetValue<string>(), Is.EqualTo("hooked"));
            Assert.That(state["bundle"]!.GetValue<string>(), Is.EqualTo(bundle));
            Assert.That(state["status"]!.GetValue<string>(), words[0] switch
            {
                "poststart" => Is.EqualTo("running"),
                "poststop" => Is.EqualTo("stopped"),
                _ => Is.EqualTo("created").Or.EqualTo("creating"),
            }, words[0]);
        }
    }

    [Test]
    public void They_run_in_the_namespaces_of_the_specification()
    {
        var bundle = Bundle("true", kind => Hook($"echo {kind} $(readlink /proc/self/ns/uts) >> {Log}"));
        World.Shell($"readlink /proc/self/ns/uts > host; $R create -b {bundle} spaces </dev/null >/dev/null 2>&1 && $R start spaces").Succeeded();
        World.Await("spaces", "stopped");
        Run("delete", "spaces").Succeeded();
        var host = File.ReadAllText(World.Files + "/host").Trim();
        foreach (var line in File.ReadAllLines(Log))
        {
            var words = line.Split(' ');
            Assert.That(words[1] == host, Is.EqualTo(words[0] is not ("createContainer" or "startContainer")), line);
        }
    }

    [TestCase("prestart")]
    [TestCase("createRuntime")]
    [TestCase("createContainer")]
    public void A_failure_of_an_early_one_ends_the_creation(string failing)
    {
        var bundle = Bundle("true", kind => kind == failing ? Hook("echo the reason >&2; exit 3") : kind == "poststop" ? Hook($"echo poststop >> {Log}") : null);
        var outcome = Run("create", "-b", bundle, "failed");
        Assert.That(outcome.Code, Is.Not.Zero);
        Assert.That(Run("state", "failed").Code, Is.Not.Zero);
        if (World.IsOurs)
        {
            Assert.That(outcome.Err, Does.Contain(failing));
            Assert.That(outcome.Err, Does.Contain("the reason").And.Contain("exit status 3"));
            Assert.That(File.ReadAllText(Log), Is.EqualTo("poststop\n"));
        }
    }

    [Test]
    public void A_failure_at_the_start_ends_the_container()
    {
        var bundle = Bundle($"echo program >> {Log}", kind => kind == "startContainer" ? Hook("exit 1") : null);
        World.Shell($"$R create -b {bundle} unstarted </dev/null >/dev/null 2>&1").Succeeded();
        // runc's start does not wait for the hook.
        var code = Run("start", "unstarted").Code;
        if (World.IsOurs) Assert.That(code, Is.Not.Zero);
        World.Await("unstarted", "stopped");
        Assert.That(File.ReadAllText(Log), Is.Empty);
    }

    [Test]
    public void One_that_takes_too_long_is_ended()
    {
        var bundle = Bundle("true", kind => kind == "createRuntime" ? Hook("exec sleep 1000", timeout: 1) : null);
        Assert.That(Run("create", "-b", bundle, "slow").Code, Is.Not.Zero);
    }

    [Test]
    public void Those_of_the_container_are_in_its_cgroups_and_print_what_they_want()
    {
        var bundle = Bundle("exec sleep 1000", kind => kind is "createContainer" or "startContainer"
            ? Hook($"(echo {kind}; cat /proc/self/cgroup) >> {Log}; head -c 300000000 /dev/zero; sleep 1000 &") : null);
        World.Shell($"$R create -b {bundle} talkative </dev/null >/dev/null 2>&1 && $R start talkative").Succeeded();
        var groups = File.ReadAllText(Log).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Run("delete", "--force", "talkative").Succeeded();
        Assert.That(groups, Does.Contain("createContainer").And.Contain("startContainer"));
        Assert.That(groups.Where(static line => line.Contains(':')).Distinct().All(static line => line.EndsWith(":/", StringComparison.Ordinal) || line.Contains("talkative", StringComparison.Ordinal)), string.Join('\n', groups));
    }

    [Test]
    public void A_failure_after_the_end_is_only_a_warning()
    {
        if (!World.IsOurs) Assert.Ignore("runc and crun take it for an error");
        var bundle = Bundle("true", kind => kind == "poststop" ? Hook("exit 1") : null);
        Run("run", "-b", bundle, "after").Succeeded();
        Assert.That(Run("state", "after").Code, Is.Not.Zero);
    }

    [TestCase("1.0.2", true)]
    [TestCase("1.2.1", true)]
    [TestCase("1.3.0", false)]
    public void A_failure_after_the_start_is_a_warning_up_to_version_1_2(string version, bool isWarning)
    {
        if (!World.IsOurs) Assert.Ignore("runc takes it for an error at every version");
        var bundle = Bundle("exec sleep 1000", kind => kind == "poststart" ? Hook("exit 1") : null);
        var path = bundle + "/config.json";
        var config = JsonNode.Parse(File.ReadAllText(path))!;
        config["ociVersion"] = version;
        config["hooks"]!["poststart"]!.AsArray().Add(Hook($"echo second >> {Log}"));
        File.WriteAllText(path, config.ToJsonString());
        World.Shell($"$R create -b {bundle} later </dev/null >/dev/null 2>&1").Succeeded();
        Assert.That(Run("start", "later").Code == 0, Is.EqualTo(isWarning));
        Assert.That(World.StatusOf("later"), Is.EqualTo(isWarning ? "running" : "stopped"));
        Assert.That(File.ReadAllText(Log), Is.EqualTo(isWarning ? "second\n" : ""));
        Run("delete", "--force", "later").Succeeded();
    }
}
