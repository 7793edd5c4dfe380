using System.Diagnostics;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Kernel.Processes;

/// <summary>Waits for files to become ready.</summary>
/// <seealso href="https://man7.org/linux/man-pages/man2/poll.2.html"/>
public sealed unsafe class Poll
{
    private readonly List<pollfd> _files = [];

    /// <summary>Takes all files out.</summary>
    public void Clear() => _files.Clear();

    /// <summary>Adds a file; its index for <see cref="EventsOf"/>.</summary>
    public int Add(SafeFileHandle file, PollEvents events)
    {
        _files.Add(new pollfd { fd = (int)file.DangerousGetHandle(), events = (short)events });
        return _files.Count - 1;
    }

    /// <summary>Waits until one of the files is ready; false when none is within <paramref name="timeout"/>.</summary>
    /// <param name="timeout">How long; null without limit.</param>
    /// <exception cref="CrunException">The errors of poll.</exception>
    public bool Wait(TimeSpan? timeout)
    {
        var started = Stopwatch.GetTimestamp();
        var files = System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_files);
        fixed (pollfd* first = files)
        {
            for (; ; )
            {
                var left = timeout is { Ticks: > 0 } limit ? limit - Stopwatch.GetElapsedTime(started) : TimeSpan.Zero;
                var milliseconds = timeout is null ? -1 : (int)Math.Clamp(Math.Ceiling(left.TotalMilliseconds), 0, int.MaxValue);
                var ready = C.poll(first, (nuint)files.Length, milliseconds);
                if (ready >= 0) return ready > 0;
                if (SystemCall.LastErrno != Errno.EINTR) throw SystemCall.Failure("wait for files", $"poll({files.Length} files)");
            }
        }
    }

    /// <summary>What happened to a file.</summary>
    public PollEvents EventsOf(int index) => (PollEvents)_files[index].revents;

    /// <summary>Waits until one file is ready; false when it is not within <paramref name="timeout"/>.</summary>
    public static bool Wait(SafeFileHandle file, PollEvents events, TimeSpan? timeout)
    {
        var poll = new Poll();
        poll.Add(file, events);
        return poll.Wait(timeout);
    }
}
