using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;

namespace CrunSharp.Kernel.Mounts;

/// <summary>Mounts in this process's mount namespace.</summary>
public static class AttachedMount
{
    /// <summary>Unmounts what is mounted on top of a directory, with all below it, if it is a certain mount.</summary>
    /// <param name="path">The directory.</param>
    /// <param name="id">The mount's <see cref="FileStatus.MountId"/>.</param>
    /// <exception cref="CrunException">The errors of umount2.</exception>
    /// <seealso href="https://man7.org/linux/man-pages/man2/umount2.2.html"/>
    public static void Detach(string path, ulong id)
    {
        if (FileAt.TryStatus(null, path)?.MountId != id) return;
        if (C.umount2(path, UMOUNT.MNT_DETACH | UMOUNT.UMOUNT_NOFOLLOW) != 0)
            throw SystemCall.Failure($"unmount {path}", $"umount2({SystemCall.Quote(path)}, MNT_DETACH|UMOUNT_NOFOLLOW)");
    }
}
