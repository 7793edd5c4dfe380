using System.Diagnostics;
using System.Security.Cryptography;
using CrunSharp.Kernel.Processes;
using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests.Registries;

/// <summary>Pulls and pushes that are killed at random moments, and what works on the store beside them.</summary>
public sealed class KilledTransferTests : NativeTest
{
    private TestRegistry _registry = null!;

    private string Name => $"{_registry.Host}/team/made";

    [OneTimeSetUp]
    public void FillRegistry()
    {
        _registry = new TestRegistry(World, 5120);
        File.WriteAllBytes($"{World.Files}/noise", RandomNumberGenerator.GetBytes(5 << 20));
        World.File("Dockerfile", "FROM busybox\nCOPY noise /noise\nRUN head -c 1500000 /noise > /part; echo three > /c\nRUN mkdir /many; for i in $(seq 200); do echo $i > /many/$i; done\nCMD [\"cat\", \"/c\"]\n");
        Run("build", "-q", "--network", "none", "-t", Name, ".").Succeeded();
        Run("push", "-q", Name).Succeeded();
        RemoveMade();
    }

    [OneTimeTearDown]
    public void EndRegistry() => _registry.Dispose();

    [Test]
    public void Pulls_that_are_killed_leave_a_store_that_is_right()
    {
        var longest = Milliseconds(() => Run("pull", "-q", Name).Succeeded());
        var resumed = 0;
        for (var round = 0; round < 25; round++)
        {
            // What the last one left is gone every second time only.
            RemoveMade();
            if (round % 2 == 0) Run("system", "prune", "-f").Succeeded();
            var moment = Kill(longest, "pull", "-q", Name);
            AssertRight(moment);
            resumed += Directory.GetFiles($"{World.Root}/tmp", "partial-*").Length;
            Run("pull", "-q", Name).Succeeded();
            AssertRight(moment);
            Assert.That(Directory.GetFileSystemEntries($"{World.Root}/tmp"), Is.Empty, moment);
        }
        Assert.That(Run("run", "--rm", "--network", "none", Name).Succeeded().Out, Is.EqualTo("three\n"));
        TestContext.Out.WriteLine($"a pull takes {longest} ms; {resumed} layers were gone on with");
        RemoveMade();
    }

    [Test]
    public void Pushes_that_are_killed_leave_a_store_that_is_right_and_are_done_again()
    {
        Run("pull", "-q", Name).Succeeded();
        var digest = World.Inspect(Name, "{{index .RepoDigests 0}}").Split('@')[1];
        Run("tag", Name, $"{_registry.Host}/first").Succeeded();
        var longest = Milliseconds(() => Run("push", "-q", $"{_registry.Host}/first").Succeeded());
        for (var round = 0; round < 25; round++)
        {
            var target = $"{_registry.Host}/round{round}";
            Run("tag", Name, target).Succeeded();
            var moment = Kill(longest, "push", "-q", target);
            AssertRight(moment);
            Assert.That(Run("push", target).Succeeded().Out, Does.Contain(digest), moment);
            Assert.That(Directory.GetFileSystemEntries($"{World.Root}/tmp"), Is.Empty, moment);
        }
        RemoveMade();
    }

    [Test]
    public void Prunes_and_checks_beside_pulls_harm_nothing()
    {
        Run("pull", "-q", Name).Succeeded();
        var outcome = World.Shell($$"""
            for name in a b; do $C tag {{Name}} {{_registry.Host}}/$name/made; $C push -q {{_registry.Host}}/$name/made; done > /dev/null
            $C rmi -f $($C images -q --no-trunc {{Name}}) > /dev/null
            # The same image under two names: who removes the one must not harm who brings the other.
            pulls() {
              for i in 1 2 3 4 5 6 7 8 9 10; do
                $C pull -q {{_registry.Host}}/$1/made > /dev/null || echo pull $1.$i failed
                $C run --rm --network none --pull never {{_registry.Host}}/$1/made > /dev/null || echo run $1.$i failed
                $C rmi {{_registry.Host}}/$1/made > /dev/null || echo rmi $1.$i failed
              done
            }
            pulls a & one=$!
            pulls b & other=$!
            while kill -0 $one 2> /dev/null || kill -0 $other 2> /dev/null; do
              $C system prune -f > /dev/null || echo prune failed
              $C system check > check.out || { echo check failed; cat check.out; }
              $C system df > /dev/null || echo df failed
            done
            wait
            $C pull -q {{Name}} > /dev/null && $C run --rm --network none {{Name}}
            """).Succeeded();
        Assert.That(outcome.Out, Is.EqualTo("three\n"), outcome.ToString());
        RemoveMade();
        Run("system", "prune", "-f").Succeeded();
        Assert.That(Run("system", "check").Succeeded().Line, Does.EndWith("all right"));
    }

