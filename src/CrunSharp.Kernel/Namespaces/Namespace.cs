using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Kernel.Namespaces;

/// <summary>Any namespace, held by its file.</summary>
/// <seealso href="https://man7.org/linux/man-pages/man2/ioctl_ns.2.html"/>
public static unsafe class Namespace
{
    /// <summary>The type of a namespace; null when the file is no namespace.</summary>
    public static CloneFlags? TypeOf(SafeFileHandle file)
    {
        var type = C.ioctl_value(file, NSFS.NS_GET_NSTYPE, 0);
        return type < 0 ? null : (CloneFlags)(uint)type;
    }

    /// <summary>Whether a file is a namespace in which the calling thread is.</summary>
    /// <param name="file">The namespace.</param>
    /// <param name="name">Its name below <c>/proc/self/ns</c>, such as <c>net</c>.</param>
    /// <exception cref="CrunException">The errors of statx.</exception>
    public static bool IsOurs(SafeFileHandle file, string name) => IsOurs(FileAt.Status(file), name);

    /// <param name="theirs">What statx tells of the namespace.</param>
    /// <param name="name">Its name below <c>/proc/self/ns</c>.</param>
    /// <inheritdoc cref="IsOurs(SafeFileHandle, string)"/>
    public static bool IsOurs(FileStatus theirs, string name)
    {
        if (FileAt.TryStatus(null, $"/proc/thread-self/ns/{name}", followLinks: true) is not { } ours) return false;
        return ours.Inode == theirs.Inode && ours.Device == theirs.Device;
    }
}
