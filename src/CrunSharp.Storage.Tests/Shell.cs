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

    /// <summary>What a line of sh makes of bytes.</summary>
    public static byte[] Pipe(string line, byte[] input)
    {
        using var process = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", line]) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        using var output = new MemoryStream();
        var reading = process.StandardOutput.BaseStream.CopyToAsync(output);
        try
        {
            using var into = process.StandardInput.BaseStream;
            into.Write(input);
        }
        catch (IOException)
        {
            // It needs no more of it; its exit code tells.
        }
        reading.Wait();
        process.WaitForExit();
        Assert.That(process.ExitCode, Is.Zero, line);
        return output.ToArray();
    }
}
