using System.Text;

namespace CrunSharp.NativeTests.Harness;

/// <summary>What a program left: its exit code and what it wrote.</summary>
/// <param name="Code">Its exit code; 128 and the signal's number when a signal ended it.</param>
/// <param name="Bytes">What it wrote to its output.</param>
/// <param name="Err">What it wrote to its error output.</param>
/// <param name="Command">What was run, for messages.</param>
public sealed record Outcome(int Code, byte[] Bytes, string Err, string Command)
{
    /// <summary>Its output as text.</summary>
    public string Out { get; } = Encoding.UTF8.GetString(Bytes);

    /// <summary>Its output without the line end.</summary>
    public string Line => Out.TrimEnd('\n');

    /// <summary>Its output's lines.</summary>
    public string[] Lines => Out.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>This, if the program succeeded; the test fails otherwise.</summary>
    public Outcome Succeeded()
    {
        Assert.That(Code, Is.Zero, () => $"{Command}\nstdout: {Out}\nstderr: {Err}");
        return this;
    }

    /// <summary>This, if the program failed with this code and one line that contains <paramref name="message"/>.</summary>
    public Outcome Failed(int code, string message = "")
    {
        Assert.Multiple(() =>
        {
            Assert.That(Code, Is.EqualTo(code), () => $"exit code of {Command}\nstdout: {Out}\nstderr: {Err}");
            Assert.That(Err, Does.Contain(message), Command);
            Assert.That(Err.TrimEnd('\n').Split('\n'), Has.Length.EqualTo(1), () => $"lines of the message of {Command}");
        });
        return this;
    }

    public override string ToString() => $"{Command} -> {Code}\nstdout: {Out}\nstderr: {Err}";
}
