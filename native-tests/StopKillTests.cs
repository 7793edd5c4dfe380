using System.Diagnostics;
using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests;

/// <summary><c>stop</c>, <c>kill</c>, <c>wait</c>.</summary>
public sealed class StopKillTests : NativeTest
{
    private string StatusOf(string name) => Run("ps", "-a", "--filter", $"name=^{name}$", "--format", "{{.Status}}").Line;

    // Says that it is up only once its trap is set.
    private void StartTrapped(string name, string trap, params string[] options)
    {
        Run(["run", "-d", "--name", name, "--network", "none", .. options, "busybox", "sh", "-c", $"{trap}; echo up; while :; do sleep 0.05; done"]).Succeeded();
        World.Await(() => Run("logs", name).Out.Contains("up\n", StringComparison.Ordinal), "it is up");
    }

    [Test]
    public void Stop_asks_with_SIGTERM_and_waits_for_the_end()
    {
        StartTrapped("polite", "trap 'sleep 0.3; echo bye; exit 3' TERM");
        Assert.That(Run("stop", "polite").Succeeded().Out, Is.EqualTo("polite\n"));
        Assert.That((StatusOf("polite")[..11], Run("logs", "polite").Out), Is.EqualTo(("Exited (3) ", "up\nbye\n")));
    }

    [Test]
    public void Stop_kills_after_its_time()
    {
        StartTrapped("stubborn", "trap '' TERM");
        var watch = Stopwatch.StartNew();
        Run("stop", "-t", "1", "stubborn").Succeeded();
        Assert.That(watch.Elapsed.TotalSeconds, Is.InRange(0.95, 6));
        Assert.That(StatusOf("stubborn"), Does.StartWith("Exited (137) "));
    }

    [Test]
    public void Stop_t_0_kills_at_once()
    {
        StartTrapped("now", "trap '' TERM");
        var watch = Stopwatch.StartNew();
        Run("stop", "-t", "0", "now").Succeeded();
        Assert.That(watch.Elapsed.TotalSeconds, Is.LessThan(5));
        Assert.That(StatusOf("now"), Does.StartWith("Exited (137) "));
    }

    [Test]
    public void Stop_sends_the_signal_that_the_container_was_given()
    {
        StartTrapped("usr1", "trap 'exit 11' USR1; trap '' TERM", "--stop-signal", "USR1");
        Run("stop", "usr1").Succeeded();
        Assert.That(StatusOf("usr1"), Does.StartWith("Exited (11) "));
    }

    [Test]
    public void Stop_of_one_that_has_ended_is_no_error()
    {
        Run("run", "--name", "ended", "--network", "none", "busybox", "true").Succeeded();
        Assert.That(Run("stop", "ended").Succeeded().Out, Is.EqualTo("ended\n"));
    }

    [Test]
    public void Stop_of_several_does_all_it_can()
    {
        StartTrapped("one", "trap 'exit 0' TERM");
        StartTrapped("two", "trap 'exit 0' TERM");
        var outcome = Run("stop", "one", "nosuch", "two");
        Assert.That((outcome.Code, outcome.Out, outcome.Err), Is.EqualTo((1, "one\ntwo\n", "crun-sharp: No such container: nosuch\n")));
    }

    [Test]
    public void Kill_sends_SIGKILL_or_what_is_asked_for()
    {
        StartTrapped("target", "trap 'echo usr2' USR2");
        Run("kill", "-s", "USR2", "target").Succeeded();
        World.Await(() => Run("logs", "target").Out == "up\nusr2\n", "the signal is there");
        Assert.That(Run("kill", "target").Succeeded().Out, Is.EqualTo("target\n"));
        Assert.That(StatusOf("target"), Does.StartWith("Exited (137) "));
    }

    [Test]
    public void Kill_of_one_that_does_not_run_is_an_error()
    {
        Run("run", "--name", "ended", "--network", "none", "busybox", "true").Succeeded();
        Run("kill", "ended").Failed(1, "is not running");
        Run("kill", "-s", "NOSUCH", "ended").Failed(1, "NOSUCH");
    }

    [Test]
    public void Wait_prints_the_exit_code()
    {
        Run("run", "-d", "--name", "later", "--network", "none", "busybox", "sh", "-c", "sleep 0.4; exit 12").Succeeded();
        Assert.That(Run("wait", "later").Succeeded().Out, Is.EqualTo("12\n"));
        Assert.That(Run("wait", "later").Succeeded().Out, Is.EqualTo("12\n"), "also when it has ended");
    }

    [Test]
    public void All_processes_of_a_container_end_with_its_first()
    {
        Run("run", "-d", "--name", "many", "--network", "none", "busybox", "sh", "-c", "for i in 1 2 3 4 5; do (trap '' TERM; sleep 1000) & done; setsid sleep 1000 & echo up; sleep 1000").Succeeded();
        World.Await(() => Run("logs", "many").Out == "up\n", "it is up");
        Run("kill", "many").Succeeded();
        Assert.That(World.ProcessesWith("sleep 1000"), Is.Empty);
    }
}
