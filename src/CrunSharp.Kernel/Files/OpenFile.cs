using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Kernel.Files;

/// <summary>What is done to a file that is open already: one system call each, and errors as strace prints them.</summary>
public static unsafe class OpenFile
{
    /// <summary>Reads from the file's position on; 0 at its end.</summary>
    /// <exception cref="CrunException">The errors of read.</exception>
    public static int Read(SafeFileHandle file, Span<byte> buffer)
    {
        fixed (byte* bytes = buffer)
        {
            for (; ; )
            {
                var count = C.read(file, bytes, (nuint)buffer.Length);
                if (count >= 0) return (int)count;
                var errno = SystemCall.LastErrno;
                if (errno != Errno.EINTR)
                    throw SystemCall.Failure(errno, $"read {FileAt.PathOf(file)}", $"read({SystemCall.Fd(file)}, {buffer.Length} bytes)");
            }
        }
    }

    /// <summary>Reads all that is left of a file. A small one costs no look at its size.</summary>
    /// <param name="file">The file.</param>
    /// <param name="most">How many bytes it may have.</param>
    /// <param name="size">How many it has.</param>
    /// <returns>The bytes; null when there are more than allowed.</returns>
    /// <exception cref="CrunException">The errors of read.</exception>
    public static byte[]? ReadAll(SafeFileHandle file, long most, out long size)
    {
        Span<byte> small = stackalloc byte[4096];
        var length = ReadUpTo(file, small);
        size = length < small.Length ? length : Math.Max(length, FileAt.Status(file).Size);
        if (size > most) return null;
        if (length < small.Length) return small[..length].ToArray();
        var content = new byte[size];
        small.CopyTo(content);
        length += ReadUpTo(file, content.AsSpan(length));
        return length < content.Length ? content[..length] : ReadRest(file, content, most, out size);
    }

    // What has no size: a pipe, a device, a file of procfs.
    private static byte[]? ReadRest(SafeFileHandle file, byte[] content, long most, out long size)
    {
        Span<byte> next = stackalloc byte[4096];
        size = content.Length;
        while (ReadUpTo(file, next) is > 0 and var count)
        {
            size += count;
            if (size > most) return null;
            if (size > content.Length) Array.Resize(ref content, (int)Math.Min(Math.Max(size, content.Length * 2L), Array.MaxLength));
            next[..count].CopyTo(content.AsSpan((int)(size - count)));
        }
        if (size < content.Length) Array.Resize(ref content, (int)size);
        return content;
    }

    private static int ReadUpTo(SafeFileHandle file, Span<byte> buffer)
    {
        var length = 0;
        while (length < buffer.Length && Read(file, buffer[length..]) is > 0 and var count) length += count;
        return length;
    }

    /// <summary>Reads from an offset on, and leaves the file's position alone; 0 at its end.</summary>
    /// <exception cref="CrunException">The errors of pread.</exception>
    public static int ReadAt(SafeFileHandle file, Span<byte> buffer, long offset)
    {
        fixed (byte* bytes = buffer)
        {
            for (; ; )
            {
                var count = C.pread64(file, bytes, (nuint)buffer.Length, offset);
                if (count >= 0) return (int)count;
                var errno = SystemCall.LastErrno;
                if (errno != Errno.EINTR)
                    throw SystemCall.Failure(errno, $"read {FileAt.PathOf(file)}", $"pread({SystemCall.Fd(file)}, {buffer.Length} bytes, {offset})");
            }
        }
    }

    /// <summary>Writes all of these bytes at an offset.</summary>
    /// <param name="file">The file.</param>
    /// <param name="content">The bytes.</param>
    /// <param name="offset">The offset.</param>
    /// <param name="name">What an error calls the file; null for its path.</param>
    /// <exception cref="CrunException">The errors of pwrite, such as ENOSPC.</exception>
    public static void WriteAt(SafeFileHandle file, ReadOnlySpan<byte> content, long offset, string? name = null)
    {
        fixed (byte* bytes = content)
        {
            for (var written = 0; written < content.Length;)
            {
                var count = C.pwrite64(file, bytes + written, (nuint)(content.Length - written), offset + written);
                if (count >= 0)
                {
                    written += (int)count;
                    continue;
                }
                var errno = SystemCall.LastErrno;
                if (errno != Errno.EINTR)
                    throw SystemCall.Failure(errno, $"write {name ?? FileAt.PathOf(file)}", $"pwrite({SystemCall.Fd(file)}, {content.Length - written} bytes, {offset + written})");
            }
        }
    }

    /// <summary>Makes the file longer, with a hole, or shorter.</summary>
    /// <exception cref="CrunException">The errors of ftruncate; EFBIG when the file system cannot hold it.</exception>
    public static void SetSize(SafeFileHandle file, long size)
    {
        if (C.ftruncate(file, size) != 0)
            throw SystemCall.Failure($"set size of {FileAt.PathOf(file)}", $"ftruncate({SystemCall.Fd(file)}, {size})");
    }

