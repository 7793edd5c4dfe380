using System.Runtime.InteropServices;
using CrunSharp.Cli.Commands.Containers;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Processes;
using CrunSharp.Kernel.Terminals;
using CrunSharp.Runtime.Lifecycle;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Cli.Commands.Bundles;

/// <summary>A process of a container in the foreground: its bytes, its terminal's size, its signals.</summary>
internal sealed class ForegroundSession : IDisposable
{
    private ForegroundSession(ProcessStreams? streams) => Streams = streams;

    /// <summary>What the process has open; null when it has what we have.</summary>
    public ProcessStreams? Streams { get; private set; }

    /// <summary>Makes the pipes of a process without a terminal.</summary>
    /// <remarks>A pipe, a socket or <c>/dev/null</c> it may have as it is; a file or a terminal of the host it may not.</remarks>
    public static ForegroundSession Begin(bool hasTerminal) =>
        new(hasTerminal || MayBeShared(0) && MayBeShared(1) && MayBeShared(2) ? null : ProcessStreams.OfPipes(hasInput: true, hasOutput: true));

    /// <summary>Takes the process's terminal over.</summary>
    public void Take(SafeFileHandle? terminal)
    {
        if (terminal is not null) Streams = ProcessStreams.OfTerminal(terminal);
    }

    /// <summary>Ends as the process does, and does not return where nothing is left to do but to wait.</summary>
    /// <returns>Its exit code.</returns>
    public int EndWith(PidHandle process)
    {
        if (Streams is null) Stage.Attend(process);
        return Wait(process);
    }

    /// <summary>Waits for the process's end; its exit code.</summary>
    public int Wait(PidHandle process)
    {
        Streams?.CloseTheirs();
        var input = FileDescriptor.Standard(0);
        var isRaw = Streams?.IsTerminal == true && Terminal.IsTerminal(0);
        using var raw = isRaw ? Terminal.MakeRaw(input) : null;
        if (isRaw) Resize();
        using var resized = isRaw ? PosixSignalRegistration.Create(PosixSignal.SIGWINCH, _ => Resize()) : null;
        using var signals = AttachedSession.Forward(signal => process.Send(signal));
        Streams?.Copy(process, input, FileDescriptor.Standard(1), FileDescriptor.Standard(2));
        return process.Reap().Code;

        void Resize()
        {
            if (Terminal.SizeOf(input) is { } size) Streams!.Resize(size);
        }
    }

    public void Dispose() => Streams?.Dispose();

    private static bool MayBeShared(int descriptor)
    {
        var status = FileAt.Status(FileDescriptor.Standard(descriptor));
        return status.Kind is FileKind.Fifo or FileKind.Socket || status is { Kind: FileKind.CharacterDevice, RdevMajor: 1, RdevMinor: 3 };
    }
}
