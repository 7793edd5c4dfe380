using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Kernel.Processes;

/// <summary>
/// A run of the stage, the tiny C program that carries out a <see cref="StagePlan"/> between clone and exec. It is
/// embedded in this assembly and run from a sealed memfd, so no container ever sees a program of the host.
/// </summary>
public sealed unsafe class Stage : IDisposable
{
    private static readonly Lock Making = new();
    private static SafeFileHandle? s_program;

    private readonly StagePlan _plan;
    private readonly SafeFileHandle _channel;
    private readonly Queue<(uint Code, int Value)> _early = new();
    private int _launcher;

    private Stage(StagePlan plan, SafeFileHandle channel) => (_plan, _channel) = (plan, channel);

    /// <summary>Whether a process still carries out a plan, and has not executed its program.</summary>
    /// <remarks>One that is ending, or whose first thread has ended before the others, shows no program: it is no stage.</remarks>
    public static bool IsStage(PidHandle process) =>
        FileAt.TryReadSymbolicLink(null, process.PathOf("exe"))?.StartsWith("/memfd:crun-sharp-stage", StringComparison.Ordinal) == true;

    /// <summary>Starts carrying out a plan.</summary>
    /// <param name="plan">The plan; it must begin with its clone.</param>
    /// <param name="standardInput">The process's descriptor 0; null leaves ours.</param>
    /// <param name="standardOutput">The process's descriptor 1; null leaves ours.</param>
    /// <param name="standardError">The process's descriptor 2; null leaves ours.</param>
    /// <exception cref="CrunException">The stage cannot be started.</exception>
    public static Stage Start(StagePlan plan, SafeHandle? standardInput, SafeHandle? standardOutput, SafeHandle? standardError)
    {
        var program = Program();
        var ends = stackalloc int[2];

        if (C.socketpair(SOCK.AF_UNIX, SOCK.SOCK_SEQPACKET | (int)OpenFlags.O_CLOEXEC, 0, ends) != 0)
            throw SystemCall.Failure("start the stage", "socketpair(AF_UNIX, SOCK_SEQPACKET|SOCK_CLOEXEC, 0)");
        var channel = new SafeFileHandle(ends[0], ownsHandle: true);
        using var report = new SafeFileHandle(ends[1], ownsHandle: true);
        try
        {
            var (steps, data) = plan.Write(ends[1]);
            using var memory = Memory("crun-sharp-plan", steps, StagePlan.DataOffset, data.Span, MFD.MFD_CLOEXEC);
            var size = StagePlan.DataOffset + data.Length;
            var inherited = new List<SafeHandle>(plan.Inherited) { memory, report };
            var pid = Spawn.Start(PathOf(program),
                ["crun-sharp-stage", memory.DangerousGetHandle().ToString(), size.ToString()], [],
                [standardInput, standardOutput, standardError], inherited, newSession: false);
            var stage = new Stage(plan, channel) { _launcher = pid };
            return stage;
        }
        catch
        {
            channel.Dispose();
            throw;
        }
    }

    /// <summary>
    /// This process becomes the stage, which gives its signals on to a child and ends as the child does: with its code, or
    /// with 128 and the signal that ended it. What waits is 60 kB then, and has ended as soon as the child has.
    /// </summary>
    /// <param name="child">A child of this process; any other that ends is reaped.</param>
    /// <exception cref="CrunException">The stage cannot be started; this process goes on.</exception>
    [DoesNotReturn]
    public static void Attend(PidHandle child)
    {
        var plan = new StagePlan();
        plan.SetName("crun-sharp");
        plan.Attend(child.Pid);
        var (steps, data) = plan.Write(report: -1);
        using var memory = Memory("crun-sharp-plan", steps, StagePlan.DataOffset, data.Span, 0);
        throw Spawn.Become(PathOf(Program()),
            ["crun-sharp-stage", memory.DangerousGetHandle().ToString(), (StagePlan.DataOffset + data.Length).ToString()]);
    }

    /// <summary>Waits for the clone; the new process, a child of ours.</summary>
    /// <exception cref="CrunException">A step failed.</exception>
    public PidHandle WaitForProcess()
    {
        int pid;
        for (; ; )
        {
            var (code, value) = ReadChannel() ?? throw Killed();
            pid = value;
            if (code == StagePlan.EventBit) break;
            // The child is on its way before its parent has told its number.
            var isChilds = (code & StagePlan.EventBit) != 0 || code >= _plan.FirstChildStep;
            if (!isChilds) throw _plan.Failure((int)code, (Errno)value);
            _early.Enqueue((code, value));
        }
        Spawn.Reap(_launcher);
        _launcher = 0;
        return PidHandle.TryOpen(pid)
            ?? throw new CrunException(ErrorKind.System, "the new process ended before it could be opened", "start the process");
    }

