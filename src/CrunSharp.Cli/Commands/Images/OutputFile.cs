using CrunSharp.Cli.CommandLine;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Cli.Commands.Images;

/// <summary>The file that <c>-o</c> names: an archive is in it whole, or it is as it was.</summary>
internal static class OutputFile
{
    private const OpenFlags ForWriting = OpenFlags.O_WRONLY;
    private const int BufferSize = 1 << 16;

    /// <summary>Refuses, before there is any work, what no archive can be written to.</summary>
    /// <param name="context">The command's world.</param>
    /// <param name="path">The file; null for standard output.</param>
    /// <exception cref="CrunException">Its directory is not there, it is one itself, or standard output is a terminal.</exception>
    public static void Check(CommandContext context, string? path)
    {
        Check(path);
        if (path is null && context.OutputIsTerminal()) throw CrunException.Invalid("cowardly refusing to save to a terminal: use the -o option or redirect");
    }

    /// <summary>Refuses a file that cannot be written to.</summary>
    /// <param name="path">The file; null for none.</param>
    /// <exception cref="CrunException">Its directory is not there, or it is one itself.</exception>
    public static void Check(string? path)
    {
        if (path is null) return;
        if (Directory.Exists(path)) throw CrunException.Invalid("is a directory", $"write {path}");
        if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } folder && !Directory.Exists(folder))
            throw CrunException.NotFound($"invalid output path: directory \"{folder}\" does not exist");
    }

    /// <summary>Writes a small file that others may read.</summary>
    /// <param name="path">The file.</param>
    /// <param name="content">What is to be in it.</param>
    /// <exception cref="CrunException">It cannot be written; the file is then as it was.</exception>
    public static void Write(string path, ReadOnlyMemory<byte> content) => WriteFile(path, 0x1a4, stream => stream.Write(content.Span));

    /// <summary>Writes; a device or a pipe is written as it is, and a link is replaced.</summary>
    /// <param name="context">The command's world.</param>
    /// <param name="path">The file; null for standard output.</param>
    /// <param name="write">Writes to it.</param>
    /// <exception cref="CrunException">It cannot be opened, or <paramref name="write"/> fails; the file is then as it was.</exception>
    public static void Write(CommandContext context, string? path, Action<Stream> write)
    {
        if (path is null) Buffered(context.OpenOutput(), write);
        else WriteFile(path, 0x180, write);
    }

    private static void WriteFile(string path, uint mode, Action<Stream> write)
    {
        if (IsSpecial(path))
        {
            WriteSpecial(path, write);
            return;
        }
        var slash = path.LastIndexOf('/') + 1;
        var temporary = $"{path[..slash]}.{path[slash..]}.{Environment.ProcessId:x}.tmp";
        // Without a name nothing is left of it, however this process ends; not every file system can do that.
        using var nameless = FileAt.TryOpen(null, slash == 0 ? "." : path[..slash], ForWriting | OpenFlags.O_TMPFILE, out _, mode);
        FileAt.Remove(null, temporary);
        try
        {
            if (nameless is null)
            {
                using var named = FileAt.Open(null, temporary, ForWriting | OpenFlags.O_CREAT | OpenFlags.O_EXCL, mode);
                WriteWhole(path, named, write);
            }
            else
            {
                WriteWhole(path, nameless, write);
                if (FileAt.TryPublish(nameless, null, path)) return;
                // In a directory of everybody's another's file of this name must not become ours.
                if (!FileAt.TryPublish(nameless, null, temporary)) throw new CrunException(ErrorKind.System, "somebody else made it", $"write {temporary}", Errno.EEXIST);
            }
            FileAt.Rename(null, temporary, null, path);
        }
        catch
        {
            FileAt.Remove(null, temporary);
            throw;
        }
    }

    private static void WriteSpecial(string path, Action<Stream> write)
    {
        try
        {
            Buffered(new FileStream(FileAt.Open(null, path, ForWriting | OpenFlags.O_TRUNC), FileAccess.Write, bufferSize: 0), write);
        }
        catch (IOException error)
        {
            throw CrunException.Of(error, $"write {path}");
        }
    }

    private static void WriteWhole(string path, SafeFileHandle file, Action<Stream> write)
    {
        using var writer = new DirectWriter(file, 0, path);
        write(writer);
        writer.Finish();
    }

    // /dev/stdout is a link to whatever standard output is, and stays one.
    private static bool IsSpecial(string path)
    {
        if (FileAt.TryStatus(null, path, followLinks: true) is not { } status) return false;
        if (status.Kind != FileKind.Regular) return true;
        var full = Path.GetFullPath(path);
        return FileAt.Status(null, path).Kind == FileKind.SymbolicLink && (full.StartsWith("/dev/", StringComparison.Ordinal) || full.StartsWith("/proc/", StringComparison.Ordinal));
    }

    private static void Buffered(Stream output, Action<Stream> write)
    {
        using var buffered = new BufferedStream(output, BufferSize);
        write(buffered);
    }
}
