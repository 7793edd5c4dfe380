using System.Text;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Kernel.Files;

/// <summary>
/// Files that the kernel makes while they are read, and obeys while they are written (procfs, sysfs, cgroupfs): they
/// have no size, and one write is one command.
/// </summary>
public static unsafe class KernelFile
{
    /// <summary>The whole text of a file.</summary>
    /// <param name="directory">The directory that <paramref name="path"/> is relative to.</param>
    /// <param name="path">The path.</param>
    /// <param name="most">The most bytes.</param>
    /// <exception cref="CrunException">The errors of openat and read; or the text is longer.</exception>
    public static string Read(SafeFileHandle? directory, string path, int most = 16 * 1024 * 1024)
    {
        using var file = FileAt.Open(directory, path, OpenFlags.O_RDONLY);
        return ReadAll(file, path, most);
    }

    /// <summary>As <see cref="Read(SafeFileHandle?, string, int)"/>; null when the file does not exist.</summary>
    /// <exception cref="CrunException">Errors of openat and read other than ENOENT and ENOTDIR.</exception>
    public static string? TryRead(SafeFileHandle? directory, string path, int most = 16 * 1024 * 1024)
    {
        using var file = FileAt.TryOpen(directory, path, OpenFlags.O_RDONLY, out var errno);
        if (file is not null) return ReadAll(file, path, most);
        return errno is Errno.ENOENT or Errno.ENOTDIR
            ? null
            : throw SystemCall.Failure(errno, $"read {path}", $"openat({SystemCall.Fd(directory)}, {SystemCall.Quote(path)}, O_RDONLY)");
    }

    /// <summary>Writes one command.</summary>
    /// <exception cref="CrunException">The errors of openat and write; the text is in the message.</exception>
    public static void Write(SafeFileHandle? directory, string path, string text)
    {
        var errno = TryWrite(directory, path, text);
        if (errno != Errno.None)
            throw SystemCall.Failure(errno, $"write {path}", $"write({SystemCall.Fd(directory)}/{path}, {SystemCall.Quote(text)})");
    }

    /// <summary>Writes one command; tells how it failed instead of throwing.</summary>
    /// <returns><see cref="Errno.None"/> when the kernel took it.</returns>
    public static Errno TryWrite(SafeFileHandle? directory, string path, string text)
    {
        using var file = FileAt.TryOpen(directory, path, OpenFlags.O_WRONLY | OpenFlags.O_NOFOLLOW, out var errno);
        if (file is null) return errno;
        var bytes = Encoding.UTF8.GetBytes(text);
        fixed (byte* start = bytes)
        {
            for (; ; )
            {
                if (C.write(file, start, (nuint)bytes.Length) >= 0) return Errno.None;
                errno = SystemCall.LastErrno;
                if (errno != Errno.EINTR) return errno;
            }
        }
    }

    private static string ReadAll(SafeFileHandle file, string path, int most)
    {
        Span<byte> text = stackalloc byte[4096];
        var length = 0;
        for (; ; )
        {
            fixed (byte* start = text)
            {
                var count = C.read(file, start + length, (nuint)(text.Length - length));
                if (count < 0)
                {
                    var errno = SystemCall.LastErrno;
                    if (errno == Errno.EINTR) continue;
                    throw SystemCall.Failure(errno, $"read {path}", $"read({SystemCall.Fd(file)})");
                }
                if (count == 0) return Encoding.UTF8.GetString(text[..length]);
                length += (int)count;
            }
            if (length < text.Length) continue;
            if (length > most) throw CrunException.Invalid($"the file has more than {most} bytes", $"read {path}");
            var larger = new byte[Math.Min(text.Length * 4, most + 1)];
            text.CopyTo(larger);
            text = larger;
        }
    }
}
