using System.Buffers.Text;
using System.Diagnostics;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Processes;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Runtime.Cgroups;

/// <summary>A file of a cgroup with counters, by which the kernel tells that something happened.</summary>
public sealed class CgroupEvents : IDisposable
{
    internal CgroupEvents(SafeFileHandle file) => File = file;

    /// <summary>The open file: POLLPRI when a counter has changed since <see cref="Read"/>.</summary>
    public SafeFileHandle File { get; }

    /// <summary>The value of a counter now; null when the kernel does not have it.</summary>
    /// <param name="key">Its name, such as <c>populated</c> of <c>cgroup.events</c>, <c>oom_kill</c> of <c>memory.events</c>.</param>
    /// <exception cref="CrunException">ENODEV when the cgroup was removed.</exception>
    public long? Read(string key)
    {
        Span<byte> buffer = stackalloc byte[4096];
        return Find(buffer[..OpenFile.ReadAt(File, buffer, 0)], key);
    }

    /// <summary>Waits until a counter has a value; false when it has not within <paramref name="timeout"/>.</summary>
    /// <param name="key">The counter's name.</param>
    /// <param name="value">The value.</param>
    /// <param name="timeout">How long; null without limit.</param>
    /// <exception cref="CrunException">ENODEV when the cgroup was removed.</exception>
    public bool WaitFor(string key, long value, TimeSpan? timeout)
    {
        var started = Stopwatch.GetTimestamp();
        while (Read(key) != value)
        {
            var left = timeout is { } limit ? limit - Stopwatch.GetElapsedTime(started) : (TimeSpan?)null;
            if (left <= TimeSpan.Zero || !Poll.Wait(File, PollEvents.POLLPRI, left)) return Read(key) == value;
        }
        return true;
    }

    /// <inheritdoc/>
    public void Dispose() => File.Dispose();

    // Lines of a name, a space and a number.
    internal static long? Find(ReadOnlySpan<byte> text, string key)
    {
        foreach (var range in text.Split((byte)'\n'))
        {
            var line = text[range];
            if (line.Length <= key.Length || line[key.Length] != ' ') continue;
            var isKey = true;
            for (var i = 0; i < key.Length && isKey; i++) isKey = line[i] == key[i];
            var number = line[(key.Length + 1)..];
            if (isKey) return Utf8Parser.TryParse(number, out long value, out var count) && count == number.Length ? value : null;
        }
        return null;
    }
}
