using System.Text;
using CrunSharp.Build.Dockerfile;
using CrunSharp.Build.Linting;
using CrunSharp.Build.Progress;
using CrunSharp.Oci;

namespace CrunSharp.Build.Tests.Progress;

public class ProgressTests
{
    private sealed class Clock : TimeProvider
    {
        public long Now { get; set; }

        public override long TimestampFrequency => 1000;

        public override long GetTimestamp() => Now;

        public override DateTimeOffset GetUtcNow() => new(2000, 1, 1, 0, 0, 0, TimeSpan.Zero);
    }

    private static void Play(IBuildProgress progress, Clock clock)
    {
        var run = new BuildStep(2, "[2/3] RUN make");
        progress.Cached(new BuildStep(1, "[1/3] FROM base"));
        progress.Started(run);
        clock.Now += 123;
        progress.Output(run, Encoding.UTF8.GetBytes("one\ntw"), false);
        clock.Now += 1000;
        progress.Output(run, Encoding.UTF8.GetBytes("o\r\n10%\r20%\nrest"), true);
        progress.Finished(run);
        var bad = new BuildStep(3, "[3/3] RUN false");
        progress.Started(bad);
        progress.Output(bad, Encoding.UTF8.GetBytes("a\x1b[31mred\x1b[0m\tb\n"), false);
        progress.Failed(bad, "process failed");
        progress.Warning("careful");
    }

    [Test]
    public void Plain_lines_are_those_of_BuildKit()
    {
        var output = new StringWriter();
        var clock = new Clock();
        Play(new PlainProgress(output, clock), clock);
        Assert.That(output.ToString(), Is.EqualTo("""
            #1 [1/3] FROM base
            #1 CACHED

            #2 [2/3] RUN make
            #2 0.123 one
            #2 1.123 two
            #2 1.123 20%
            #2 1.123 rest
            #2 DONE 1.1s

            #3 [3/3] RUN false
            #3 0.000 a§[31mred§[0m	b
            #3 ERROR: process failed
            ------
             > [3/3] RUN false:
            a§[31mred§[0m	b
            ------
            WARNING: careful

            """.Replace('§', '\x1b')));
    }

    [Test]
    public void A_terminal_shows_running_steps_below_what_is_done_and_nothing_of_a_command_controls_it()
    {
        var output = new StringWriter();
        var clock = new Clock();
        using (var progress = new TerminalProgress(output, static () => new TerminalArea(40, 24), clock)) Play(progress, clock);
        var screen = new Screen();
        screen.Write(output.ToString());
        Assert.That(screen.ToString(), Is.EqualTo("""
             => CACHED [1/3] FROM base         0.0s
             => [2/3] RUN make                 1.1s
             => ERROR [3/3] RUN false          0.0s
            WARNING: careful
            [+] Building 1.1s (2/3)
            ------
             > [3/3] RUN false:
            ared    b
            ------
            """));
    }

    [Test]
    public void A_step_that_was_stopped_has_no_lines_at_the_end()
    {
        var (plain, terminal, clock, step) = (new StringWriter(), new StringWriter(), new Clock(), new BuildStep(1, "[1/1] RUN sleep"));
        using (var progress = new TerminalProgress(terminal, static () => new TerminalArea(40, 24), clock)) Stop(progress);
        Stop(new PlainProgress(plain, clock));
        Assert.That(terminal.ToString(), Does.Contain(" => CANCELED [1/1] RUN sleep").And.Not.Contains("------"));
        Assert.That(plain.ToString(), Is.EqualTo("#1 [1/1] RUN sleep\n#1 0.000 a\n#1 CANCELED\n\n"));

        void Stop(IBuildProgress progress)
        {
            progress.Started(step);
            progress.Output(step, "a\n"u8.ToArray(), false);
            progress.Failed(step, "context canceled");
        }
    }

