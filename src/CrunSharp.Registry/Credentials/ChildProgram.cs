#pragma warning disable RS0030 // Docker's credential stores are programs; whoever has another way to run them hands it over
using System.ComponentModel;
using System.Diagnostics;
using CrunSharp.Oci;

namespace CrunSharp.Registry;

/// <summary>Runs helpers as child processes.</summary>
internal static class ChildProgram
{
    private const int MostBytes = 1024 * 1024;
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(2); // some of them ask people

    public static async Task<ProgramResult> RunAsync(string program, string argument, ReadOnlyMemory<byte> input, CancellationToken cancellationToken)
    {
        using var process = new Process
        {
            StartInfo = new ProcessStartInfo(program, [argument]) { RedirectStandardInput = true, RedirectStandardOutput = true, UseShellExecute = false },
        };
        try
        {
            process.Start();
        }
        catch (Win32Exception error)
        {
            throw new CrunException(ErrorKind.NotFound, "the file of credentials names this helper, which cannot be run", $"run {program}", CrunException.Of(error).Errno, inner: error);
        }
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(Longest);
        try
        {
            var written = WriteAsync(process.StandardInput.BaseStream, input, timeout.Token);
            var output = await ReadAsync(process.StandardOutput.BaseStream, timeout.Token)
                ?? throw CrunException.Integrity($"it writes more than {MostBytes} bytes", program);
            await written;
            await process.WaitForExitAsync(timeout.Token);
            return new ProgramResult(process.ExitCode, output);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new CrunException(ErrorKind.System, $"it did not end within {Longest.TotalSeconds:0} s", $"{program} {argument}");
        }
        finally
        {
            if (!process.HasExited) process.Kill();
        }
    }

    private static async Task WriteAsync(Stream stream, ReadOnlyMemory<byte> input, CancellationToken cancellationToken)
    {
        try
        {
            await using (stream) await stream.WriteAsync(input, cancellationToken);
        }
        catch (IOException)
        {
            // It does not read; its exit code tells why.
        }
    }

    private static async Task<byte[]?> ReadAsync(Stream stream, CancellationToken cancellationToken)
    {
        using var output = new MemoryStream();
        var buffer = new byte[8192];
        while (await stream.ReadAsync(buffer, cancellationToken) is var count and > 0)
        {
            if (output.Length + count > MostBytes) return null;
            output.Write(buffer, 0, count);
        }
        return output.ToArray();
    }
}
