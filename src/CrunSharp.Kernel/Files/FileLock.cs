using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Kernel.Files;

/// <summary>A lock between processes that dies with its holder.</summary>
/// <seealso href="https://man7.org/linux/man-pages/man2/flock.2.html"/>
public sealed class FileLock : IDisposable
{
    private readonly SafeFileHandle _file;

    private FileLock(SafeFileHandle file) => _file = file;

    /// <summary>Takes the lock, waiting as long as another holds it. The file is made when it is missing.</summary>
    /// <exception cref="CrunException">The file cannot be opened.</exception>
    public static FileLock Exclusive(SafeFileHandle? directory, string path) => Take(directory, path, LockFlags.LOCK_EX)!;

    /// <summary>Takes the lock together with others that take it shared.</summary>
    /// <exception cref="CrunException">The file cannot be opened.</exception>
    public static FileLock Shared(SafeFileHandle? directory, string path) => Take(directory, path, LockFlags.LOCK_SH)!;

    /// <summary>Takes the lock; null when another holds it.</summary>
    /// <exception cref="CrunException">The file cannot be opened.</exception>
    public static FileLock? TryExclusive(SafeFileHandle? directory, string path) =>
        Take(directory, path, LockFlags.LOCK_EX | LockFlags.LOCK_NB);

    /// <summary>Gives the lock back.</summary>
    public void Dispose() => _file.Dispose();

    private static FileLock? Take(SafeFileHandle? directory, string path, LockFlags how)
    {
        var file = FileAt.Open(directory, path, OpenFlags.O_RDWR | OpenFlags.O_CREAT | OpenFlags.O_NOFOLLOW, 0x180);
        for (; ; )
        {
            if (C.flock(file, how) == 0) return new FileLock(file);
            var errno = SystemCall.LastErrno;
            if (errno == Errno.EINTR) continue;
            file.Dispose();
            return errno == Errno.EAGAIN ? null : throw SystemCall.Failure(errno, $"lock {path}", $"flock({SystemCall.Quote(path)}, {SystemCall.Flags(how)})");
        }
    }
}
