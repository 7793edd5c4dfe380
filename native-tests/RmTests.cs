using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests;

/// <summary><c>rm</c>.</summary>
public sealed class RmTests : NativeTest
{
    [Test]
    public void Several_are_removed_and_each_is_named()
    {
        foreach (var name in (string[])["aa", "bb", "cc"]) Run("create", "--name", name, "--network", "none", "busybox").Succeeded();
        Assert.That(Run("rm", "aa", "bb", "cc").Succeeded().Out, Is.EqualTo("aa\nbb\ncc\n"));
    }

    [Test]
    public void A_running_one_is_refused_and_the_others_are_removed()
    {
        var id = StartSleeper("runs");
        Run("create", "--name", "idle", "--network", "none", "busybox").Succeeded();
        var outcome = Run("rm", "runs", "idle");
        Assert.Multiple(() =>
        {
            Assert.That((outcome.Code, outcome.Out), Is.EqualTo((1, "idle\n")));
            Assert.That(outcome.Err, Does.Contain("container is running").IgnoreCase.Or.Contain("cannot remove a running container").IgnoreCase);
            Assert.That(Run("ps", "-q", "--no-trunc").Line, Is.EqualTo(id));
        });
    }

    [Test]
    public void F_kills_it_first()
    {
        StartSleeper("runs");
        Run("rm", "-f", "runs").Succeeded();
        Assert.That(Run("ps", "-aq").Out, Is.Empty);
    }

    [Test]
    public void Who_waits_is_told_how_one_ended_that_is_removed_at_its_end([Values("quiet", "loud", "killed")] string how)
    {
        var script = how == "loud" ? "while [ ! -e /tmp/end ]; do dd if=/dev/zero bs=64k count=100 2>/dev/null; done; exit 7" : "while [ ! -e /tmp/end ]; do usleep 1000; done; exit 7";
        var id = Run("run", "-d", "--rm", "--name", "once", "--network", "none", "--log-driver", "none", "busybox", "sh", "-c", script).Succeeded().Line;
        using var first = World.Start("wait", "once");
        using var second = World.Start("wait", id);
        World.Await(() => World.ProcessesWith("wait").Count(HasAsked) >= 2, "they wait");
        if (how == "killed") Run("kill", "once").Succeeded();
        // It may end, and all of the container with it, while touch still does.
        else Assert.That(Run("exec", "once", "touch", "/tmp/end").Code, Is.AnyOf(0, 137));
        var code = how == "killed" ? "137\n" : "7\n";
        Assert.That((first.Wait().Out, second.Wait().Out), Is.EqualTo((code, code)));
        Run("wait", "once").Failed(1, "No such container: once");
    }

    [Test]
    public void A_beginning_of_the_id_is_enough()
    {
        var id = Run("create", "--network", "none", "busybox").Succeeded().Line;
        Run("rm", id[..6]).Succeeded();
    }

    [Test]
    public void One_that_does_not_exist_is_an_error_but_not_with_f()
    {
        Run("rm", "nosuch").Failed(1, "No such container: nosuch");
        Run("rm", "-f", "nosuch").Succeeded();
    }

    [TestCase("..")]
    [TestCase(".")]
    [TestCase("../images")]
    [TestCase("")]
    [TestCase("a/b")]
    [TestCase("a\nb")]
    [TestCase(".names")]
    [TestCase("/../..")]
    public void A_name_leads_nowhere_else(string name)
    {
        var before = Directory.GetFileSystemEntries(World.Root, "*", SearchOption.AllDirectories);
        foreach (var verb in (string[][])[["rm"], ["rm", "-f"], ["stop"], ["kill"], ["start"], ["logs"], ["inspect"], ["wait"]])
        {
            var outcome = Run([.. verb, name]);
            if (verb is not ["rm", "-f"]) Assert.That(outcome.Code, Is.Not.Zero, outcome.ToString());
        }
        Assert.That(Directory.GetFileSystemEntries(World.Root, "*", SearchOption.AllDirectories), Is.EquivalentTo(before));
    }

    [Test]
    public void What_a_container_wrote_is_gone_whatever_it_is()
    {
        Run("run", "--name", "messy", "--network", "none", "busybox", "sh", "-c",
            "mkdir -p /d/e && chmod 0 /d; mkfifo /p; ln -s / /l; ln -s /nowhere /m; i=0; while [ $i -lt 300 ]; do mkdir d && cd d; i=$((i+1)); done; touch 'a\nb'").Succeeded();
        Run("rm", "messy").Succeeded();
    }

    // It sleeps, and has a connection: to the supervisor, which answers in the order of the questions.
    private static bool HasAsked(int process)
    {
        try
        {
            return File.ReadAllText($"/proc/{process}/stat").Split(") ")[1][0] == 'S'
                && Directory.GetFiles($"/proc/{process}/fd").Any(static file => File.ResolveLinkTarget(file, false)?.Name.StartsWith("socket:", StringComparison.Ordinal) == true);
        }
        catch (IOException)
        {
            return false;
        }
    }
}
