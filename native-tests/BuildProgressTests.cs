using System.Text;
using System.Text.Json;
using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests;

/// <summary>How a build shows what it does.</summary>
public sealed class BuildProgressTests : BuildTest
{
    private const string Text = "FROM busybox as one\nRUN echo said; echo complained >&2\n";

    [Test]
    public void Raw_json_is_one_object_for_each_event()
    {
        var outcome = World.RunWith(Text, "build", "--progress=rawjson", "-").Succeeded();
        var events = outcome.Err.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(static line => JsonDocument.Parse(line).RootElement).ToList();
        var run = events.Where(static e => e.TryGetProperty("vertexes", out _)).Select(static e => e.GetProperty("vertexes")[0]).Last(static v => v.GetProperty("name").GetString()!.Contains("RUN", StringComparison.Ordinal));
        var logs = events.Where(static e => e.TryGetProperty("logs", out _)).Select(static e => e.GetProperty("logs")[0]).ToList();
        Assert.Multiple(() =>
        {
            Assert.That(run.GetProperty("name").GetString(), Is.EqualTo("[2/2] RUN echo said; echo complained >&2"));
            Assert.That(run.GetProperty("completed").GetDateTimeOffset(), Is.GreaterThanOrEqualTo(run.GetProperty("started").GetDateTimeOffset()));
            Assert.That(logs, Has.All.Matches<JsonElement>(log => log.GetProperty("vertex").GetString() == run.GetProperty("digest").GetString()));
            Assert.That(Said(1), Is.EqualTo("said\n"));
            Assert.That(Said(2), Is.EqualTo("complained\n"));
            Assert.That(events.Count(static e => e.TryGetProperty("warnings", out var warnings) && Encoding.UTF8.GetString(warnings[0].GetProperty("short").GetBytesFromBase64()).StartsWith("FromAsCasing", StringComparison.Ordinal)), Is.EqualTo(1));
        });
        var failed = World.RunWith("FROM busybox\nRUN exit 4\n", "build", "--progress=rawjson", "-").Err;
        Assert.That(failed, Does.Contain("did not complete successfully: exit code: 4\"}]}"));

        string Said(int stream) => string.Concat(logs.Where(log => log.GetProperty("stream").GetInt32() == stream).Select(static log => Encoding.UTF8.GetString(log.GetProperty("data").GetBytesFromBase64())));
    }

    [Test]
    public void What_the_environment_asks_for_is_shown_unless_an_option_says_else()
    {
        Assert.Multiple(() =>
        {
            Assert.That(Built("rawjson").Err, Does.StartWith("{\"vertexes\""));
            Assert.That(Built("quiet").Out, Does.StartWith("sha256:"));
            Assert.That(Built("none"), Has.Property("Out").Empty.And.Property("Err").Empty);
            Assert.That(Built("rawjson", "--progress", "plain").Err, Does.StartWith("#1 "));
            Assert.That(Built("rawjson", "-q").Err, Is.Empty);
            Assert.That(Built("what").Err, Does.Contain("must be one of auto, plain, tty, rawjson, quiet, none"));
            Assert.That(Built("", "--progress=tty").Err, Does.Contain(" => CACHED [1/2] FROM busybox").And.Contains(" FINISHED\n").And.Not.Contains("\x1b[34m"), "no colours where there is no terminal");
        });

        Outcome Built(string progress, params string[] options)
        {
            using var session = World.StartWith(new Dictionary<string, string> { ["BUILDKIT_PROGRESS"] = progress }, ["build", .. options, "-"]);
            session.Write(Text);
            session.EndInput();
            return session.Wait();
        }
    }

    [Test]
    public void All_that_a_command_writes_is_shown()
    {
        var outcome = BuildText("FROM busybox\nRUN seq 200000; printf end\n").Succeeded();
        Assert.That(outcome.Err.Split('\n').Count(static line => line.StartsWith("#2 ", StringComparison.Ordinal)), Is.EqualTo(200_000 + 3));
    }

    [Test]
    public void An_error_shows_the_word_at_fault_and_what_may_be_meant()
    {
        Assert.Multiple(() =>
        {
            Assert.That(BuildText("FROM busybox\nRUN --mout=type=cache x\n").Err, Does.Contain("   2 | >>> RUN --mout=type=cache x\n     |         ^^^^^^^^^^^^^^^^^ columns 5-21\n").And.Contains("unknown flag: --mout (did you mean mount?)\n"));
            Assert.That(Build(Context("FROM busybox\nCOPY \\\n  fiel /\n", ("file", "f"))).Err, Does.Contain("     |       ^^^^ columns 3-6\n").And.EndsWith("crun-sharp: Dockerfile:2-3: \"/fiel\": not found (did you mean file?)\n"));
            Assert.That(BuildText("FROM busybox AS base\nFROM bass\n").Err, Does.EndWith(" (did you mean base?)\n"));
        });
    }

    [Test]
    public void A_quiet_build_shows_the_last_lines_of_what_failed_and_nothing_else()
    {
        var outcome = World.RunWith("FROM busybox\nRUN echo fine\nRUN echo the reason; exit 3\n", "build", "-q", "--network", "none", "-");
        Assert.That((outcome.Code, outcome.Out), Is.EqualTo((1, "")));
        Assert.That(outcome.Err, Does.StartWith("------\n > [3/3] RUN echo the reason; exit 3:\nthe reason\n------\n").And.Contain("exit code: 3").And.Not.Contain("fine\n------"));
    }
}
