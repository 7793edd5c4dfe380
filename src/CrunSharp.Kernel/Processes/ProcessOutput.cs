using System.Diagnostics;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Kernel.Processes;

/// <summary>
/// What a program prints that may be hostile: its beginning is kept, the rest is read and thrown away, and nobody waits
/// for a process that the program has left behind.
/// </summary>
public sealed class ProcessOutput : IDisposable
{
    private readonly SafeFileHandle _source;
    private readonly byte[] _kept;
    private int _count;

    /// <summary>Makes a pipe for the program.</summary>
    /// <param name="most">How many bytes are kept.</param>
    /// <exception cref="CrunException">The errors of pipe2.</exception>
    public ProcessOutput(int most)
    {
        (_source, Target) = FileDescriptor.Pipe();
        _kept = new byte[most];
        FileDescriptor.SetNonBlocking(_source);
    }

    /// <summary>What the program writes to.</summary>
    public SafeFileHandle Target { get; }

    /// <summary>What is kept.</summary>
    public ReadOnlySpan<byte> Kept => _kept.AsSpan(0, _count);

    /// <summary>Reads until the program ends; false when it does not within <paramref name="timeout"/>.</summary>
    /// <param name="process">The program.</param>
    /// <param name="timeout">How long; null without limit.</param>
    /// <exception cref="CrunException">The errors of poll.</exception>
    public bool ReadUntilEndOf(PidHandle process, TimeSpan? timeout)
    {
        Target.Dispose();
        var started = Stopwatch.GetTimestamp();
        var isOpen = true;
        for (var poll = new Poll(); ; poll.Clear())
        {
            poll.Add(process.File, PollEvents.POLLIN);
            if (isOpen) poll.Add(_source, PollEvents.POLLIN);
            if (!poll.Wait(timeout is { } limit ? limit - Stopwatch.GetElapsedTime(started) : null)) return false;
            var hasEnded = poll.EventsOf(0) != 0;
            // What it has printed is in the pipe. Others who hold that may go on to fill it.
            while (isOpen && Read() && hasEnded && _count < _kept.Length) { }
            if (hasEnded) return true;
        }

        // False when there is nothing more for now.
        bool Read()
        {
            Span<byte> buffer = stackalloc byte[4096];
            var count = FileDescriptor.Read(_source, buffer, out var errno);
            if (count <= 0)
            {
                isOpen = errno == Errno.EAGAIN;
                return false;
            }
            var kept = Math.Min(count, _kept.Length - _count);
            buffer[..kept].CopyTo(_kept.AsSpan(_count));
            _count += kept;
            return true;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Target.Dispose();
        _source.Dispose();
    }
}
