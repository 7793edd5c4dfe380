using CrunSharp.Kernel.Processes;
using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests;

/// <summary><c>build</c>: two builds of the same step on one host do it once.</summary>
public sealed class BuildSharingTests : BuildTest
{
    private static string Fresh => Guid.NewGuid().ToString("N");

    // A cache mount outlives the step: whoever runs it leaves a line there.
    private static string Counting(string id, string rest) => $"FROM busybox\nRUN --mount=type=cache,id={id},target=/c echo ran >> /c/log; {rest}\n";

    private string RunsOf(string id) => World.Shell($"printf 'FROM busybox\\nRUN --mount=type=cache,id={id},target=/c wc -l < /c/log > /n\\n' | $C build -q --no-cache -t count - >/dev/null && $C run --rm --network none count cat /n").Succeeded().Line;

    private Session Start(string dockerfile, params string[] options)
    {
        var session = World.Start(["build", "--progress", "plain", .. options, "-"]);
        session.Write(dockerfile);
        session.EndInput();
        return session;
    }

    [Test]
    public void A_step_that_two_builds_need_is_done_once()
    {
        var id = Fresh;
        var text = Counting(id, "echo started; sleep 2; echo done > /out");
        using var first = Start(text);
        first.ExpectError(" started\n");
        using var second = Start(text);
        second.ExpectError("wait for another build: RUN ");
        var (a, b) = (first.Wait().Succeeded(), second.Wait().Succeeded());
        Assert.That((Done(a).Length, Done(b).Count(static line => line.StartsWith("RUN ", StringComparison.Ordinal))), Is.EqualTo((1, 0)));
        Assert.That(b.Err, Does.Not.Contain(" started\n").And.Contain("CACHED"));
        Assert.That(RunsOf(id), Is.EqualTo("1"));
    }

    [Test]
    public void Many_builds_of_many_steps_do_each_once()
    {
        var id = Fresh;
        var text = Counting(id, "sleep 0.3") + string.Concat(Enumerable.Range(0, 4).Select(i => $"RUN --mount=type=cache,id={id},target=/c echo {i} >> /c/log; sleep 0.2; head -c 32 /dev/urandom > /f{i}\n"));
        var sessions = Enumerable.Range(0, 4).Select(_ => Start(text, "-q")).ToList();
        var ids = sessions.ConvertAll(static session =>
        {
            using (session) return session.Wait().Succeeded().Line;
        });
        Assert.That(RunsOf(id), Is.EqualTo("5"));
        // Their layers are random: only who shares them has the same image.
        Assert.That(ids.Distinct().Count(), Is.EqualTo(1));
    }

    [TestCase(true, 137, TestName = "Who_waits_goes_on_when_the_first_is_killed")]
    [TestCase(false, 130, TestName = "Who_waits_goes_on_when_the_first_is_interrupted")]
    public void Who_waits_goes_on(bool kill, int code)
    {
        var id = Fresh;
        var text = Counting(id, "echo started; [ $(wc -l < /c/log) != 1 ] || sleep 1000");
        using var first = Start(text);
        first.ExpectError(" started\n");
        using var second = Start(text);
        second.ExpectError("wait for another build: RUN ");
        first.Send(kill ? Signal.SIGKILL : Signal.SIGINT);
        Assert.That(first.Wait().Code, Is.EqualTo(code));
        Assert.That(second.Wait().Succeeded().Err, Does.Contain(" started\n"));
        Assert.That(RunsOf(id), Is.EqualTo("2"));
    }

    [Test]
    public void Who_waits_tries_itself_when_the_first_fails()
    {
        var id = Fresh;
        var text = Counting(id, "echo started; [ $(wc -l < /c/log) != 1 ] || { sleep 2; exit 7; }");
        using var first = Start(text);
        first.ExpectError(" started\n");
        using var second = Start(text);
        second.ExpectError("wait for another build: RUN ");
        Assert.That(first.Wait().Code, Is.EqualTo(1));
        second.Wait().Succeeded();
        Assert.That(RunsOf(id), Is.EqualTo("2"));
    }

    [Test]
    public void A_wait_can_be_interrupted_and_a_build_without_the_cache_does_not_wait()
    {
        var text = Counting(Fresh, "echo started; sleep 1000");
        using var first = Start(text);
        first.ExpectError(" started\n");
        using var second = Start(text);
        second.ExpectError("wait for another build: RUN ");
        second.Send(Signal.SIGINT);
        Assert.That(second.Wait().Code, Is.EqualTo(130));
        using var third = Start(text, "--no-cache");
        third.ExpectError(" started\n");
        foreach (var session in (Session[])[third, first])
        {
            session.Send(Signal.SIGINT);
            Assert.That(session.Wait().Code, Is.EqualTo(130));
        }
    }

    [Test]
    public void Equal_steps_of_two_stages_are_done_once()
    {
        var id = Fresh;
        var step = Counting(id, "sleep 0.3; head -c 32 /dev/urandom > /f");
        BuildText(step.Replace("busybox\n", "busybox AS a\n", StringComparison.Ordinal) + step.Replace("busybox\n", "busybox AS b\n", StringComparison.Ordinal)
            + "FROM busybox\nCOPY --from=a /f /a\nCOPY --from=b /f /b\nRUN cmp /a /b\n").Succeeded();
        Assert.That(RunsOf(id), Is.EqualTo("1"));
    }
}
