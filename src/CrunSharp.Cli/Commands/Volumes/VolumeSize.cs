using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;

namespace CrunSharp.Cli.Commands.Volumes;

/// <summary>How much room files take.</summary>
internal static class VolumeSize
{
    private const int BlockSize = 512;

    /// <summary>The room of all files below a directory; links are not followed, and what vanishes meanwhile is not counted.</summary>
    /// <returns>Bytes.</returns>
    public static long Of(string path)
    {
        const OpenFlags flags = OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY;
        using var top = FileAt.TryOpen(null, path, flags | OpenFlags.O_NOFOLLOW, out _);
        if (top is null) return 0;
        long size = 0;
        var directories = new Stack<string>(["."]);
        while (directories.TryPop(out var next))
        {
            using var directory = FileAt.TryOpenBeneath(top, next, flags, out _);
            if (directory is null) continue;
            foreach (var name in FileAt.List(directory))
            {
                if (FileAt.TryStatus(directory, name) is not { } status) continue;
                size += status.Blocks * BlockSize;
                if (status.Kind == FileKind.Directory) directories.Push($"{next}/{name}");
            }
        }
        return size;
    }
}
