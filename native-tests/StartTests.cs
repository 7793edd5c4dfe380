using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests;

/// <summary><c>create</c> and <c>start</c>.</summary>
public sealed class StartTests : NativeTest
{
    [Test]
    public void Create_makes_it_and_start_runs_it()
    {
        var id = Run("create", "--name", "made", "--network", "none", "busybox", "echo", "ran").Succeeded().Line;
        Assert.That(Run("ps", "-a", "--format", "{{.Status}}").Line, Is.EqualTo("Created"));
        Assert.That(Run("start", "made").Succeeded().Out, Is.EqualTo("made\n"));
        Run("wait", id).Succeeded();
        Assert.That(Run("logs", id).Out, Is.EqualTo("ran\n"));
    }

    [Test]
    public void A_restart_keeps_what_was_written_and_its_identity()
    {
        Run("run", "--name", "again", "--network", "none", "-e", "A=b", "busybox", "sh", "-c", "echo $A $(hostname) >> /log; cat /log").Succeeded();
        var id = World.IdOf("again")[..12];
        Assert.That(Run("start", "-a", "again").Succeeded().Out, Is.EqualTo($"b {id}\nb {id}\n"));
        Assert.That(World.IdOf("again")[..12], Is.EqualTo(id));
    }

    [Test]
    public void A_shows_output_and_gives_the_exit_code()
    {
        Run("create", "--name", "attached", "--network", "none", "busybox", "sh", "-c", "echo out; echo err >&2; exit 5").Succeeded();
        var outcome = Run("start", "-a", "attached");
        Assert.That((outcome.Code, outcome.Out, outcome.Err), Is.EqualTo((5, "out\n", "err\n")));
    }

    [Test]
    public void Input_needs_i_both_times()
    {
        Run("create", "-i", "--name", "reads", "--network", "none", "busybox", "cat").Succeeded();
        Assert.That(World.RunWith("typed\n", "start", "-ai", "reads").Succeeded().Out, Is.EqualTo("typed\n"));
    }

    [Test]
    public void A_terminal_stays_a_terminal()
    {
        Run("create", "-t", "--name", "tty", "--network", "none", "busybox", "tty").Succeeded();
        Assert.That(Run("start", "-a", "tty").Out, Is.EqualTo("/dev/pts/0\r\n"));
        Assert.That(Run("start", "-a", "tty").Out, Is.EqualTo("/dev/pts/0\r\n"));
    }

    [Test]
    public void One_that_runs_is_left_alone()
    {
        StartSleeper("busy");
        Assert.That(Run("start", "busy").Succeeded().Out, Is.EqualTo("busy\n"));
        Assert.That(Run("ps", "-q").Lines, Has.Length.EqualTo(1));
    }

    [Test]
    public void A_command_that_does_not_exist_is_told()
    {
        Run("create", "--name", "broken", "--network", "none", "busybox", "nosuch").Succeeded();
        Assert.That(Run("start", "broken"), Has.Property("Code").Not.Zero.And.Property("Err").Contains("executable file not found"));
        Assert.That(Run("ps", "-a", "--format", "{{.Status}}").Line, Does.StartWith("Created").Or.StartWith("Exited (127)"));
    }

    [Test]
    public void Of_many_starts_at_once_one_starts_it()
    {
        Run("create", "--name", "contended", "--network", "none", "busybox", "sh", "-c", "echo started; sleep 1000").Succeeded();
        var starts = Enumerable.Range(0, 8).Select(_ => World.Start("start", "contended")).ToList();
        World.Await(() => Run("logs", "contended").Out.Length > 0, "it started");
        Assert.That(Run("logs", "contended").Out, Is.EqualTo("started\n"));
        Assert.That(starts.ConvertAll(static session => session.Wait().Code), Has.All.Zero);
    }
}
