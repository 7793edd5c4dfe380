using CrunSharp.Cli.CommandLine;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;

namespace CrunSharp.Cli.Commands.Images;

/// <summary>The file that <c>-o</c> names: an archive is in it whole, or it is as it was.</summary>
internal static class OutputFile
{
    private const OpenFlags ForWriting = OpenFlags.O_WRONLY;
    private const int BufferSize = 1 << 16;

    /// <summary>Refuses, before there is any work, what cannot be written to.</summary>
    /// <param name="path">The file; null for standard output.</param>
    /// <exception cref="CrunException">Its directory is not there, or it is one itself.</exception>
    public static void Check(string? path)
    {
        if (path is null) return;
        if (Directory.Exists(path)) throw CrunException.Invalid("is a directory", $"write {path}");
        if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } folder && !Directory.Exists(folder))
            throw CrunException.NotFound($"invalid output path: directory \"{folder}\" does not exist");
    }

    /// <summary>Writes; a device or a pipe is written as it is.</summary>
    /// <param name="context">The command's world.</param>
    /// <param name="path">The file; null for standard output.</param>
    /// <param name="write">Writes to it.</param>
    /// <exception cref="CrunException">It cannot be opened, or <paramref name="write"/> fails; the file is then as it was.</exception>
    public static void Write(CommandContext context, string? path, Action<Stream> write)
    {
        if (path is null)
        {
            using var output = context.OpenOutput();
            Buffered(output, write);
            return;
        }
        if (FileAt.TryStatus(null, path, followLinks: true) is { Kind: not FileKind.Regular })
        {
            using var special = new FileStream(FileAt.Open(null, path, ForWriting), FileAccess.Write, bufferSize: 1);
            Buffered(special, write);
            return;
        }
        var slash = path.LastIndexOf('/') + 1;
        var temporary = $"{path[..slash]}.{path[slash..]}.{Environment.ProcessId:x}.tmp";
        try
        {
            using (var file = new FileStream(FileAt.Open(null, temporary, ForWriting | OpenFlags.O_CREAT | OpenFlags.O_TRUNC | OpenFlags.O_NOFOLLOW, 0x180), FileAccess.Write, bufferSize: 1))
                Buffered(file, write);
            FileAt.Rename(null, temporary, null, path);
        }
        catch
        {
            FileAt.Remove(null, temporary);
            throw;
        }
    }

    private static void Buffered(Stream output, Action<Stream> write)
    {
        using var buffered = new BufferedStream(output, BufferSize);
        write(buffered);
    }
}
