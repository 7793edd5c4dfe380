using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Mounts;
using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Runtime.Rootfs;

/// <summary>A root file system that is a directory of the host.</summary>
/// <seealso href="https://github.com/opencontainers/runtime-spec/blob/main/config.md#root"/>
public static class RootDirectory
{
    private const string Operation = "open the root file system";

    /// <summary>
    /// Whether the root is mounted in the host's mount namespace, over its own directory, since the container has no
    /// namespace for its mounts. Who makes such a container must unmount it.
    /// </summary>
    public static bool IsMountedOnHost(RuntimeSpec spec) => !HasMountNamespace(spec) && (spec.Mounts is { Count: > 0 } || spec.Root?.Readonly == true);

    /// <summary>Opens it for <see cref="Lifecycle.Launch.Begin"/>.</summary>
    /// <param name="spec">The container.</param>
    /// <param name="path">The directory.</param>
    /// <returns>
    /// A copy of the mount that it is on, with those below it, attached nowhere; the directory itself for a container
    /// that mounts nothing.
    /// </returns>
    /// <exception cref="CrunException">There is no such directory.</exception>
    public static SafeFileHandle Open(RuntimeSpec spec, string path)
    {
        var directory = FileAt.TryOpen(null, path, OpenFlags.O_PATH | OpenFlags.O_DIRECTORY, out var errno)
            ?? throw new CrunException(ErrorKind.NotFound, $"rootfs \"{path}\"", Operation, errno, spec: "config.md#root");
        if (!HasMountNamespace(spec) && !IsMountedOnHost(spec)) return directory;
        using (directory)
        {
            var copy = DetachedMount.CopyOf(directory, recursive: true, Operation);
            try
            {
                // What the host mounts below it later is seen, unless it shall not be, and nothing goes back.
                var isPrivate = spec.Linux?.RootfsPropagation is "private" or "rprivate" or "unbindable" or "runbindable";
                DetachedMount.SetAttributes(copy, 0, 0, isPrivate ? MountPropagation.MS_PRIVATE : MountPropagation.MS_SLAVE, recursive: true, Operation);
                DetachedMount.SetAttributes(copy, 0, 0, MountPropagation.MS_PRIVATE, recursive: false, Operation);
                return copy;
            }
            catch
            {
                copy.Dispose();
                throw;
            }
        }
    }

    /// <summary>Whether the container has a mount namespace of its own, new or joined.</summary>
    internal static bool HasMountNamespace(RuntimeSpec spec) => spec.Linux?.Namespaces?.Any(static ns => ns.Type == "mount") == true;
}
