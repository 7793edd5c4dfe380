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
        var uid = user?.Uid ?? 0;
        var owner = map?.HostUser(uid) ?? uid;
        if (owner == 0) return;
        for (var i = 0; i < files.Length; i++)
        {
            var file = files[i] ?? FileDescriptor.Standard(i);
            try
            {
                if (FileAt.Status(file).Kind is FileKind.Fifo or FileKind.Socket) OpenFile.SetOwner(file, owner, uint.MaxValue);
            }
            catch (CrunException)
            {
                // Not open, or not ours to give: it works all the same, but not by its name.
            }
        }
    }
}
