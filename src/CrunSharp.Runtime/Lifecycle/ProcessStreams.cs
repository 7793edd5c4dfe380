using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Processes;
using CrunSharp.Kernel.Terminals;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Runtime.Lifecycle;

/// <summary>
/// Pipes, or a terminal, between a container's process and this one: what the process has open it could open again, with
/// other rights, so that it gets no file of the host.
/// </summary>
public sealed class ProcessStreams : IDisposable
{
    private readonly SafeFileHandle? _terminal;
    private readonly SafeFileHandle?[] _ours;
    private readonly SafeFileHandle?[] _theirs;

    private ProcessStreams(SafeFileHandle? terminal, SafeFileHandle?[] ours, SafeFileHandle?[] theirs) =>
        (_terminal, _ours, _theirs) = (terminal, ours, theirs);

    /// <summary>Whether it is a terminal.</summary>
    public bool IsTerminal => _terminal is not null;

    /// <summary>The process's descriptor 0.</summary>
    public SafeFileHandle? Input => _theirs[0];

    /// <summary>The process's descriptor 1.</summary>
    public SafeFileHandle? Output => _theirs[1];

    /// <summary>The process's descriptor 2.</summary>
    public SafeFileHandle? Error => _theirs[2];

    /// <summary>A terminal; takes it over.</summary>
    /// <param name="master">Its master side.</param>
    public static ProcessStreams OfTerminal(SafeFileHandle master) => new(master, new SafeFileHandle?[3], new SafeFileHandle?[3]);

    /// <summary>Pipes.</summary>
    /// <param name="hasInput">Whether the process reads; else it has <c>/dev/null</c>.</param>
    /// <param name="hasOutput">Whether it writes; else it has <c>/dev/null</c>.</param>
    public static ProcessStreams OfPipes(bool hasInput, bool hasOutput)
    {
        var (ours, theirs) = (new SafeFileHandle?[3], new SafeFileHandle?[3]);
        if (hasInput) (theirs[0], ours[0]) = FileDescriptor.Pipe();
        if (hasOutput)
        {
            (ours[1], theirs[1]) = FileDescriptor.Pipe();
            (ours[2], theirs[2]) = FileDescriptor.Pipe();
        }
        for (var i = 0; i < 3; i++) theirs[i] ??= FileAt.Open(null, "/dev/null", OpenFlags.O_RDWR);
        return new ProcessStreams(null, ours, theirs);
    }

    /// <summary>Closes the process's ends, once it has them.</summary>
    public void CloseTheirs()
    {
        foreach (var end in _theirs) end?.Dispose();
    }

    /// <summary>Tells the process its terminal's size.</summary>
    public void Resize(TerminalSize size)
    {
        if (_terminal is not null) Terminal.SetSize(_terminal, size);
    }

    /// <summary>Copies until the process has ended, or nobody has its end open any more.</summary>
    /// <param name="process">The process.</param>
    /// <param name="input">Where its input is from; null for none.</param>
    /// <param name="output">Where its output goes.</param>
    /// <param name="error">Where its errors go.</param>
    public void Copy(PidHandle process, SafeFileHandle? input, SafeFileHandle output, SafeFileHandle error)
    {
        if (_terminal is not null) CopyTerminal(_terminal, input, output);
        else CopyPipes(process, input, output, error);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        CloseTheirs();
        foreach (var end in _ours) end?.Dispose();
        _terminal?.Dispose();
    }

    private void CopyPipes(PidHandle process, SafeFileHandle? input, SafeFileHandle output, SafeFileHandle error)
    {
        var buffer = new byte[64 * 1024];
        var (toProcess, fromOutput, fromError) = (_ours[0], _ours[1], _ours[2]);
        var poll = new Poll();
        while (fromOutput is not null || fromError is not null)
        {
            poll.Clear();
            var ended = poll.Add(process.File, PollEvents.POLLIN);
            var outputIndex = fromOutput is null ? -1 : poll.Add(fromOutput, PollEvents.POLLIN);
            var errorIndex = fromError is null ? -1 : poll.Add(fromError, PollEvents.POLLIN);
            // Only what can be handed on at once is read: a process that does not read must not keep its output here.
            var writable = input is null || toProcess is null ? -1 : poll.Add(toProcess, PollEvents.POLLOUT);
            var inputIndex = input is null || toProcess is null ? -1 : poll.Add(input, PollEvents.POLLIN);
            poll.Wait(null);
            var hadOutput = false;
            if (outputIndex >= 0 && poll.EventsOf(outputIndex) != 0) hadOutput |= Copy(ref fromOutput, output, buffer);
            if (errorIndex >= 0 && poll.EventsOf(errorIndex) != 0) hadOutput |= Copy(ref fromError, error, buffer);
            if (inputIndex >= 0 && poll.EventsOf(inputIndex) != 0 && poll.EventsOf(writable) != 0)
            {
                // A pipe that is writable takes at least 4096 bytes at once.
                if (!Copy(ref input, toProcess!, buffer.AsSpan(0, 4096)))
                {
                    toProcess!.Dispose();
                    toProcess = null;
                }
            }
            else if (inputIndex >= 0 && poll.EventsOf(inputIndex) != 0 && !hadOutput && poll.EventsOf(ended) == 0)
            {
                WaitForRoom(process, toProcess!, fromOutput, fromError);
            }
            if (!hadOutput && poll.EventsOf(ended) != 0) return;
        }
    }

    // There is input that the process does not take yet: wait for anything but the input.
    private static void WaitForRoom(PidHandle process, SafeFileHandle toProcess, SafeFileHandle? output, SafeFileHandle? error)
    {
        var poll = new Poll();
        poll.Add(process.File, PollEvents.POLLIN);
        poll.Add(toProcess, PollEvents.POLLOUT);
        if (output is not null) poll.Add(output, PollEvents.POLLIN);
        if (error is not null) poll.Add(error, PollEvents.POLLIN);
        poll.Wait(null);
    }

    private static bool Copy(ref SafeFileHandle? from, SafeFileHandle to, Span<byte> buffer)
    {
        var count = FileDescriptor.Read(from!, buffer, out _);
        var copied = count > 0 && FileDescriptor.WriteAll(to, buffer[..count]);
        if (!copied) from = null;
        return copied;
    }

    private static void CopyTerminal(SafeFileHandle terminal, SafeFileHandle? input, SafeFileHandle output)
    {
        var buffer = new byte[32 * 1024];
        var poll = new Poll();
        for (; ; )
        {
            poll.Clear();
            var shown = poll.Add(terminal, PollEvents.POLLIN);
            var typed = input is null ? -1 : poll.Add(input, PollEvents.POLLIN);
            poll.Wait(null);
            if (typed >= 0 && poll.EventsOf(typed) != 0)
            {
                var count = FileDescriptor.Read(input!, buffer, out _);
                if (count <= 0) input = null;
                else FileDescriptor.WriteAll(terminal, buffer.AsSpan(0, count));
            }
            if (poll.EventsOf(shown) == 0) continue;
            var length = FileDescriptor.Read(terminal, buffer, out _);
            if (length <= 0) return; // EIO: nobody has the terminal open any more
            FileDescriptor.WriteAll(output, buffer.AsSpan(0, length));
        }
    }
}
