using CrunSharp.Kernel.Libc;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Kernel.Files;

/// <summary>How much room files take on the disk, as <c>du</c> counts it.</summary>
public static class DiskUsage
{
    private const int BlockSize = 512;

    /// <summary>
    /// The room of a file, or of a directory and all below it, whatever has several names once. Links are not followed, other
    /// file systems are not entered, and what vanishes meanwhile is not counted.
    /// </summary>
    /// <param name="directory">The directory that the path begins in; null for the current one.</param>
    /// <param name="path">The path.</param>
    /// <returns>Bytes; 0 for what is not there.</returns>
    public static long Of(SafeFileHandle? directory, string path)
    {
        if (FileAt.TryStatus(directory, path) is not { } own) return 0;
        return own.Blocks * BlockSize + (own.Kind == FileKind.Directory ? Below(directory, path) : 0);
    }

    /// <summary>The room of all below a directory, without its own.</summary>
    /// <param name="directory">The directory that the path begins in; null for the current one.</param>
    /// <param name="path">The path.</param>
    /// <returns>Bytes; 0 for what is not there.</returns>
    public static long Below(SafeFileHandle? directory, string path)
    {
        const OpenFlags flags = OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY;
        using var top = FileAt.TryOpen(directory, path, flags | OpenFlags.O_NOFOLLOW, out _);
        if (top is null) return 0;
        var device = FileAt.Status(top).Device;
        long size = 0;
        var linked = new HashSet<ulong>();
        var directories = new Stack<string>(["."]);
        while (directories.TryPop(out var next))
        {
            using var current = FileAt.TryOpenBeneath(top, next, flags, out _);
            if (current is null) continue;
            foreach (var name in FileAt.List(current))
            {
                if (FileAt.TryStatus(current, name) is not { } status || status.Device != device) continue;
                if (status.Kind == FileKind.Directory) directories.Push($"{next}/{name}");
                else if (status.Links > 1 && !linked.Add(status.Inode)) continue;
                size += status.Blocks * BlockSize;
            }
        }
        return size;
    }
}
