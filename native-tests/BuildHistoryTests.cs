using System.Text.Json;
using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests;

/// <summary><c>builder history</c>: the builds that have ended.</summary>
public sealed class BuildHistoryTests : BuildTest
{
    [SetUp]
    public void Forget() => Run("builder", "history", "rm", "--all").Succeeded();

    private string Folder => World.Root + "/cache/history";

    [Test]
    public void A_build_is_listed_with_its_end_and_its_log()
    {
        var context = Context("FROM busybox AS first\nARG V\nARG API_TOKEN\nRUN echo out$V; echo err >&2\nFROM first AS second\nRUN exit 7\n");
        Build(context, "--target", "first", "--build-arg", "V=5", "--build-arg", "API_TOKEN=hidden", "--secret", "id=s,src=/etc/passwd").Succeeded();
        Assert.That(Build(context).Code, Is.EqualTo(1));
        var rows = Run("buildx", "history", "ls").Succeeded().Lines;
        Assert.That(rows[0], Does.Match("^BUILD ID +NAME +STATUS +CREATED AT +DURATION$"));
        Assert.That(rows[1], Does.Match($"^[0-9a-z]{{25}} +{Path.GetFileName(context)} +Error +Less than a second ago|1 second ago +[0-9.]+s$"));
        Assert.That(rows[2], Does.Match($"^[0-9a-z]{{25}} +{Path.GetFileName(context)} \\(first\\) +Completed "));
        var ids = Run("builder", "history", "ls", "-q").Succeeded().Lines;
        Assert.That(Run("builder", "history", "ls", "-q", "--filter", "status=error").Succeeded().Lines, Is.EqualTo(ids[..1]));
        Assert.That(Run("builder", "history", "ls", "--format", "{{.Name}} {{.TotalSteps}}/{{.CompletedSteps}}").Succeeded().Lines[1], Is.EqualTo($"{Path.GetFileName(context)} (first) 3/3"));

        var log = Run("builder", "history", "logs", "^1").Succeeded().Out;
        Assert.That(log, Does.Contain("] RUN echo out$V; echo err >&2\n").And.Contain(" out5\n").And.Contain(" err\n").And.Contain("exporting to image"));
        Assert.That(Run("builder", "history", "logs", ids[1][..12]).Succeeded().Out, Is.EqualTo(log));
        Assert.That(Run("builder", "history", "logs").Succeeded().Out, Does.Contain("exit code: 7").And.Contain(">>> RUN exit 7"));

        var inspected = Run("builder", "history", "inspect", ids[1]).Succeeded().Out;
        Assert.That(inspected, Does.Match($"Name: +{Path.GetFileName(context)} \\(first\\)\n").And.Match("Target: +first\n").And.Match("Status: +Completed\n").And.Match("Build Steps: +3/3 \\(33% cached\\)\n")
            .And.Match("\nV +5\n").And.Match("\nAPI_TOKEN +xxxxx\n").And.Match("\nsecret +s\n").And.Contain($"Print build logs: crun-sharp builder history logs {ids[1]}\n"));
        var failed = JsonDocument.Parse(Run("builder", "history", "inspect", "--format", "json").Succeeded().Out).RootElement;
        Assert.That((failed.GetProperty("Status").GetString(), failed.GetProperty("Ref").GetString()), Is.EqualTo(("error", ids[0])));
        Assert.That(failed.GetProperty("Error").GetString(), Does.Contain("exit code: 7"));
        Assert.That(World.Shell($"! grep -rl hidden {Folder}").Code, Is.Zero, "no value of what is a secret");

        Run("builder", "history", "rm", ids[0]).Succeeded();
        Assert.That(Run("builder", "history", "ls", "-q").Succeeded().Lines, Is.EqualTo(ids[1..]));
        Run("builder", "history", "logs", ids[0]).Failed(1, $"No such build: {ids[0]}");
        Run("builder", "history", "inspect", "^1").Failed(1, "No such build: ^1");
        Run("builder", "history", "rm").Failed(1, "a build is wanted, or --all");
        Run("builder", "history", "rm", "--all").Succeeded();
        Run("builder", "history", "logs").Failed(1, "no build is remembered yet");
    }

    [Test]
    public void A_long_log_is_compressed_and_whole_and_escape_sequences_do_nothing()
    {
        BuildText("FROM busybox\nRUN seq 1 60000; printf 'a\\033[31mred\\033]0;title\\007\\n'\n").Succeeded();
        Assert.That(World.Shell($"stat -c %s {Folder}/*").Succeeded().Line, Has.Length.LessThanOrEqualTo(6));
        var log = Run("builder", "history", "logs").Succeeded().Out;
        Assert.That(log, Does.Contain(" 1\n").And.Contain(" 60000\n").And.Contain("a␛[31mred␛]0;title␇\n").And.Not.Contain("\u001b"));
        Assert.That(log.Split('\n'), Has.Length.GreaterThan(60_000));
    }

    [Test]
    public void Fifty_are_kept_and_what_cannot_be_read_is_none()
    {
        World.Shell($"mkdir -p {Folder}; for i in $(seq 10 79); do printf '%s' '{{\"name\":\"' > {Folder}/000000000000$i-{new string('a', 25)}; done").Succeeded();
        World.Shell($"ln -s /etc/passwd {Folder}/00000000000080-{new string('b', 25)}; mkfifo {Folder}/00000000000081-{new string('c', 25)}").Succeeded();
        BuildText("FROM busybox\nLABEL a=b\n").Succeeded();
        Assert.That(Run("builder", "history", "ls", "-q").Succeeded().Lines, Has.Length.EqualTo(1));
        Assert.That(World.Shell($"ls {Folder} | wc -l").Succeeded().Line, Is.EqualTo("50"));
    }

    [Test]
    public void A_build_that_was_killed_leaves_nothing_and_one_that_was_interrupted_is_canceled()
    {
        var context = Context("FROM busybox\nRUN touch /begun; echo ready; exec sleep 100\n");
        foreach (var signal in (string[])["KILL", "TERM"])
        {
            World.Shell($"$C build --progress plain {context} > build.log 2>&1 & pid=$!; for i in $(seq 100); do grep -q ready build.log && break; sleep 0.1; done; kill -{signal} $pid; wait $pid; true").Succeeded();
            var rows = Run("builder", "history", "ls", "--format", "{{.Status}}").Succeeded().Lines;
            Assert.That(rows, signal == "KILL" ? Is.Empty : Is.EqualTo(new[] { "Canceled" }));
        }
        Assert.That(World.Shell($"ls -A {Folder} | wc -l").Succeeded().Line, Is.EqualTo("1"));
    }

    [Test]
    public void A_prune_of_all_forgets_them()
    {
        BuildText("FROM busybox\nLABEL a=b\n").Succeeded();
        Run("builder", "prune", "-f").Succeeded();
        Assert.That(Run("builder", "history", "ls", "-q").Succeeded().Lines, Has.Length.EqualTo(1));
        Run("builder", "prune", "-f", "--filter", "until=1h").Succeeded();
        Assert.That(Run("builder", "history", "ls", "-q").Succeeded().Lines, Has.Length.EqualTo(1));
        Run("builder", "prune", "-af").Succeeded();
        Assert.That(Run("builder", "history", "ls", "-q").Succeeded().Lines, Is.Empty);
    }
}
