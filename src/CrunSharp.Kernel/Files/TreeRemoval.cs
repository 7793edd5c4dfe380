using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Kernel.Files;

/// <summary>Removes trees of any depth with a bounded number of open directories.</summary>
internal static class TreeRemoval
{
    private const int MostOpenLevels = 128;
    private static int s_deep;

    // One level is one open directory; what is nested deeper than that is moved up to the top, and removed there.
    public static bool Remove(SafeFileHandle? directory, string name, SafeFileHandle? top, int depth)
    {
        if (C.unlinkat(FileAt.Number(directory), name, 0) == 0) return true;
        var errno = SystemCall.LastErrno;
        if (errno == Errno.ENOENT) return false;
        if (errno is not (Errno.EISDIR or Errno.EPERM))
            throw SystemCall.Failure(errno, $"remove {name}", $"unlinkat({SystemCall.Fd(directory)}, {SystemCall.Quote(name)}, 0)");
        if (depth == MostOpenLevels)
        {
            FileAt.Rename(directory, name, top, $".deep-{Interlocked.Increment(ref s_deep):x}-{Random.Shared.NextInt64():x}");
            return true;
        }
        const OpenFlags flags = OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY | OpenFlags.O_NOFOLLOW;
        using (var tree = directory is null
            ? FileAt.TryOpen(null, name, flags, out errno)
            : FileAt.Openat2(directory, name, flags, 0, ResolveFlags.RESOLVE_NO_XDEV | ResolveFlags.RESOLVE_NO_SYMLINKS, out errno))
        {
            if (errno == Errno.ENOENT) return false;
            if (tree is null) throw SystemCall.Failure(errno, $"remove {name}", $"openat2({SystemCall.Fd(directory)}, {SystemCall.Quote(name)}, {{resolve=RESOLVE_NO_XDEV}})");
            bool again;
            do
            {
                var deepBefore = Volatile.Read(ref s_deep);
                foreach (var child in FileAt.List(tree)) Remove(tree, child, top ?? tree, depth + 1);
                again = top is null && Volatile.Read(ref s_deep) != deepBefore;
            }
            while (again);
        }
        return FileAt.Remove(directory, name, isDirectory: true);
    }
}
