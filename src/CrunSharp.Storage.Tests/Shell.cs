using System.Diagnostics;
using System.Text;

namespace CrunSharp.Storage.Tests;

/// <summary>Runs other programs, the judges of what we write.</summary>
internal static class Shell
{
    public static bool Has(string program) =>
        Environment.GetEnvironmentVariable("PATH")!.Split(':').Any(folder => File.Exists(Path.Combine(folder, program)));

    public static void Need(string program)
    {
        if (!Has(program)) Assert.Ignore($"{program} is not installed");
    }

    /// <summary>Runs a line of sh; its output, or a failure that shows it.</summary>
    public static string Run(string line)
    {
        var (status, output) = Try(line);
        Assert.That(status, Is.Zero, $"{line}\n{output}");
        return output;
    }

    public static (int Status, string Output) Try(string line)
    {
        using var process = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", line + " 2>&1"])
        {
            RedirectStandardOutput = true,
            StandardOutputEncoding = Encoding.Latin1,
        })!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output);
    }
}
