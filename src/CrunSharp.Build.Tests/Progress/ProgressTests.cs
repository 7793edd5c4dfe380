using System.Text;
using CrunSharp.Build.Progress;

namespace CrunSharp.Build.Tests.Progress;

public class ProgressTests
{
    private sealed class Clock : TimeProvider
    {
        public long Now { get; set; }

        public override long TimestampFrequency => 1000;

        public override long GetTimestamp() => Now;
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
        Play(new TerminalProgress(output, static () => 30, clock), clock);
        var screen = new Screen();
        screen.Write(output.ToString());
        Assert.That(screen.ToString(), Is.EqualTo("""
             => CACHED [1/3] FROM base
             => [2/3] RUN make 1.1s
             => ERROR [3/3] RUN false
            ------
             > [3/3] RUN false:
            ared    b
            ------
            process failed
            WARNING: careful
            """));
    }

    [Test]
    public void A_long_line_is_cut_to_the_width()
    {
        var output = new StringWriter();
        var progress = new TerminalProgress(output, static () => 30, new Clock());
        progress.Started(new BuildStep(1, new string('x', 100)));
        Assert.That(output.ToString().Split('\n')[0], Has.Length.EqualTo("\x1b[2K".Length + 29));
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
