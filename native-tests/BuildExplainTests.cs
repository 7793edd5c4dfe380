using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests;

/// <summary><c>build --explain</c>, <c>--timeline</c> and <c>--on-fail</c>.</summary>
public sealed class BuildExplainTests : BuildTest
{
    [Test]
    public void A_build_says_why_it_does_what_it_does()
    {
        var context = Context("FROM busybox\nCOPY src /src\nRUN ls /src\n", ("src/a", "1"), ("src/b", "2"));
        Assert.That(Build(context, "--explain").Succeeded().Err, Does.EndWith("\n Not in the cache:\n - COPY src /src: miss: no earlier build\n - RUN ls /src: miss: no earlier build\n"));
        Assert.That(Build(context, "--explain").Succeeded().Err, Does.EndWith("\n Every step was in the cache.\n"));
        World.File(Path.GetFileName(context) + "/src/a", "changed");
        Assert.That(Build(context, "--explain").Succeeded().Err, Does.EndWith(" - COPY src /src: miss: src/a content changed; 1 other equal\n - RUN ls /src: miss: parent layer changed\n"));
        Assert.That(Build(context, "--explain", "-q").Succeeded().Err, Is.Empty);
        Run("builder", "prune", "-af").Succeeded();
        Assert.That(Build(context, "--explain").Succeeded().Err, Does.Contain(" - COPY src /src: miss: no earlier build\n"));
    }

    [Test]
    public void A_timeline_is_written_also_when_the_build_fails()
    {
        BuildText("FROM busybox\nRUN echo '<b>'\n", "--timeline", "good.html").Succeeded();
        Assert.That(BuildText("FROM busybox\nRUN exit 3\n", "--timeline", "bad.html").Code, Is.EqualTo(1));
        var (good, bad) = (World.Shell("cat good.html").Succeeded().Out, World.Shell("cat bad.html").Succeeded().Out);
        Assert.Multiple(() =>
        {
            Assert.That(good, Does.StartWith("<!DOCTYPE html>").And.EndWith("</html>\n").And.Contain("RUN echo &#39;&lt;b&gt;&#39;"));
            Assert.That(bad, Does.Contain("class=\"bad\"").And.Contain("did not complete successfully: exit code: 3"));
            Assert.That(BuildText("FROM busybox\nLABEL a=b\n", "--timeline", "nosuch/x.html").Code, Is.EqualTo(1));
        });
    }

    [Test]
    public void A_shell_is_where_a_command_has_failed()
    {
        World.File("secret", "hidden");
        World.File("failing/Dockerfile", "FROM busybox\nENV MINE=yes\nWORKDIR /w\nRUN --mount=type=secret,id=s --mount=type=cache,target=/c echo made > made; echo kept > /c/it; exit 9\n");
        using var session = World.StartOnTerminal(40, 120, $"$C build --on-fail=shell --secret id=s,src={World.Files}/secret {World.Files}/failing");
        session.Expect("/w #");
        session.Write("echo $(cat made /c/it /run/secrets/s) $MINE $(pwd) $(stty size)\r");
        session.Expect("made kept hidden yes /w 40 120");
        session.Write("exit 5\r");
        session.Expect("exit code: 9");
        Assert.That(session.Wait(20_000).Code, Is.EqualTo(1));
        Run("build", "--on-fail=shell", $"{World.Files}/failing").Failed(1, "--on-fail=shell needs a terminal: standard input and output are none");
    }
}
