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
        Assert.That(lines[0], Does.Match($"^{(World.IsCrun ? "crun" : "runc")} version [0-9]+\\.[0-9]+"));
        Assert.That(lines, Has.Some.Match("^commit: .").And.Some.Match("^spec: 1\\.[0-9]+\\.[0-9]+"));
    }

    [TestCase("-V")]
    [TestCase("-v")]
    public void The_version_has_letters(string letter)
    {
        if (letter == "-V" && !World.IsOurs && !World.IsCrun) Assert.Ignore("it is crun's");
        Assert.That(Run(letter).Succeeded().Out, Is.EqualTo(Run("--version").Out));
    }

    [Test]
    public void A_configuration_to_start_from_may_have_another_name()
    {
        if (!World.IsOurs && !World.IsCrun) Assert.Ignore("runc has no such option");
        Directory.CreateDirectory(World.Files + "/named");
        Run("spec", "-b", World.Files + "/named", "--file", "other.json").Succeeded();
        Assert.That(JsonNode.Parse(File.ReadAllText(World.Files + "/named/other.json"))!["ociVersion"], Is.Not.Null);
        // crun writes over it.
        if (World.IsOurs) Run("spec", "-b", World.Files + "/named", "-f", "other.json").Failed(1, "file other.json exists");
    }

    [Test]
    public void Creation_takes_the_word_of_crun_for_orphans()
    {
        if (!World.IsOurs && !World.IsCrun) Assert.Ignore("it is crun's");
        World.Shell($"$R create --no-subreaper -b {World.Bundle("true")} orphans </dev/null >/dev/null 2>&1").Succeeded();
    }

    [TestCase("--l3-cache-schema", "L3:0=f")]
    [TestCase("--mem-bw-schema", "MB:0=50")]
    public void Shares_of_the_processor_are_refused_where_it_has_none_to_give(string option, string value)
    {
        if (World.IsCrun) Assert.Ignore("crun 1.8 has no such options");
        if (Directory.Exists("/sys/fs/resctrl/info")) Assert.Ignore("this host has resctrl");
        StartSleeper("shared");
        var outcome = Run("update", option, value, "shared");
        Assert.That(outcome.Code, Is.Not.Zero);
        if (World.IsOurs) Assert.That(outcome.Err, Does.Contain("resctrl is not mounted"));
    }

    [TestCase("exec --process", 255)]
    [TestCase("update --resources", 1)]
    public void A_file_that_is_not_there_is_named(string command, int code)
    {
        StartSleeper("reading");
        var outcome = Run([.. command.Split(' '), "/no/such/file", "reading"]);
        Assert.That(outcome.Code, World.IsOurs ? Is.EqualTo(code) : Is.Not.Zero);
        Assert.That(outcome.Err, Does.Contain("/no/such/file").And.Contain("no such file or directory").IgnoreCase);
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
        Assert.That(Run("kill", "nobody", "9").Err, Does.Contain(World.IsCrun ? "No such file or directory" : "does not exist"));
    }

    [TestCase("auto")]
    [TestCase("true")]
    [TestCase("false")]
    public void It_may_be_said_whether_the_user_is_root(string value) =>
        Assert.That(World.Shell($"$R --rootless={value} list -q").Succeeded().Out, Is.Empty);

    [Test]
    public void What_says_neither_is_refused()
    {
        if (!World.IsOurs) Assert.Ignore("runc and crun look at it later, or never");
        World.Shell("$R --rootless=maybe list -q").Failed(1, "invalid argument \"maybe\" for \"--rootless\" flag: must be one of auto, true, false");
    }

    [Test]
    public void Several_containers_are_named_by_a_regular_expression()
    {
        if (!World.IsOurs && !World.IsCrun) Assert.Ignore("runc has none");
        StartSleeper("web-1");
        StartSleeper("web-2");
        StartSleeper("db.1");
        Run("kill", "--regex", "^none$", "KILL").Succeeded();
        Run("kill", "-r", "b-[0-9]+$", "KILL").Succeeded();
        World.Await("web-1", "stopped");
        World.Await("web-2", "stopped");
        Assert.That(World.StatusOf("db.1"), Is.EqualTo("running"));
        // One that runs is not deleted, and is no failure.
        Assert.That(Run("delete", "--regex", "[12]").Succeeded().Err, Does.Contain("db.1"));
        Assert.That(Run("list", "-q").Lines, Is.EqualTo((string[])["db.1"]));
        Run("delete", "--force", "-r", "^(db|web)").Succeeded();
        Assert.That(Run("list", "-q").Out, Is.Empty);
        if (World.IsOurs) Run("delete", "--regex", "(").Failed(1, "no regular expression");
    }

    [TestCase("kill asked 0")]
    [TestCase("kill --all asked 0")]
    public void Signal_0_only_asks_whether_a_container_is_there(string command)
    {
        StartSleeper("asked");
        Run(command.Split(' ')).Succeeded();
        Assert.That(World.StatusOf("asked"), Is.EqualTo("running"));
        Run("kill", "asked", "KILL").Succeeded();
        World.Await("asked", "stopped");
        if (!command.Contains("--all", StringComparison.Ordinal)) Assert.That(Run(command.Split(' ')).Code, Is.Not.Zero);
    }

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