    [Test]
    public void A_terminal_shows_the_last_lines_of_what_runs_also_one_that_has_no_end_and_no_more_than_there_is_room_for()
    {
        var output = new StringWriter();
        var clock = new Clock();
        var rows = 24;
        using var progress = new TerminalProgress(output, () => new TerminalArea(40, rows), clock);
        for (var number = 1; number <= 3; number++)
        {
            var step = new BuildStep(number, $"[{number}/3] RUN 日本 {number}");
            progress.Started(step);
            clock.Now += 200;
            progress.Output(step, Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(1, 9).Select(static n => $"line {n}\n")) + "10%\r20%"), false);
        }
        Assert.That(Shown(), Is.EqualTo(string.Join('\n', ["[+] Building 0.6s (0/3)", .. Enumerable.Range(1, 3).SelectMany(static n => (string[])
        [
            $" => [{n}/3] RUN 日本 {n}{"",15}0.{2 * (4 - n)}s", " => => # line 5", " => => # line 6", " => => # line 7", " => => # line 8", " => => # line 9", " => => # 20%",
        ])])));
        rows = 9;
        clock.Now += 200;
        progress.Output(new BuildStep(3, ""), Encoding.UTF8.GetBytes("x"), false);
        Assert.That(Shown(), Is.EqualTo("""
            [+] Building 0.8s (0/3)
             => [1/3] RUN 日本 1               0.8s
             => => # 20%
             => [2/3] RUN 日本 2               0.6s
             => => # 20%
             => [3/3] RUN 日本 3               0.4s
             => => # 20%x
            """));

        string Shown()
        {
            var screen = new Screen();
            screen.Write(output.ToString());
            return screen.ToString();
        }
    }

    [Test]
    public void Colours_are_used_where_they_are_wanted()
    {
        var output = new StringWriter();
        using (var progress = new TerminalProgress(output, static () => new TerminalArea(40, 24), new Clock(), isColoured: true)) progress.Cached(new BuildStep(1, "x"));
        Assert.That(output.ToString(), Does.StartWith("\x1b[34m => CACHED x").And.Contains("\x1b[0m\n"));
    }

    [Test]
    public void Raw_json_is_a_line_for_each_event_as_BuildKit_writes_it()
    {
        var output = new StringWriter();
        var clock = new Clock();
        var progress = new RawJsonProgress(output, clock);
        Play(progress, clock);
        progress.Lint(new LintWarning(LintRules.All[0], "bad", new SourceRange(2, 3)) { Source = new DockerfileSource("Dockerfile", "FROM a\n") });
        Assert.That(output.ToString(), Is.EqualTo("""
            {"vertexes":[{"digest":"1","name":"[1/3] FROM base","started":"T","completed":"T","cached":true}]}
            {"vertexes":[{"digest":"2","name":"[2/3] RUN make","started":"T"}]}
            {"logs":[{"vertex":"2","stream":1,"data":"b25lCnR3","timestamp":"T"}]}
            {"logs":[{"vertex":"2","stream":2,"data":"bw0KMTAlDTIwJQpyZXN0","timestamp":"T"}]}
            {"vertexes":[{"digest":"2","name":"[2/3] RUN make","started":"T","completed":"T"}]}
            {"vertexes":[{"digest":"3","name":"[3/3] RUN false","started":"T"}]}
            {"logs":[{"vertex":"3","stream":1,"data":"YRtbMzFtcmVkG1swbQliCg==","timestamp":"T"}]}
            {"vertexes":[{"digest":"3","name":"[3/3] RUN false","started":"T","completed":"T","error":"process failed"}]}
            {"vertexes":[{"digest":"0","name":"[internal] load build definition from Dockerfile","started":"T","completed":"T"}]}
            {"warnings":[{"vertex":"0","level":1,"short":"Y2FyZWZ1bA=="}]}
            {"warnings":[{"vertex":"0","level":1,"short":"U3RhZ2VOYW1lQ2FzaW5nOiBiYWQgKGxpbmUgMik=","detail":["U3RhZ2UgbmFtZXMgc2hvdWxkIGJlIGxvd2VyY2FzZQ=="],"url":"https://docs.docker.com/go/dockerfile/rule/stage-name-casing/","sourceInfo":{"filename":"Dockerfile","data":"RlJPTSBhCg==","language":"Dockerfile"},"range":[{"start":{"line":2},"end":{"line":3}}]}]}

            """
            .Replace("\"T\"", "\"2000-01-01T00:00:00.0000000Z\"", StringComparison.Ordinal)
            .Replace("\"0\"", $"\"{Digest.Of("0 [internal] load build definition from Dockerfile"u8)}\"", StringComparison.Ordinal)
            .Replace("\"1\"", $"\"{Digest.Of("1 [1/3] FROM base"u8)}\"", StringComparison.Ordinal)
            .Replace("\"2\"", $"\"{Digest.Of("2 [2/3] RUN make"u8)}\"", StringComparison.Ordinal)
            .Replace("\"3\"", $"\"{Digest.Of("3 [3/3] RUN false"u8)}\"", StringComparison.Ordinal)));
    }

    [Test]
    public void Raw_json_has_a_status_for_what_moves()
    {
        var output = new StringWriter();
        var progress = new RawJsonProgress(output, new Clock());
        var step = new BuildStep(4, "pull x");
        progress.Moved(step, new TransferStatus("sha256:a", "downloading", 5, 10, false));
        progress.Moved(step, new TransferStatus("sha256:a", "done", 10, 10, true));
        Assert.That(output.ToString().Replace(Digest.Of("4 pull x"u8).ToString(), "4", StringComparison.Ordinal).Replace("2000-01-01T00:00:00.0000000Z", "T", StringComparison.Ordinal), Is.EqualTo("""
            {"statuses":[{"id":"sha256:a","vertex":"4","name":"downloading","total":10,"current":5,"timestamp":"T","started":"T"}]}
            {"statuses":[{"id":"sha256:a","vertex":"4","name":"done","total":10,"current":10,"timestamp":"T","started":"T","completed":"T"}]}

            """));
    }

    [Test]
    public void What_is_fetched_and_fails_is_not_shown_as_done()
    {
        var output = new StringWriter();
        var numbers = new StepNumbers(new PlainProgress(output, new Clock()));
        using (var shown = numbers.Fetching("fetch x")) Assert.That(() => FetchingStep.Watch<int>(shown, static () => throw CrunException.NotFound("x: gone")), Throws.TypeOf<CrunException>());
        using (var shown = numbers.Fetching("fetch y")) Assert.That(FetchingStep.Watch(shown, static () => 1), Is.EqualTo(1));
        Assert.That(output.ToString(), Is.EqualTo("#1 fetch x\n#1 ERROR: x: gone\n------\n > fetch x:\n------\n#2 fetch y\n#2 DONE 0.0s\n\n"));
    }

    [Test]
    public void A_long_line_is_cut_to_the_width()
    {
        var output = new StringWriter();
        using var progress = new TerminalProgress(output, static () => new TerminalArea(30, 24), new Clock());
        progress.Started(new BuildStep(1, new string('x', 100)));
        Assert.That(output.ToString().Split('\n')[1], Has.Length.EqualTo("\x1b[2K".Length + 29));
    }

    /// <summary>As much of a terminal as the progress uses.</summary>
    private sealed class Screen
    {
        private readonly List<string> _lines = [""];
        private int _row;

        public void Write(string text)
        {
            for (var i = 0; i < text.Length; i++)
            {
                if (text[i] == '\n')
                {
                    if (++_row == _lines.Count) _lines.Add("");
                }
                else if (text[i] == '\x1b')
                {
                    var end = i + 2;
                    while (!char.IsAsciiLetter(text[end])) end++;
                    var count = int.TryParse(text[(i + 2)..end], out var number) ? number : 0;
                    if (text[end] == 'A') _row -= count;
                    else if (text[end] == 'J') _lines.RemoveRange(_row + 1, _lines.Count - _row - 1);
                    else if (text[end] != 'K') Assert.Fail($"an escape sequence got through: {text[i..(end + 1)][1..]}");
                    if (text[end] is 'J' or 'K') _lines[_row] = "";
                    i = end;
                }
                else if (text[i] != '\r')
                {
                    _lines[_row] += text[i];
                }
            }
        }

        public override string ToString() => string.Join('\n', _lines).TrimEnd('\n');
    }
}
