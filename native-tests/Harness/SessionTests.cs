using System.Diagnostics;

namespace CrunSharp.NativeTests.Harness;

/// <summary>The proof that a test judges a program by what it says, not by what it did not read.</summary>
public sealed class SessionTests
{
    [Test]
    public void A_program_that_has_ended_can_be_given_input()
    {
        var process = Process.Start(new ProcessStartInfo("sh", ["-c", "echo said; exit 3"]) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true })!;
        using var session = new Session(process, "sh");
        process.WaitForExit();
        session.Write("first");
        session.Write("second");
        session.EndInput();
        session.EndInput();
        Assert.That(session.Wait(), Has.Property("Code").EqualTo(3).And.Property("Out").EqualTo("said\n"));
    }
}
