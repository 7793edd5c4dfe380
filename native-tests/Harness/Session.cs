using System.Diagnostics;
using System.Text;
using CrunSharp.Kernel.Processes;

namespace CrunSharp.NativeTests.Harness;

/// <summary>A program that was started, whose output is collected while it runs.</summary>
public sealed class Session : IDisposable
{
    private readonly Process _process;
    private readonly MemoryStream _output = new();
    private readonly MemoryStream _errors = new();
    private readonly Task _collecting;
    private readonly string _command;

    public Session(Process process, string command, bool collects = true)
    {
        (_process, _command) = (process, command);
        _collecting = collects
            ? Task.WhenAll(Collect(process.StandardOutput.BaseStream, _output), Collect(process.StandardError.BaseStream, _errors))
            : Task.CompletedTask;
    }

    /// <summary>The program's process.</summary>
    public int Pid => _process.Id;

    /// <summary>Whether it has ended.</summary>
    public bool HasEnded => _process.HasExited;

    /// <summary>Its output as a stream, when it is not collected.</summary>
    public Stream RawOutput => _process.StandardOutput.BaseStream;

    /// <summary>What it has written up to now.</summary>
    public string Output
    {
        get
        {
            lock (_output) return Encoding.UTF8.GetString(_output.ToArray());
        }
    }

    /// <summary>Gives it input.</summary>
    public void Write(string text) => Write(Encoding.UTF8.GetBytes(text));

    /// <summary>Gives it input. A program that ends without reading it is no failure here: what it said is for the test to judge.</summary>
    public void Write(byte[] data)
    {
        try
        {
            _process.StandardInput.BaseStream.Write(data);
        }
        catch (IOException)
        {
        }
    }

    /// <summary>Ends its input. Closes the pipe itself: a writer would flush first, and fail, when the program has not read what there was.</summary>
    public void EndInput() => _process.StandardInput.BaseStream.Close();

    /// <summary>What it has written to its error output up to now.</summary>
    public string Errors
    {
        get
        {
            lock (_errors) return Encoding.UTF8.GetString(_errors.ToArray());
        }
    }

    /// <summary>Waits until its output contains a text.</summary>
    public void Expect(string text, int milliseconds = 15_000) => Expect(() => Output, text, milliseconds);

    /// <summary>Waits until its error output contains a text.</summary>
    public void ExpectError(string text, int milliseconds = 15_000) => Expect(() => Errors, text, milliseconds);

    private void Expect(Func<string> output, string text, int milliseconds)
    {
        var until = Stopwatch.StartNew();
        while (!output().Contains(text, StringComparison.Ordinal))
        {
            if (until.ElapsedMilliseconds > milliseconds || (HasEnded && _collecting.IsCompleted && !output().Contains(text, StringComparison.Ordinal)))
                Assert.Fail($"{_command} did not write {text}, but: {Output}\nstderr: {Encoding.UTF8.GetString(_errors.ToArray())}");
            Thread.Sleep(5);
        }
    }

    /// <summary>Sends it a signal.</summary>
    public void Send(Signal signal)
    {
        using var process = PidHandle.TryOpen(Pid);
        process?.Send(signal.Number);
    }

    /// <summary>Waits for its end; ends it, and fails the test, when it takes too long.</summary>
    public Outcome Wait(int milliseconds = 60_000)
    {
        if (!_process.WaitForExit(milliseconds) || !_collecting.Wait(milliseconds))
        {
            var state = _process.HasExited ? "has ended, but its output is held open" : "does not end";
            if (!_process.HasExited) _process.Kill(entireProcessTree: true);
            Assert.Fail($"{_command} {state} after {milliseconds / 1000} s\nstdout: {Output}\nstderr: {Encoding.UTF8.GetString(_errors.ToArray())}");
        }
        return new Outcome(_process.ExitCode, _output.ToArray(), Encoding.UTF8.GetString(_errors.ToArray()), _command);
    }

    public void Dispose()
    {
        if (!_process.HasExited) _process.Kill(entireProcessTree: true);
        _process.Dispose();
    }

    private static async Task Collect(Stream from, MemoryStream to)
    {
        var buffer = new byte[64 * 1024];
        for (int count; (count = await from.ReadAsync(buffer)) > 0;)
        {
            lock (to) to.Write(buffer, 0, count);
        }
    }
}
