using System.Globalization;
using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests;

/// <summary><c>logs</c>, and the log itself.</summary>
public sealed class LogsTests : NativeTest
{
    private string LogOf(string name) => File.ReadAllText(World.Inspect(name, "{{.LogPath}}"));

    [Test]
    public void The_streams_come_back_apart()
    {
        Run("run", "--name", "both", "--network", "none", "busybox", "sh", "-c", "echo out; sleep 0.05; echo err >&2; sleep 0.05; printf unfinished").Succeeded();
        var logs = Run("logs", "both").Succeeded();
        Assert.That((logs.Out, logs.Err), Is.EqualTo(("out\nunfinished", "err\n")));
    }

    [Test]
    public void The_file_is_dockers_byte_for_byte()
    {
        Run("run", "--name", "form", "--network", "none", "busybox", "printf", @"a\t""b""\\\\<&>\033[0m\177\377\303\244\342\200\250\r\nend").Succeeded();
        var lines = LogOf("form").Split('\n', StringSplitOptions.RemoveEmptyEntries);
        const string time = @"""time"":""\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z""}$";
        Assert.Multiple(() =>
        {
            Assert.That(lines, Has.Length.EqualTo(2));
            // What Docker 20.10 writes for these bytes: control bytes as \u00XX but for \n and \r, HTML's as \u00XX, DEL as it is.
            Assert.That(lines[0], Does.StartWith(@"{""log"":""a\u0009\""b\""\\\\\u003c\u0026\u003e\u001b[0m" + "\u007f" + @"\ufffdä\u2028\r\n"",""stream"":""stdout"",""time"":"""));
            Assert.That(lines[0], Does.Match(time));
            Assert.That(lines[1], Does.Match(@"^{""log"":""end"",""stream"":""stdout""," + time));
        });
    }

    [Test]
    public void Long_lines_are_cut_at_16_KiB_and_come_back_whole()
    {
        Run("run", "--name", "long", "--network", "none", "busybox", "sh", "-c", "head -c 100000 /dev/zero | tr '\\0' x; echo").Succeeded();
        Assert.Multiple(() =>
        {
            Assert.That(Run("logs", "long").Out, Is.EqualTo(new string('x', 100_000) + "\n"));
            Assert.That(LogOf("long").Split('\n')[0], Does.StartWith($"{{\"log\":\"{new string('x', 16384)}\",\"stream\":\"stdout\""));
        });
    }

    [Test]
    public void Logs_of_a_foreground_run_are_kept_too()
    {
        Run("run", "--name", "front", "--network", "none", "busybox", "echo", "hello").Succeeded();
        Assert.That(Run("logs", "front").Out, Is.EqualTo("hello\n"));
    }

    [Test]
    public void F_shows_what_was_and_what_comes_and_ends_with_the_container()
    {
        Run("run", "-d", "--name", "slow", "--network", "none", "busybox", "sh", "-c", "for i in 1 2 3 4; do echo $i; sleep 0.2; done").Succeeded();
        using var following = World.Start("logs", "-f", "slow");
        Assert.That(following.Wait(20_000).Succeeded().Out, Is.EqualTo("1\n2\n3\n4\n"));
    }

    [Test]
    public void F_never_loses_the_last_line()
    {
        var outcomes = Enumerable.Range(0, 50).Select(i =>
        {
            Run("run", "-d", "--name", $"last{i}", "--network", "none", "busybox", "sh", "-c", $"usleep {i * 1000}; echo first; echo last").Succeeded();
            var logs = Run("logs", "-f", $"last{i}").Out;
            Run("rm", "-f", $"last{i}").Succeeded();
            return logs;
        }).ToList();
        Assert.That(outcomes, Has.All.EqualTo("first\nlast\n"));
    }

    [Test]
    public void F_of_a_container_that_is_removed_at_its_end_ends()
    {
        Run("run", "-d", "--rm", "--name", "gone", "--network", "none", "busybox", "sh", "-c", "echo one; sleep 1; echo two").Succeeded();
        Assert.That(Run("logs", "-f", "gone").Succeeded().Out, Is.EqualTo("one\ntwo\n"));
    }

    [Test]
    public void A_program_that_leaves_its_output_to_a_child_loses_nothing()
    {
        Run("run", "-d", "--init", "--name", "parent", "--network", "none", "busybox", "sh", "-c", "(sleep 0.3; echo from-child) & echo from-parent; wait").Succeeded();
        Assert.That(Run("logs", "-f", "parent").Out, Is.EqualTo("from-parent\nfrom-child\n"));
    }

    [TestCase("2", "4\n5\n")]
    [TestCase("0", "")]
    [TestCase("all", "1\n2\n3\n4\n5\n")]
    [TestCase("100", "1\n2\n3\n4\n5\n")]
    public void Tail_shows_the_last_lines(string tail, string expected)
    {
        Run("run", "--name", "five", "--network", "none", "busybox", "seq", "5").Succeeded();
        Assert.That(Run("logs", "--tail", tail, "five").Out, Is.EqualTo(expected));
    }

    [Test]
    public void Timestamps_and_since_go_by_when_it_was_written()
    {
        Run("run", "--name", "timed", "--network", "none", "busybox", "sh", "-c", "echo early; sleep 1.2; echo late").Succeeded();
        var lines = Run("logs", "-t", "timed").Lines;
        var late = DateTimeOffset.Parse(lines[1].Split(' ')[0], CultureInfo.InvariantCulture);
        Assert.Multiple(() =>
        {
            Assert.That(lines, Has.Length.EqualTo(2).And.All.Match(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7,9}Z (early|late)$"));
            Assert.That(Run("logs", "--since", late.AddSeconds(-0.5).ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture), "timed").Out, Is.EqualTo("late\n"));
            Assert.That(Run("logs", "--until", late.AddSeconds(-0.5).ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture), "timed").Out, Is.EqualTo("early\n"));
            Assert.That(Run("logs", "--since", "1h", "timed").Out, Is.EqualTo("early\nlate\n"));
        });
    }

    [Test]
    public void A_container_that_does_not_exist_is_an_error() => Run("logs", "nosuch").Failed(1, "No such container: nosuch");

    [Test]
    public void A_second_start_appends()
    {
        Run("run", "--name", "twice", "--network", "none", "busybox", "echo", "again").Succeeded();
        Run("start", "twice").Succeeded();
        Run("wait", "twice");
        Assert.That(Run("logs", "twice").Out, Is.EqualTo("again\nagain\n"));
    }
}
