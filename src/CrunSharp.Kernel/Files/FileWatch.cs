using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Kernel.Files;

/// <summary>Waits for a file to change.</summary>
/// <seealso href="https://man7.org/linux/man-pages/man7/inotify.7.html"/>
public sealed class FileWatch : IDisposable
{
    private FileWatch(SafeFileHandle events) => Events = events;

    /// <summary>Readable when the file has changed since <see cref="Clear"/>.</summary>
    public SafeFileHandle Events { get; }

    /// <summary>Watches a file.</summary>
    /// <exception cref="CrunException">The errors of inotify_add_watch.</exception>
    public static FileWatch Of(string path)
    {
        var fd = C.inotify_init1(INOTIFY.IN_CLOEXEC | INOTIFY.IN_NONBLOCK);
        if (fd < 0) throw SystemCall.Failure($"watch {path}", "inotify_init1(IN_CLOEXEC|IN_NONBLOCK)");
        var events = new SafeFileHandle(fd, ownsHandle: true);
        if (C.inotify_add_watch(events, path, INOTIFY.IN_MODIFY | INOTIFY.IN_DELETE_SELF) >= 0) return new FileWatch(events);
        var error = SystemCall.Failure($"watch {path}", $"inotify_add_watch({SystemCall.Fd(events)}, {SystemCall.Quote(path)}, IN_MODIFY|IN_DELETE_SELF)");
        events.Dispose();
        throw error;
    }

    /// <summary>Forgets the changes so far.</summary>
    public void Clear()
    {
        Span<byte> buffer = stackalloc byte[4096];
        while (FileDescriptor.Read(Events, buffer, out _) > 0) { }
    }

    /// <inheritdoc/>
    public void Dispose() => Events.Dispose();
}
