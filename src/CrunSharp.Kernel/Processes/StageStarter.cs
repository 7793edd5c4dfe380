using System.Buffers.Binary;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Kernel.Processes;

/// <summary>The other side of <see cref="StagePlan.AwaitStarter"/>: starts the program of a stage that another process made.</summary>
public static unsafe class StageStarter
{
    /// <summary>Lets a stage go on, and waits until it executes its program.</summary>
    /// <param name="connection">A connection to the socket at which it waits.</param>
    /// <param name="firstStep">The number of the step after the wait.</param>
    /// <param name="following">Writes the steps after the wait once more, to tell which of them failed.</param>
    /// <param name="onEvent">Is told the number and value of events on the way; null when there are none.</param>
    /// <exception cref="CrunException">A step failed, or the process was killed.</exception>
    public static void Start(SafeFileHandle connection, int firstStep, Func<StagePlan> following, Action<int, int>? onEvent = null)
    {
        var report = stackalloc byte[8];
        for (; ; )
        {
            Continue(connection);
            nint length;
            while ((length = C.read(connection, report, 8)) < 0 && SystemCall.LastErrno == Errno.EINTR) { }
            if (length != 8) return; // execve closed the stage's end
            var code = BinaryPrimitives.ReadUInt32LittleEndian(new ReadOnlySpan<byte>(report, 4));
            var value = BinaryPrimitives.ReadInt32LittleEndian(new ReadOnlySpan<byte>(report + 4, 4));
            if ((code & StagePlan.EventBit) == 0) throw following().Failure((int)code - firstStep, (Errno)value);
            onEvent?.Invoke((int)(code & ~StagePlan.EventBit), value);
        }
    }

    private static void Continue(SafeFileHandle connection)
    {
        byte go = 1;
        while (C.write(connection, &go, 1) < 0)
        {
            if (SystemCall.LastErrno != Errno.EINTR) throw SystemCall.Failure("start the process", $"write({SystemCall.Fd(connection)}, 1)");
        }
    }
}
