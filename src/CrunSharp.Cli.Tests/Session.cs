using System.Text;
using CrunSharp.Cli.CommandLine;

namespace CrunSharp.Cli.Tests;

/// <summary>Runs command lines in this process and keeps what they write.</summary>
internal sealed class Session
{
    private readonly Dictionary<string, string> _variables = new()
    {
        ["CRUN_SHARP_ROOT"] = $"{Scratch}/store",
        ["CRUN_SHARP_RUN_ROOT"] = $"{Scratch}/run",
    };

    /// <summary>Where commands keep their state when a test names no place; <see cref="ScratchRemoval"/> takes it away.</summary>
    public static string Scratch { get; } = Path.Combine(Path.GetTempPath(), $"crun-sharp-cli-{Environment.ProcessId}");

    public DateTimeOffset Now { get; set; } = new(2024, 5, 1, 12, 0, 0, TimeSpan.Zero);

    public string Root
    {
        set
        {
            _variables["CRUN_SHARP_ROOT"] = value;
            _variables["CRUN_SHARP_RUN_ROOT"] = value + "-run";
        }
    }

    public byte[] Input { get; set; } = [];

    public MemoryStream Output { get; } = new();

    public bool IsTerminal { get; set; }

    /// <summary>Runs a command line whose first word is the program's name.</summary>
    /// <returns>The exit code, and what was written to standard output and standard error, in their order.</returns>
    public (int Code, string Text) Run(params string[] words)
    {
        var text = new StringWriter { NewLine = "\n" };
        var context = new CommandContext
        {
            Program = words[0],
            Out = text,
            Error = text,
            OpenInput = () => new MemoryStream(Input),
            OpenOutput = () => Output,
            InputIsTerminal = () => IsTerminal,
            OutputIsTerminal = () => IsTerminal,
            Variable = name => _variables.GetValueOrDefault(name),
            Clock = new FixedClock(Now),
        };
        var code = Shell.Run(context, words.AsSpan(1));
        return (code, text.ToString());
    }

    /// <summary>Runs it and gives only the text; the exit code must be 0.</summary>
    public string Succeed(params string[] words)
    {
        var (code, text) = Run(words);
        Assert.That(code, Is.Zero, text);
        return text;
    }

    /// <summary>Splits a line at blanks; single and double quotes keep them.</summary>
    public static string[] Words(string line)
    {
        var words = new List<string>();
        var word = new StringBuilder();
        var quote = '\0';
        var inWord = false;
        foreach (var c in line)
        {
            if (quote != '\0')
            {
                if (c == quote) quote = '\0';
                else word.Append(c);
            }
            else if (c is '"' or '\'') (quote, inWord) = (c, true);
            else if (c != ' ')
            {
                word.Append(c);
                inWord = true;
            }
            else if (inWord)
            {
                words.Add(word.ToString());
                word.Clear();
                inWord = false;
            }
        }
        if (inWord) words.Add(word.ToString());
        return [.. words];
    }

    private sealed class FixedClock(DateTimeOffset now) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => now;
    }
}
