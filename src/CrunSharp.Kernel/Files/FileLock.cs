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

    /// <summary>
    /// Takes the lock of a file or directory that is there, shared or alone; null when it is not there, or when another
    /// holder is in the way and <paramref name="wait"/> is false. Whoever holds it knows that the name still stands for
    /// what is locked: that is how one who removes names and one who uses them agree.
    /// </summary>
    /// <exception cref="CrunException">It cannot be opened or locked.</exception>
    public static FileLock? TryExisting(SafeFileHandle? directory, string path, bool shared, bool wait)
    {
        var how = (shared ? LockFlags.LOCK_SH : LockFlags.LOCK_EX) | (wait ? 0 : LockFlags.LOCK_NB);
        var file = FileAt.TryOpen(directory, path, OpenFlags.O_RDONLY | OpenFlags.O_NOFOLLOW | OpenFlags.O_NONBLOCK, out var errno);
        if (file is null)
            return errno == Errno.ENOENT ? null : throw SystemCall.Failure(errno, $"lock {path}", $"openat({SystemCall.Fd(directory)}, {SystemCall.Quote(path)}, O_RDONLY|O_NOFOLLOW)");
        if (TryLock(file, path, how) is not { } held) return null;
        if (FileAt.TryStatus(directory, path) is { } now && FileAt.Status(file) is var mine
            && (now.Device, now.Inode) == (mine.Device, mine.Inode)) return held;
        held.Dispose();
        return null;
    }

    /// <summary>Takes a lock, shared, of a file that is open and not named yet; closing the lock closes the file.</summary>
    /// <exception cref="CrunException">It cannot be locked.</exception>
    public static FileLock SharedOf(SafeFileHandle file) => TryLock(file, "file", LockFlags.LOCK_SH)!;

    /// <summary>Gives the lock back.</summary>
    public void Dispose() => _file.Dispose();

    private static FileLock? Take(SafeFileHandle? directory, string path, LockFlags how)
    {
        var file = FileAt.Open(directory, path, OpenFlags.O_RDWR | OpenFlags.O_CREAT | OpenFlags.O_NOFOLLOW, 0x180);
        return TryLock(file, path, how);
    }

    private static FileLock? TryLock(SafeFileHandle file, string path, LockFlags how)
    {
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
