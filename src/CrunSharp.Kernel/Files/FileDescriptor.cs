using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Kernel.Files;

/// <summary>Pipes, sockets and terminals, read and written without the runtime's buffering.</summary>
public static unsafe class FileDescriptor
{
    /// <summary>This process's standard input, output or error. Disposing it closes nothing.</summary>
    /// <param name="number">0, 1 or 2.</param>
    public static SafeFileHandle Standard(int number) => new(number, ownsHandle: false);

    /// <summary>A descriptor that this process was started with, which is ours from here on and not inherited further.</summary>
    public static SafeFileHandle Adopt(int number)
    {
        var handle = new SafeFileHandle(number, ownsHandle: true);
        if (C.fcntl(handle, AT.F_SETFD, AT.FD_CLOEXEC) != 0)
            throw SystemCall.Failure($"adopt descriptor {number}", $"fcntl({number}, F_SETFD, FD_CLOEXEC)");
        return handle;
    }

    /// <summary>Another descriptor of the same open file.</summary>
    /// <exception cref="CrunException">The errors of fcntl.</exception>
    public static SafeFileHandle Duplicate(SafeFileHandle file)
    {
        var fd = C.fcntl(file, AT.F_DUPFD_CLOEXEC, 0);
        return fd >= 0
            ? new SafeFileHandle(fd, ownsHandle: true)
            : throw SystemCall.Failure("duplicate a descriptor", $"fcntl({SystemCall.Fd(file)}, F_DUPFD_CLOEXEC, 0)");
    }

    /// <summary>A pipe: what is written to the second can be read from the first.</summary>
    /// <exception cref="CrunException">The errors of pipe2.</exception>
    public static (SafeFileHandle Read, SafeFileHandle Write) Pipe()
    {
        var ends = stackalloc int[2];
        return C.pipe2(ends, OpenFlags.O_CLOEXEC) == 0
            ? (new SafeFileHandle(ends[0], ownsHandle: true), new SafeFileHandle(ends[1], ownsHandle: true))
            : throw SystemCall.Failure("make a pipe", "pipe2(O_CLOEXEC)");
    }

    /// <summary>Makes reads and writes fail with EAGAIN instead of waiting.</summary>
    /// <exception cref="CrunException">The errors of fcntl.</exception>
    public static void SetNonBlocking(SafeFileHandle file)
    {
        var flags = C.fcntl(file, AT.F_GETFL, 0);
        if (flags < 0 || C.fcntl(file, AT.F_SETFL, flags | (int)OpenFlags.O_NONBLOCK) != 0)
            throw SystemCall.Failure("make a descriptor non-blocking", $"fcntl({SystemCall.Fd(file)}, F_SETFL, O_NONBLOCK)");
    }

    /// <summary>Reads what there is.</summary>
    /// <returns>The number of bytes; 0 at the end; -1 on an error.</returns>
    public static int Read(SafeFileHandle file, Span<byte> buffer, out Errno errno)
    {
        fixed (byte* bytes = buffer)
        {
            for (; ; )
            {
                var count = C.read(file, bytes, (nuint)buffer.Length);
                errno = count < 0 ? SystemCall.LastErrno : Errno.None;
                if (errno != Errno.EINTR) return (int)count;
            }
        }
    }

    /// <summary>Writes as much as can be.</summary>
    /// <returns>The number of bytes; -1 on an error.</returns>
    public static int Write(SafeFileHandle file, ReadOnlySpan<byte> data, out Errno errno)
    {
        fixed (byte* bytes = data)
        {
            for (; ; )
            {
                var count = C.write(file, bytes, (nuint)data.Length);
                errno = count < 0 ? SystemCall.LastErrno : Errno.None;
                if (errno != Errno.EINTR) return (int)count;
            }
        }
    }

    /// <summary>Writes all; false when the other side is gone.</summary>
    public static bool WriteAll(SafeFileHandle file, ReadOnlySpan<byte> data)
    {
        while (data.Length > 0)
        {
            var count = Write(file, data, out var errno);
            if (count < 0 && errno == Errno.EAGAIN) Processes.Poll.Wait(file, PollEvents.POLLOUT, null);
            else if (count < 0) return false;
            else data = data[count..];
        }
        return true;
    }

    /// <summary>Reads until a buffer is full; false when the end came first.</summary>
    public static bool ReadAll(SafeFileHandle file, Span<byte> buffer)
    {
        while (buffer.Length > 0)
        {
            var count = Read(file, buffer, out var errno);
            if (count < 0 && errno == Errno.EAGAIN) Processes.Poll.Wait(file, PollEvents.POLLIN, null);
            else if (count <= 0) return false;
            else buffer = buffer[count..];
        }
        return true;
    }
}
