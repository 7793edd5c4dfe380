using System.Text.Json.Nodes;
using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests.Bundles;

/// <summary>What the runtime does with a container's cgroup. Limits of all kinds are tested in a virtual machine.</summary>
public sealed class ResourceTests : BundleTest
{
    [Test]
    public void A_container_can_be_paused_and_resumed()
    {
        StartSleeper("paused");
        Run("pause", "paused").Succeeded();
        Assert.Multiple(() =>
        {
            Assert.That(World.StatusOf("paused"), Is.EqualTo("paused"));
            Assert.That(Run("delete", "paused").Code, Is.Not.Zero);
            Assert.That(World.Shell("timeout 5 $R exec paused true </dev/null").Code, Is.Not.Zero);
        });
        Run("resume", "paused").Succeeded();
        Assert.That(World.StatusOf("paused"), Is.EqualTo("running"));
        Assert.That(Run("resume", "paused").Code, Is.Not.Zero);
        World.Shell("$R exec paused true </dev/null").Succeeded();
    }

    [Test]
    public void A_paused_container_can_be_killed()
    {
        StartSleeper("frozen");
        Run("pause", "frozen").Succeeded();
        Run("kill", "frozen", "KILL").Succeeded();
        World.Await("frozen", "stopped");
    }

    [Test]
    public void All_processes_are_listed_and_killed()
    {
        StartSleeper("many", static config => LifecycleTests.RemoveNamespace(config, "pid"));
        World.Shell("$R exec -d many sleep 1000 </dev/null >/dev/null 2>&1").Succeeded();
        var pids = JsonNode.Parse(Run("ps", "-f", "json", "many").Succeeded().Out)!.AsArray().Select(static pid => (int)pid!).ToList();
        Assert.That(pids, Does.Contain((int)World.StateOf("many")["pid"]!).And.Count.GreaterThanOrEqualTo(3));
        Assert.That(Run("ps", "many").Succeeded().Lines, Has.Length.EqualTo(pids.Count + 1));
        Run("kill", "--all", "many", "KILL").Succeeded();
        Harness.World.Await(() => pids.TrueForAll(static pid => !Directory.Exists($"/proc/{pid}") || File.ReadAllText($"/proc/{pid}/stat").Contains(") Z ", StringComparison.Ordinal)), "all are gone");
    }

    [Test]
    public void Statistics_and_limits_are_those_of_its_cgroup()
    {
        StartSleeper("counted", static config => config["linux"]!["cgroupsPath"] = "/counted-path");
        Assert.That(World.Cgroups, Has.Some.EndsWith("/counted-path"));
        var stats = JsonNode.Parse(Run("events", "--stats", "counted").Succeeded().Out)!;
        Assert.That((stats["type"]!.GetValue<string>(), stats["id"]!.GetValue<string>()), Is.EqualTo(("stats", "counted")));
        Assert.That(stats["data"]!["cpu"]!["usage"]!["total"]!.GetValue<long>(), Is.Positive);
        var outcome = World.Shell("echo '{\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":4194304}]}' | $R update --resources - counted");
        var file = $"{World.Cgroups.Single(static path => path.EndsWith("/counted-path", StringComparison.Ordinal))}/hugetlb.2MB.max";
        Assert.That(outcome.Code == 0, Is.EqualTo(File.Exists(file)), "a limit that nobody can keep is refused");
        if (File.Exists(file)) Assert.That(File.ReadAllText(file), Is.EqualTo("4194304\n"));
    }
}