    [Test]
    public void Prunes_beside_builds_harm_nothing()
    {
        var outcome = World.Shell("""
            for i in 1 2 3 4 5; do
              printf 'FROM busybox AS one\nRUN echo %s > /made\nFROM busybox\nCOPY --from=one /made /made\nRUN echo more%s > /more\n' $i $i | $C build -q --network none -t built$i - > /dev/null || echo build $i failed
              $C run --rm --network none built$i cat /made | grep -qx $i || echo run $i failed
              [ $i -gt 2 ] && $C rmi built$i > /dev/null
            done &
            work=$!
            while kill -0 $work 2> /dev/null; do $C system prune -f > /dev/null || echo prune failed; $C image prune -f > /dev/null || echo image prune failed; done
            wait $work
            $C system check
            """).Succeeded();
        Assert.That(outcome.Lines, Has.Length.EqualTo(1), outcome.Out);
        Assert.That(outcome.Line, Does.Contain("all right"));
        RemoveMade();
    }

    [Test]
    public void Rmi_frees_what_a_pull_took_and_df_tells_the_same_as_du()
    {
        Run("system", "prune", "-af").Succeeded();
        World.ImportBusybox();
        var before = Used();
        Run("pull", "-q", Name).Succeeded();
        AssertDfIsDu();
        Assert.That(Used() - before, Is.GreaterThan(4_000_000));
        // What is left of a pull counts as well.
        File.WriteAllBytes($"{World.Root}/tmp/partial-{new string('a', 64)}", new byte[1_000_000]);
        AssertDfIsDu();
        RemoveMade();
        Assert.That(Run("system", "prune", "-f").Succeeded().Line, Is.EqualTo("Total reclaimed space: 1MB"));
        Assert.That(Used(), Is.EqualTo(before).Within(20_000));
        AssertDfIsDu();
    }

    private long Used() => long.Parse(World.Shell("cd $CRUN_SHARP_ROOT && du -cs --block-size=1 blobs layers images names tmp").Succeeded().Lines[^1].Split('\t')[0]);

    private void AssertDfIsDu()
    {
        var size = Run("system", "df", "--format", "{{.Type}} {{.Size}}").Succeeded().Lines.Single(static line => line.StartsWith("Images ", StringComparison.Ordinal))["Images ".Length..];
        var unit = size.IndexOfAny([.. "BkMG"]);
        var bytes = double.Parse(size[..unit], System.Globalization.CultureInfo.InvariantCulture) * size[unit] switch { 'k' => 1e3, 'M' => 1e6, 'G' => 1e9, _ => 1 };
        Assert.That(bytes, Is.EqualTo(Used()).Within(1).Percent);
    }

    private string Kill(long longest, params string[] command)
    {
        var moment = Random.Shared.Next((int)longest + 1);
        using var session = World.Start(command);
        for (var clock = Stopwatch.StartNew(); clock.ElapsedMilliseconds < moment && !session.HasEnded;) Thread.Yield();
        session.Send(Signal.SIGKILL);
        session.Wait();
        return $"{command[0]} killed after {moment} of {longest} ms";
    }

    private void AssertRight(string moment)
    {
        var check = Run("system", "check");
        Assert.That((check.Code, check.Out), Is.EqualTo((0, check.Out)), $"{moment}\n{check}");
        Assert.That(check.Lines[^1], Does.Contain("all right"), moment);
    }

    private void RemoveMade()
    {
        foreach (var id in Run("images", "-q", "--no-trunc").Succeeded().Lines.Distinct())
            if (id != World.Inspect("busybox", "{{.Id}}")) Run("rmi", "-f", id).Succeeded();
    }

    private static long Milliseconds(Action action)
    {
        var clock = Stopwatch.StartNew();
        action();
        return Math.Max(clock.ElapsedMilliseconds, 20);
    }
}
