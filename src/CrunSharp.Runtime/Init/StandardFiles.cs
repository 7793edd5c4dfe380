using CrunSharp.Kernel.Files;
using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Runtime.Init;

/// <summary>The standard input, output and error of a container's process.</summary>
internal static class StandardFiles
{
    /// <summary>
    /// Makes pipes and sockets the user's, so that he can open <c>/dev/stdout</c> by its name. Files and devices stay the
    /// host's: they are not only there for the container.
    /// </summary>
    public static void GiveTo(UserSpec? user, IdentityMap? map, params ReadOnlySpan<SafeFileHandle?> files)
    {
        for (var i = 0; i < files.Length; i++)
        {
            var file = files[i] ?? FileDescriptor.Standard(i);
            if (KindOf(file) is FileKind.Fifo or FileKind.Socket) GiveTo(file, user, map);
        }
    }

    /// <summary>Makes a file the user's, where that can be: it works all the same, but not by its name.</summary>
    public static void GiveTo(SafeFileHandle file, UserSpec? user, IdentityMap? map)
    {
        var uid = user?.Uid ?? 0;
        var owner = map?.HostUser(uid) ?? uid;
        if (owner == 0) return;
        try
        {
            OpenFile.SetOwner(file, owner, uint.MaxValue);
        }
        catch (CrunException error) when (error.Errno is Errno.EPERM or Errno.EINVAL or Errno.EROFS)
        {
            // In a user namespace he may have no number.
        }
    }

    private static FileKind? KindOf(SafeFileHandle file)
    {
        try
        {
            return FileAt.Status(file).Kind;
        }
        catch (CrunException)
        {
            return null; // not open
        }
    }
}
