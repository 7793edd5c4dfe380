using System.Globalization;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Processes;
using CrunSharp.Kernel.Sockets;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Runtime.Cgroups.Stats;

/// <summary>Tells when memory runs out in a container, so that the kernel ends one of its processes.</summary>
public sealed class OomWatch : IDisposable
{
    private readonly CgroupEvents? _counters;
    private readonly WakeEvent? _event;
    private readonly SafeFileHandle? _control;
    private long _seen;

    private OomWatch(CgroupEvents counters) => (_counters, _seen) = (counters, counters.Read("oom_kill") ?? 0);

    private OomWatch(WakeEvent wake, SafeFileHandle control) => (_event, _control) = (wake, control);

    /// <summary>What to wait for, among other files.</summary>
    public SafeFileHandle File => _counters?.File ?? _event!.File;

    /// <summary>What of <see cref="File"/> to wait for.</summary>
    public PollEvents Events => _counters is null ? PollEvents.POLLIN : PollEvents.POLLPRI;

    /// <summary>How often memory ran out since the last time; to be asked when <see cref="File"/> is ready.</summary>
    /// <returns>null when the cgroup is gone: nothing more will come.</returns>
    public long? Take()
    {
        if (_event is not null) return TakeEvent();
        try
        {
            var before = _seen;
            _seen = _counters!.Read("oom_kill") ?? before;
            return _seen - before;
        }
        catch (CrunException error) when (error.Errno == Errno.ENODEV)
        {
            return null;
        }
    }

    /// <summary>Waits until memory runs out; false when it has not within <paramref name="timeout"/>, or the cgroup is gone.</summary>
    /// <param name="timeout">How long; null without limit.</param>
    public bool Wait(TimeSpan? timeout)
    {
        var started = System.Diagnostics.Stopwatch.GetTimestamp();
        for (; ; )
        {
            var left = timeout is { } limit ? limit - System.Diagnostics.Stopwatch.GetElapsedTime(started) : (TimeSpan?)null;
            if (left < TimeSpan.Zero || !Poll.Wait(File, Events, left)) return false;
            if (Take() is not { } count) return false;
            if (count > 0) return true;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _counters?.Dispose();
        _event?.Dispose();
        _control?.Dispose();
    }

    internal static OomWatch Of(CgroupEvents counters) => new(counters);

    // https://docs.kernel.org/admin-guide/cgroup-v1/memory.html#oom-control
    internal static OomWatch OfV1(SafeFileHandle directory)
    {
        var control = FileAt.Open(directory, "memory.oom_control", OpenFlags.O_RDONLY);
        var wake = new WakeEvent();
        try
        {
            KernelFile.Write(directory, "cgroup.event_control",
                string.Create(CultureInfo.InvariantCulture, $"{wake.File.DangerousGetHandle()} {control.DangerousGetHandle()}"));
            return new OomWatch(wake, control);
        }
        catch
        {
            wake.Dispose();
            control.Dispose();
            throw;
        }
    }

    // The removal of the cgroup counts as one more.
    private long? TakeEvent()
    {
        Span<byte> count = stackalloc byte[sizeof(ulong)];
        if (FileDescriptor.Read(_event!.File, count, out _) != sizeof(ulong)) return 0;
        Span<byte> text = stackalloc byte[256];
        try
        {
            return OpenFile.ReadAt(_control!, text, 0) == 0 ? null : (long)BitConverter.ToUInt64(count);
        }
        catch (CrunException error) when (error.Errno == Errno.ENODEV)
        {
            return null;
        }
    }
}
