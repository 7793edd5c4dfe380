using System.Globalization;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Kernel.Processes;

/// <summary>How a process ended.</summary>
/// <param name="Code">The exit code of a process that ended by itself, or 128 and the signal's number.</param>
/// <param name="Signal">The signal that ended it; 0 when it ended by itself.</param>
public readonly record struct ExitStatus(int Code, int Signal);

/// <summary>A process, held by a pidfd: never another one that got its number.</summary>
/// <seealso href="https://man7.org/linux/man-pages/man2/pidfd_open.2.html"/>
public sealed unsafe class PidHandle : IDisposable
{
    private ExitStatus? _end;

    private PidHandle(int pid, SafeFileHandle file) => (Pid, File) = (pid, file);

    /// <summary>The process id in this process's pid namespace.</summary>
    public int Pid { get; }

    /// <summary>The pidfd: readable once the process has ended.</summary>
    public SafeFileHandle File { get; }

    /// <summary>Opens a process; null when there is none of that number.</summary>
    /// <exception cref="CrunException">The errors of pidfd_open other than ESRCH.</exception>
    public static PidHandle? TryOpen(int pid)
    {
        var fd = C.syscall_raw(NR.__NR_pidfd_open, pid, 0, 0, 0, 0, 0);
        if (fd >= 0) return new PidHandle(pid, new SafeFileHandle(fd, ownsHandle: true));
        return SystemCall.LastErrno is Errno.ESRCH or Errno.EINVAL
            ? null
            : throw SystemCall.Failure($"open process {pid}", $"pidfd_open({pid}, 0)");
    }

    /// <summary>Opens a process by its number and start time; null when it is gone, also when its number is another's now.</summary>
    /// <exception cref="CrunException">The errors of pidfd_open other than ESRCH.</exception>
    public static PidHandle? TryOpen(int pid, ulong startTime)
    {
        if (pid <= 0) return null;
        var handle = TryOpen(pid);
        if (handle is null || (StartTimeOf(pid) == startTime && !handle.HasEnded)) return handle;
        handle.Dispose();
        return null;
    }

    /// <summary>The path of one of the process's files in procfs.</summary>
    public string PathOf(string name) => PathOf(Pid, name);

    /// <summary>The path of one of a process's files in procfs.</summary>
    /// <remarks>A number in an interpolated string would set up the pool of arrays, a hundredth of an <c>exec</c>.</remarks>
    public static string PathOf(int pid, string name) => string.Concat("/proc/", pid.ToString(CultureInfo.InvariantCulture), "/", name);

    /// <summary>Whether the process has ended.</summary>
    public bool HasEnded => Poll.Wait(File, PollEvents.POLLIN, TimeSpan.Zero);

    /// <summary>When a process started, in clock ticks since boot: with the number, its identity. 0 when there is none.</summary>
    public static ulong StartTimeOf(int pid)
    {
        // procfs has no sizes, so read what there is; the name in parentheses may contain anything.
        Span<byte> buffer = stackalloc byte[1024];
        using var file = Files.FileAt.TryOpen(null, PathOf(pid, "stat"), OpenFlags.O_RDONLY, out _);
        if (file is null) return 0;
        int length;
        try
        {
            length = RandomAccess.Read(file, buffer, 0);
        }
        catch (IOException)
        {
            return 0; // ESRCH: it ended between open and read
        }
        var rest = buffer[..length];
        rest = rest[(rest.LastIndexOf((byte)')') + 1)..];
        for (var field = 2; field < 22; field++) rest = rest[(rest.IndexOf((byte)' ') + 1)..];
        return System.Buffers.Text.Utf8Parser.TryParse(rest, out ulong ticks, out _) ? ticks : 0;
    }

    /// <summary>Sends a signal; false when the process has ended.</summary>
    /// <exception cref="CrunException">The errors of pidfd_send_signal other than ESRCH.</exception>
    public bool Send(int signal)
    {
        if (C.syscall_raw(NR.__NR_pidfd_send_signal, File.DangerousGetHandle(), signal, 0, 0, 0, 0) == 0) return true;
        return SystemCall.LastErrno == Errno.ESRCH
            ? false
            : throw SystemCall.Failure($"signal process {Pid}", $"pidfd_send_signal({SystemCall.Fd(File)}, {signal}, NULL, 0)");
    }

    /// <summary>A copy of a descriptor of the process.</summary>
    /// <param name="number">Its number there.</param>
    /// <exception cref="CrunException">The errors of pidfd_getfd.</exception>
    /// <seealso href="https://man7.org/linux/man-pages/man2/pidfd_getfd.2.html"/>
    public SafeFileHandle CopyDescriptor(int number)
    {
        var fd = C.syscall_raw(NR.__NR_pidfd_getfd, File.DangerousGetHandle(), number, 0, 0, 0, 0);
        return fd >= 0
            ? new SafeFileHandle(fd, ownsHandle: true)
            : throw SystemCall.Failure($"take descriptor {number} of process {Pid}", $"pidfd_getfd({SystemCall.Fd(File)}, {number}, 0)");
    }

    /// <summary>Waits until the process has ended; false when it has not within <paramref name="timeout"/>.</summary>
    /// <param name="timeout">How long; null without limit.</param>
    public bool WaitForEnd(TimeSpan? timeout) => Poll.Wait(File, PollEvents.POLLIN, timeout);

    /// <summary>Waits for a child and takes its exit status; the same one again when it is asked for twice.</summary>
    /// <exception cref="CrunException">ECHILD when it is no child of this process.</exception>
    public ExitStatus Reap()
    {
        if (_end is { } known) return known;
        siginfo_t info;
        for (; ; )
        {
            if (C.waitid(WAIT.P_PIDFD, (int)File.DangerousGetHandle(), &info, WAIT.WEXITED) == 0) break;
            if (SystemCall.LastErrno != Errno.EINTR)
                throw SystemCall.Failure($"wait for process {Pid}", $"waitid(P_PIDFD, {SystemCall.Fd(File)}, WEXITED)");
        }
        var end = info.si_code == CLD.CLD_EXITED
            ? new ExitStatus(info.si_status, 0)
            : new ExitStatus(128 + info.si_status, info.si_status);
        _end = end;
        return end;
    }

    /// <inheritdoc/>
    public void Dispose() => File.Dispose();
}
