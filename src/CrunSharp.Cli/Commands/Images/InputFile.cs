using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;

namespace CrunSharp.Cli.Commands.Images;

/// <summary>Files that are named on the command line.</summary>
internal static class InputFile
{
    /// <summary>Opens a file for reading.</summary>
    /// <exception cref="CrunException">It cannot be opened, or is a directory.</exception>
    public static Stream Open(string path)
    {
        var file = FileAt.TryOpen(null, path, OpenFlags.O_RDONLY, out var errno) ?? throw new CrunException(ErrorKind.NotFound, "", $"open {path}", errno);
        if (FileAt.Status(file).Kind != FileKind.Directory) return new FileStream(file, FileAccess.Read, bufferSize: 1);
        file.Dispose();
        throw CrunException.Invalid("is a directory", $"read {path}");
    }
}
