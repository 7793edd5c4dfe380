using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Kernel.Sockets;

/// <summary>Something that one thread sets and another waits for together with files.</summary>
/// <seealso href="https://man7.org/linux/man-pages/man2/eventfd.2.html"/>
public sealed unsafe class WakeEvent : IDisposable
{
    /// <summary>Makes an event that is not set.</summary>
    /// <exception cref="CrunException">The errors of eventfd.</exception>
    public WakeEvent()
    {
        var fd = C.eventfd(0, EFD.EFD_CLOEXEC | EFD.EFD_NONBLOCK);
        if (fd < 0) throw SystemCall.Failure("make event", "eventfd(0, EFD_CLOEXEC|EFD_NONBLOCK)");
        File = new SafeFileHandle(fd, ownsHandle: true);
    }

    /// <summary>The file to wait for: readable once the event is set.</summary>
    public SafeFileHandle File { get; }

    /// <summary>Sets the event for good.</summary>
    public void Set()
    {
        var one = 1UL;
        _ = C.write(File, &one, sizeof(ulong));
    }

    /// <inheritdoc/>
    public void Dispose() => File.Dispose();
}
