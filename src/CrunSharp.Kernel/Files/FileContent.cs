using System.Buffers;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Kernel.Files;

/// <summary>Copies of files' content.</summary>
public static unsafe class FileContent
{
    private const int BufferSize = 128 * 1024;

    /// <summary>
    /// Copies the content of one open file to another, from the start of both, without bringing it into this process where
    /// the kernel can: file systems with reflinks then share the blocks.
    /// </summary>
    /// <returns>How many bytes were copied.</returns>
    /// <exception cref="CrunException">The errors of copy_file_range, read and write, such as ENOSPC.</exception>
    /// <seealso href="https://man7.org/linux/man-pages/man2/copy_file_range.2.html"/>
    public static long Copy(SafeFileHandle from, SafeFileHandle to)
    {
        long read = 0, written = 0;
        for (; ; )
        {
            var count = C.copy_file_range(from, &read, to, &written, 1 << 30, 0);
            if (count == 0) return read;
            if (count > 0) continue;
            var errno = SystemCall.LastErrno;
            if (errno == Errno.EINTR) continue;
            // Another file system, or one that cannot.
            if (errno is Errno.EXDEV or Errno.EINVAL or Errno.ENOSYS or Errno.EOPNOTSUPP or Errno.EPERM) return CopyByHand(from, to, read);
            throw SystemCall.Failure(errno, $"copy to {FileAt.PathOf(to)}", $"copy_file_range({SystemCall.Fd(from)}, [{read}], {SystemCall.Fd(to)}, [{written}], {1 << 30}, 0)");
        }
    }

    private static long CopyByHand(SafeFileHandle from, SafeFileHandle to, long offset)
    {
        // Of the pool: one for each of thousands of small files would be most of the collector's work.
        var buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            while (OpenFile.ReadAt(from, buffer, offset) is > 0 and var count)
            {
                OpenFile.WriteAt(to, buffer.AsSpan(0, count), offset);
                offset += count;
            }
            return offset;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
