using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Kernel.Files;

/// <summary>Copies a directory with all below it: owners, modes, times, attributes, links, devices.</summary>
public static unsafe class TreeCopy
{
    /// <summary>Copies what is in one directory into another, and its owner and mode.</summary>
    /// <exception cref="CrunException">Something cannot be read or made.</exception>
    public static void Contents(SafeFileHandle from, SafeFileHandle to)
    {
        CopyDirectory(from, to, new Dictionary<(ulong, ulong), string>(), to, "");
        var status = FileAt.Status(from);
        FileAt.SetOwner(to, ".", status.Uid, status.Gid);
        FileAt.SetMode(to, ".", status.Mode);
    }

    private static void CopyDirectory(SafeFileHandle from, SafeFileHandle to, Dictionary<(ulong, ulong), string> links, SafeFileHandle top, string path)
    {
        foreach (var name in FileAt.List(from))
        {
            var status = FileAt.Status(from, name);
            var below = path.Length == 0 ? name : $"{path}/{name}";
            if (status.Links > 1 && status.Kind != FileKind.Directory)
            {
                if (links.TryGetValue((status.Device, status.Inode), out var first))
                {
                    FileAt.Link(top, first, to, name);
                    continue;
                }
                links.Add((status.Device, status.Inode), below);
            }
            CopyEntry(from, to, name, status, links, top, below);
        }
    }

    private static void CopyEntry(SafeFileHandle from, SafeFileHandle to, string name, in FileStatus status,
        Dictionary<(ulong, ulong), string> links, SafeFileHandle top, string path)
    {
        switch (status.Kind)
        {
            case FileKind.Regular:
                CopyFile(from, to, name, status);
                break;
            case FileKind.Directory:
                FileAt.MakeDirectory(to, name, status.Mode);
                using (var source = FileAt.OpenBeneath(from, name, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY))
                using (var target = FileAt.OpenBeneath(to, name, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY))
                    CopyDirectory(source, target, links, top, path);
                break;
            case FileKind.SymbolicLink:
                FileAt.MakeSymbolicLink(to, name, FileAt.ReadSymbolicLink(from, name));
                break;
            case FileKind.Socket:
                return; // it belongs to a process
            default:
                FileAt.MakeNode(to, name, status.Kind, status.Mode, status.RdevMajor, status.RdevMinor);
                break;
        }
        Attributes(from, to, name, status);
    }

    /// <summary>Gives a file, not following a link, the owner, mode, extended attributes and time of the one of its name in another directory; overlayfs's own marks are left out.</summary>
    /// <param name="from">The directory of the one that is as it should be.</param>
    /// <param name="to">The directory of the one that is changed.</param>
    /// <param name="name">The name in both.</param>
    /// <param name="status">What the former is.</param>
    /// <exception cref="CrunException">Something cannot be read or set.</exception>
    public static void Attributes(SafeFileHandle from, SafeFileHandle to, string name, in FileStatus status)
    {
        FileAt.SetOwner(to, name, status.Uid, status.Gid);
        if (status.Kind != FileKind.SymbolicLink) FileAt.SetMode(to, name, status.Mode);
        foreach (var attribute in ExtendedAttributes.List(from, name))
        {
            if (attribute.StartsWith("trusted.overlay.", StringComparison.Ordinal)) continue;
            if (ExtendedAttributes.Get(from, name, attribute) is { } value) ExtendedAttributes.Set(to, name, attribute, value);
        }
        FileAt.SetTime(to, name, status.Modified);
    }

    private static void CopyFile(SafeFileHandle from, SafeFileHandle to, string name, in FileStatus status)
    {
        using var source = FileAt.OpenBeneath(from, name, OpenFlags.O_RDONLY | OpenFlags.O_NONBLOCK);
        using var target = FileAt.Open(to, name, OpenFlags.O_WRONLY | OpenFlags.O_CREAT | OpenFlags.O_EXCL | OpenFlags.O_NOFOLLOW, 0x180);
        CopyContent(source, target, status.Size);
    }

    /// <summary>Copies a file's bytes, sharing them with the source where the file system can.</summary>
    /// <exception cref="CrunException">The errors of copy_file_range.</exception>
    public static void CopyContent(SafeFileHandle source, SafeFileHandle target, long size)
    {
        for (var left = size; left > 0;)
        {
            var count = C.copy_file_range(source, null, target, null, (nuint)Math.Min(left, 1 << 30), 0);
            if (count == 0) return;
            if (count < 0)
            {
                var errno = SystemCall.LastErrno;
                if (errno == Errno.EINTR) continue;
                if (errno is not (Errno.EXDEV or Errno.EINVAL or Errno.EOPNOTSUPP))
                    throw SystemCall.Failure(errno, $"copy {FileAt.PathOf(source)}", $"copy_file_range({SystemCall.Fd(source)}, NULL, {SystemCall.Fd(target)}, NULL, {left}, 0)");
                CopyThroughMemory(source, target);
                return;
            }
            left -= count;
        }
    }

    private static void CopyThroughMemory(SafeFileHandle source, SafeFileHandle target)
    {
        var buffer = new byte[256 * 1024];
        while (FileDescriptor.Read(source, buffer, out var errno) is var count && count != 0)
        {
            if (count < 0 || !FileDescriptor.WriteAll(target, buffer.AsSpan(0, count)))
                throw SystemCall.Failure(count < 0 ? errno : SystemCall.LastErrno, $"copy {FileAt.PathOf(source)}", $"read({SystemCall.Fd(source)})");
        }
    }
}
