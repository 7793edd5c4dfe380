using System.Globalization;
using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Processes;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Kernel.Files;

/// <summary>Files that are there whole or not at all, whenever a process is killed.</summary>
public static class AtomicFile
{
    /// <summary>Replaces a file's content, or makes the file.</summary>
    /// <param name="directory">The file's directory.</param>
    /// <param name="name">The file's name in it.</param>
    /// <param name="content">The new content.</param>
    /// <param name="durable">Whether it must also survive a power cut from here on.</param>
    /// <param name="mode">The file's permissions.</param>
    /// <param name="sent">
    /// Whether the content is sent to the disk at once, without waiting (0.1 ms; to wait takes 3 ms on a common disk). File
    /// systems write names seconds later: after a power cut there is all of the file or, if it was made just before, none,
    /// and not a name without content as else for half a minute.
    /// </param>
    /// <exception cref="CrunException">It cannot be written; the old content is still there.</exception>
    public static void Write(SafeFileHandle? directory, string name, ReadOnlySpan<byte> content, bool durable = false, uint mode = 0x180, bool sent = false)
    {
        var slash = name.LastIndexOf('/') + 1;
        var temporary = $"{name[..slash]}.{name[slash..]}.{Environment.ProcessId:x}-{Interlocked.Increment(ref s_count):x}{Suffix}";
        var file = FileAt.Open(directory, temporary, OpenFlags.O_WRONLY | OpenFlags.O_CREAT | OpenFlags.O_TRUNC | OpenFlags.O_NOFOLLOW, mode);
        try
        {
            RandomAccess.Write(file, content, 0);
            if (mode != 0x180) C.fchmod(file, mode); // whatever the umask
            if (sent) Send(file);
            if (durable && C.fsync(file) != 0) throw SystemCall.Failure($"write {name}", $"fsync({SystemCall.Fd(file)})");
            file.Dispose();
            FileAt.Rename(directory, temporary, directory, name);
        }
        catch (Exception error)
        {
            file.Dispose();
            FileAt.Remove(directory, temporary);
            if (error is IOException) throw CrunException.Of(error, $"write {name}");
            throw;
        }
        if (durable) SyncDirectory(directory, name);
    }

    /// <summary>Makes a file with this content unless the name is taken; false when it is.</summary>
    /// <param name="directory">The file's directory.</param>
    /// <param name="name">The file's name in it.</param>
    /// <param name="content">The content.</param>
    /// <param name="mode">The file's permissions.</param>
    /// <param name="sent">Whether the content is sent to the disk at once, as by <see cref="Write"/>.</param>
    /// <exception cref="CrunException">It cannot be written; nothing is there.</exception>
    public static bool TryCreate(SafeFileHandle? directory, string name, ReadOnlySpan<byte> content, uint mode = 0x180, bool sent = false)
    {
        var parent = directory is null ? Path.GetDirectoryName(name) is { Length: > 0 } path ? path : "." : ".";
        using var file = FileAt.Open(directory, parent, OpenFlags.O_TMPFILE | OpenFlags.O_WRONLY, mode);
        RandomAccess.Write(file, content, 0);
        if (sent) Send(file);
        return FileAt.TryPublish(file, directory, name);
    }

    /// <summary>A file's content; null when it does not exist.</summary>
    /// <exception cref="CrunException">
    /// It cannot be read, or, with <see cref="ErrorKind.InvalidInput"/>, is a directory or larger than <paramref name="most"/> bytes.
    /// </exception>
    public static byte[]? TryRead(SafeFileHandle? directory, string name, long most = 64 * 1024 * 1024)
    {
        using var file = FileAt.TryOpen(directory, name, OpenFlags.O_RDONLY, out var errno);
        if (file is null)
        {
            return errno is Errno.ENOENT or Errno.ENOTDIR
                ? null
                : throw SystemCall.Failure(errno, $"read {name}", $"openat({SystemCall.Fd(directory)}, {SystemCall.Quote(name)}, O_RDONLY)");
        }
        try
        {
            return OpenFile.ReadAll(file, most, out var size) ?? throw CrunException.Invalid($"the file has {size} bytes, more than {most}", $"read {name}");
        }
        catch (CrunException error) when (error.Errno == Errno.EISDIR)
        {
            throw CrunException.Invalid("it is a directory", $"read {name}");
        }
    }

    /// <summary>Removes what <see cref="Write"/> left in a directory in processes that were killed.</summary>
    /// <param name="directory">The directory.</param>
    /// <exception cref="CrunException">It cannot be read, or a file cannot be removed.</exception>
    public static void Sweep(SafeFileHandle directory)
    {
        foreach (var name in Leftovers(directory)) FileAt.Remove(directory, name);
    }

    /// <summary>The names of what <see cref="Write"/> left in a directory in processes that were killed.</summary>
    /// <param name="directory">The directory.</param>
    /// <exception cref="CrunException">It cannot be read.</exception>
    public static IEnumerable<string> Leftovers(SafeFileHandle directory)
    {
        foreach (var name in FileAt.List(directory))
        {
            if (!IsTemporary(name)) continue;
            var maker = name.AsSpan(0, name.Length - Suffix.Length);
            maker = maker[(maker.LastIndexOf('.') + 1)..];
            var dash = maker.IndexOf('-');
            if (dash <= 0 || !int.TryParse(maker[..dash], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var pid) || pid <= 0) continue;
            using var process = PidHandle.TryOpen(pid);
            if (process is null || process.WaitForEnd(TimeSpan.Zero)) yield return name;
        }
    }

    /// <summary>Whether a name is one under which <see cref="Write"/> writes before it renames.</summary>
    public static bool IsTemporary(string name) => name[0] == '.' && name.EndsWith(Suffix, StringComparison.Ordinal);

    /// <summary>Removes what <see cref="Write"/> left in directories in processes that were killed.</summary>
    /// <param name="directories">Their paths.</param>
    /// <exception cref="CrunException">One cannot be read, or a file cannot be removed.</exception>
    public static void SweepAll(params ReadOnlySpan<string> directories)
    {
        foreach (var path in directories)
        {
            using var directory = FileAt.OpenDirectory(path);
            Sweep(directory);
        }
    }

    private const string Suffix = ".tmp";

    private static int s_count;

    // What cannot do it does without.
    private static void Send(SafeFileHandle file) => C.sync_file_range(file, 0, 0, AT.SYNC_FILE_RANGE_WRITE);

    private static void SyncDirectory(SafeFileHandle? directory, string name)
    {
        if (directory is not null)
        {
            C.fsync(directory);
            return;
        }
        using var parent = FileAt.OpenDirectory(Path.GetDirectoryName(name) is { Length: > 0 } path ? path : ".");
        C.fsync(parent);
    }
}
