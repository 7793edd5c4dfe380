using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests;

/// <summary><c>ps</c>.</summary>
public sealed class PsTests : NativeTest
{
    [Test]
    public void Only_running_ones_are_listed_without_a()
    {
        StartSleeper("runs");
        Run("run", "--name", "ended", "--network", "none", "busybox", "true").Succeeded();
        Assert.Multiple(() =>
        {
            Assert.That(Run("ps", "--format", "{{.Names}}").Lines, Is.EqualTo((string[])["runs"]));
            Assert.That(Run("ps", "-a", "--format", "{{.Names}}").Lines, Is.EqualTo((string[])["ended", "runs"]), "the newest first");
            Assert.That(Run("ps", "-aq", "--no-trunc").Lines, Has.All.Match("^[0-9a-f]{64}$"));
            Assert.That(Run("ps", "-aq").Lines, Has.All.Match("^[0-9a-f]{12}$"));
        });
    }

    [Test]
    public void Its_table_is_dockers()
    {
        var id = StartSleeper("web");
        var lines = Run("ps").Lines;
        Assert.Multiple(() =>
        {
            Assert.That(lines[0], Does.Match("^CONTAINER ID +IMAGE +COMMAND +CREATED +STATUS +PORTS +NAMES$"));
            Assert.That(lines[1], Does.Match($"^{id[..12]} +busybox +\"sh -c 'trap 'exit 0'.*…\" +.* ago +Up .* +web$").Or.Match($"^{id[..12]} +busybox +\"sh -c .*…\" +.* ago +Up .* +web$"));
        });
    }

    [TestCase("status=exited", "ended failed")]
    [TestCase("exited=3", "failed")]
    [TestCase("name=end", "ended")]
    [TestCase("name=^ende$", "")]
    [TestCase("label=tier=front", "runs")]
    [TestCase("ancestor=busybox", "ended failed runs")]
    [TestCase("network=none", "ended failed runs")]
    public void Filters_choose(string filter, string names)
    {
        StartSleeper("runs", "-l", "tier=front");
        Run("run", "--name", "ended", "--network", "none", "busybox", "true").Succeeded();
        Run("run", "--name", "failed", "--network", "none", "busybox", "sh", "-c", "exit 3");
        Assert.That(Run("ps", "-a", "--filter", filter, "--format", "{{.Names}}").Lines.Order(), Is.EqualTo(names.Split(' ', StringSplitOptions.RemoveEmptyEntries)));
    }

    [Test]
    public void It_does_not_disturb_containers_that_start()
    {
        using var asking = World.StartShell("while [ ! -e stop ]; do $C ps -a >/dev/null; done");
        var codes = Enumerable.Range(0, 20).Select(i => Run("run", "--rm", "--network", "none", "busybox", "true").ToString()).ToList();
        World.File("stop", "");
        asking.Wait();
        Assert.That(codes, Has.All.Contain("-> 0"));
    }
}
