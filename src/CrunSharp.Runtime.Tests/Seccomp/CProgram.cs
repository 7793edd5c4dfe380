using System.Diagnostics;

namespace CrunSharp.Runtime.Tests.Seccomp;

/// <summary>Small C programs of <c>cases/</c>.</summary>
internal static class CProgram
{
    /// <summary>Compiles a program; the caller deletes it.</summary>
    public static string Build(string name, string options = "")
    {
        var source = Path.Combine(TestContext.CurrentContext.TestDirectory, "Seccomp", "cases", name + ".c");
        var program = Path.Combine(Path.GetTempPath(), $"crun-sharp-{name}-{Environment.ProcessId}");
        var (status, _, errors) = Run("gcc", $"-O1 -o {program} {source} {options}", []);
        Assert.That(status, Is.Zero, errors);
        return program;
    }

    /// <summary>Runs a program to its end.</summary>
    public static (int Status, byte[] Output, string Errors) Run(string program, string arguments, ReadOnlySpan<byte> input)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        process.StandardInput.BaseStream.Write(input);
        process.StandardInput.Close();
        var output = new MemoryStream();
        var errors = process.StandardError.ReadToEndAsync();
        process.StandardOutput.BaseStream.CopyTo(output);
        process.WaitForExit();
        return (process.ExitCode, output.ToArray(), errors.Result);
    }
}
