using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Kernel.Files;

/// <summary>A file in memory, without a name.</summary>
/// <seealso href="https://man7.org/linux/man-pages/man2/memfd_create.2.html"/>
public static class MemoryFile
{
    /// <summary>Makes a file with a content; reading begins at its start.</summary>
    /// <param name="name">What procfs shows.</param>
    /// <param name="content">The content.</param>
    /// <exception cref="CrunException">The errors of memfd_create.</exception>
    public static SafeFileHandle Create(string name, ReadOnlySpan<byte> content)
    {
        var fd = C.memfd_create(name, MFD.MFD_CLOEXEC);
        if (fd < 0) throw SystemCall.Failure("make a file in memory", $"memfd_create({SystemCall.Quote(name)})");
        var file = new SafeFileHandle(fd, ownsHandle: true);
        RandomAccess.Write(file, content, 0);
        return file;
    }

    /// <summary>Reads a file's beginning, wherever its position is.</summary>
    /// <param name="file">The file.</param>
    /// <param name="most">How many bytes at most.</param>
    public static byte[] Read(SafeFileHandle file, int most)
    {
        var content = new byte[(int)Math.Min(most, RandomAccess.GetLength(file))];
        return content[..RandomAccess.Read(file, content, 0)];
    }
}