    /// <summary>Waits until the stage reports an event (<see cref="StagePlan.Meet"/>); its value.</summary>
    /// <exception cref="CrunException">A step failed, or the stage was killed.</exception>
    public int WaitForEvent(int number)
    {
        var (code, value) = Read() ?? throw Killed();
        if (code == (StagePlan.EventBit | (uint)number)) return value;
        throw (code & StagePlan.EventBit) == 0
            ? _plan.Failure((int)code, (Errno)value)
            : new CrunException(ErrorKind.System, $"the stage reports event {code & ~StagePlan.EventBit} instead of {number}");
    }

    /// <summary>Lets the stage go on where it waits.</summary>
    public void Continue()
    {
        byte go = 1;
        while (C.write(_channel, &go, 1) < 0 && SystemCall.LastErrno == Errno.EINTR) { }
    }

    /// <summary>Waits until the process executes its program.</summary>
    /// <param name="onEvent">Is told the number and value of events on the way, after which the stage goes on; null when there are none.</param>
    /// <exception cref="CrunException">A step failed.</exception>
    public void WaitForExec(Action<int, int>? onEvent = null)
    {
        while (Read() is { } report) // execve closes the stage's end
        {
            if ((report.Code & StagePlan.EventBit) == 0) throw _plan.Failure((int)report.Code, (Errno)report.Value);
            var number = (int)(report.Code & ~StagePlan.EventBit);
            if (onEvent is null) throw new CrunException(ErrorKind.System, $"the stage reports event {number} instead of the program's start");
            onEvent(number, report.Value);
            Continue();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _channel.Dispose();
        if (_launcher != 0) Spawn.Reap(_launcher);
        _launcher = 0;
    }

    private (uint Code, int Value)? Read() => _early.TryDequeue(out var early) ? early : ReadChannel();

    private (uint Code, int Value)? ReadChannel()
    {
        var report = stackalloc byte[8];
        nint length;
        while ((length = C.read(_channel, report, 8)) < 0 && SystemCall.LastErrno == Errno.EINTR) { }
        if (length != 8) return null;
        return (BinaryPrimitives.ReadUInt32LittleEndian(new ReadOnlySpan<byte>(report, 4)),
            BinaryPrimitives.ReadInt32LittleEndian(new ReadOnlySpan<byte>(report + 4, 4)));
    }

    private static CrunException Killed() =>
        new(ErrorKind.System, "the process was killed before it could start", "start the process");

    private static SafeFileHandle Program()
    {
        if (Volatile.Read(ref s_program) is { } made) return made;
        lock (Making)
        {
            if (s_program is not null) return s_program;
            var program = Memory("crun-sharp-stage", StageProgram.Bytes, 0, [], MFD.MFD_CLOEXEC | MFD.MFD_ALLOW_SEALING | C.MFD_EXEC);
            const int seals = AT.F_SEAL_SEAL | AT.F_SEAL_SHRINK | AT.F_SEAL_GROW | AT.F_SEAL_WRITE;
            if (C.fcntl(program, AT.F_ADD_SEALS, seals) != 0)
                throw SystemCall.Failure("seal the stage", $"fcntl({SystemCall.Fd(program)}, F_ADD_SEALS, F_SEAL_SEAL|F_SEAL_SHRINK|F_SEAL_GROW|F_SEAL_WRITE)");
            Volatile.Write(ref s_program, program);
            return program;
        }
    }

    private static string PathOf(SafeFileHandle program) => string.Concat("/proc/self/fd/", program.DangerousGetHandle().ToString());

    private static SafeFileHandle Memory(string name, ReadOnlySpan<byte> head, int offset, ReadOnlySpan<byte> tail, uint flags)
    {
        var fd = C.memfd_create(name, flags);
        // Linux 6.3 knows MFD_EXEC; before it every memfd can be executed.
        if (fd < 0 && SystemCall.LastErrno == Errno.EINVAL) fd = C.memfd_create(name, flags & ~C.MFD_EXEC);
        if (fd < 0) throw SystemCall.Failure("make memory for the stage", $"memfd_create({SystemCall.Quote(name)})");
        var memory = new SafeFileHandle(fd, ownsHandle: true);
        RandomAccess.Write(memory, head, 0);
        if (tail.Length > 0) RandomAccess.Write(memory, tail, offset);
        return memory;
    }
}
