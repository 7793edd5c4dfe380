using System.Text.Json.Nodes;
using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests.Bundles;

/// <summary>What engines read back of the command line, and what only few of them ask for.</summary>
public sealed class CommandLineTests : BundleTest
{
    [Test]
    public void The_version_is_told_in_the_lines_that_engines_read()
    {
        var lines = Run("--version").Succeeded().Lines;
        Assert.That(lines[0], Does.Match($"^{(World.Runtime.EndsWith("crun", StringComparison.Ordinal) ? "crun" : "runc")} version [0-9]+\\.[0-9]+"));
        Assert.That(lines, Has.Some.Match("^commit: .").And.Some.Match("^spec: 1\\.[0-9]+\\.[0-9]+"));
    }

    [Test]
    public void The_bundle_may_be_named_by_a_link_and_its_state_has_an_absolute_path()
    {
        World.Shell($"ln -s {World.Bundle("sleep 1000")} link && $R create -b link linked </dev/null >/dev/null 2>&1").Succeeded();
        var bundle = World.StateOf("linked")["bundle"]!.GetValue<string>();
        Assert.That(Path.IsPathRooted(bundle) && File.Exists(bundle + "/config.json"), bundle);
    }

    [Test]
    public void Engines_see_in_the_words_of_kill_that_a_container_has_ended()
    {
        World.Shell($"$R create -b {World.Bundle("true")} ended </dev/null >/dev/null 2>&1 && $R start ended").Succeeded();
        World.Await("ended", "stopped");
        Outcome outcome = null!;
        // A process that is ending still takes signals.
        Harness.World.Await(() => (outcome = Run("kill", "ended", "9")).Code != 0, "kill of an ended container fails");
        Assert.That(outcome.Err, Does.Contain("container not running").Or.Contain("process already finished").Or.Contain("no such process").IgnoreCase);
        Assert.That(Run("kill", "nobody", "9").Err, Does.Contain("does not exist"));
    }

    [TestCase("auto")]
    [TestCase("true")]
    [TestCase("false")]
    public void It_may_be_said_whether_the_user_is_root(string value) =>
        Assert.That(World.Shell($"$R --rootless={value} list -q").Succeeded().Out, Is.Empty);

    [Test]
    public void Procfs_takes_its_options()
    {
        static void Edit(JsonObject config)
        {
            var mount = config["mounts"]!.AsArray().Single(static m => m!["destination"]!.GetValue<string>() == "/proc")!.AsObject();
            mount["options"] = new JsonArray("hidepid=2", "subset=pid", "nosuid");
            // With the processes alone there is nothing to mask.
            config["linux"]!.AsObject().Remove("maskedPaths");
            config["linux"]!.AsObject().Remove("readonlyPaths");
        }
        var lines = World.Shell($"$R run -b {World.Bundle("grep '^proc /proc ' /proc/self/mounts; ls /proc/1/status; ls -d /proc/cpuinfo", Edit)} proc").Lines;
        Assert.That(lines[0], Does.Match("nosuid.*hidepid=(2|invisible).*subset=pid"));
        Assert.That(lines[1..], Is.EqualTo((string[])["/proc/1/status"]));
    }
}