    /// <summary>Sets owner and group. This clears set-user-id bits and capabilities: set them after it.</summary>
    /// <exception cref="CrunException">The errors of fchown.</exception>
    public static void SetOwner(SafeFileHandle file, uint uid, uint gid)
    {
        if (C.fchown(file, uid, gid) != 0)
            throw SystemCall.Failure($"set owner of {FileAt.PathOf(file)}", $"fchown({SystemCall.Fd(file)}, {uid}, {gid})");
    }

    /// <summary>Sets permissions.</summary>
    /// <exception cref="CrunException">The errors of fchmod.</exception>
    public static void SetMode(SafeFileHandle file, uint mode)
    {
        if (C.fchmod(file, mode) != 0)
            throw SystemCall.Failure($"set mode of {FileAt.PathOf(file)}", $"fchmod({SystemCall.Fd(file)}, 0{Convert.ToString(mode, 8)})");
    }

    /// <summary>Sets the time of the last change (and access).</summary>
    /// <exception cref="CrunException">The errors of futimens.</exception>
    public static void SetTime(SafeFileHandle file, FileTime modified)
    {
        var times = stackalloc timespec[2];
        times[0] = times[1] = new timespec { tv_sec = modified.Seconds, tv_nsec = modified.Nanoseconds };
        if (C.futimens(file, times) != 0)
            throw SystemCall.Failure($"set time of {FileAt.PathOf(file)}", $"futimens({SystemCall.Fd(file)})");
    }

    /// <summary>Waits until the file's content would survive a power cut.</summary>
    /// <exception cref="CrunException">The errors of fsync.</exception>
    public static void Sync(SafeFileHandle file)
    {
        if (C.fsync(file) != 0) throw SystemCall.Failure($"sync {FileAt.PathOf(file)}", $"fsync({SystemCall.Fd(file)})");
    }

    /// <summary>Has a part of the file written to the disk from now on, so that <see cref="Sync"/> has less to wait for; a file system that cannot do it does it then.</summary>
    /// <param name="file">The file.</param>
    /// <param name="offset">Where the part begins, in bytes.</param>
    /// <param name="count">How many bytes it has.</param>
    public static void StartSync(SafeFileHandle file, long offset, long count)
    {
        _ = C.sync_file_range(file, offset, count, AT.SYNC_FILE_RANGE_WRITE);
    }

    /// <summary>Waits until all of the file system that the file is on would survive a power cut.</summary>
    /// <exception cref="CrunException">The errors of syncfs.</exception>
    public static void SyncFileSystem(SafeFileHandle file)
    {
        if (C.syncfs(file) != 0) throw SystemCall.Failure($"sync {FileAt.PathOf(file)}", $"syncfs({SystemCall.Fd(file)})");
    }

    /// <summary>The bytes that can still be written to the file system that the file is on.</summary>
    /// <exception cref="CrunException">The errors of fstatvfs.</exception>
    public static long FreeBytes(SafeFileHandle file) => Space(file).Free;

    /// <summary>The size of the file system that the file is on, and what of it can still be written, in bytes.</summary>
    /// <exception cref="CrunException">The errors of fstatvfs.</exception>
    public static (long Size, long Free) Space(SafeFileHandle file)
    {
        statvfs buffer;
        if (C.fstatvfs(file, &buffer) != 0)
            throw SystemCall.Failure($"look at the file system of {FileAt.PathOf(file)}", $"fstatvfs({SystemCall.Fd(file)})");
        return (Bytes(buffer.f_blocks, buffer.f_frsize), Bytes(buffer.f_bavail, buffer.f_frsize));

        static long Bytes(ulong blocks, ulong size) => blocks > long.MaxValue / size ? long.MaxValue : (long)(blocks * size);
    }

    /// <summary>
    /// The permissions that the kernel takes away from what this process makes. It is read once: nothing of ours changes it.
    /// </summary>
    public static uint CreationMask { get; } = ReadCreationMask();

    /// <summary>The owner and group of what this process makes, in a directory without the set-group-id bit.</summary>
    public static (uint Uid, uint Gid) CreationOwner => (C.geteuid(), C.getegid());

    private static uint ReadCreationMask()
    {
        using var status = FileAt.Open(null, "/proc/self/status", OpenFlags.O_RDONLY);
        Span<byte> text = stackalloc byte[512];
        text = text[..Read(status, text)];
        var at = text.IndexOf("\nUmask:\t"u8);
        uint mask = 0;
        if (at < 0) return 0x1ff;
        foreach (var digit in text[(at + 8)..])
        {
            if (digit is < (byte)'0' or > (byte)'7') break;
            mask = mask << 3 | (uint)(digit - '0');
        }
        return mask;
    }
}
