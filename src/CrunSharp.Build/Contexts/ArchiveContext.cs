using CrunSharp.Build.Dockerfile;
using CrunSharp.Build.Steps;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using CrunSharp.Storage;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Build.Contexts;

/// <summary>A context that comes as a stream: a Dockerfile alone, or a tar, compressed or not.</summary>
internal static class ArchiveContext
{
    private const int HeaderSize = 512;
    private const int MostDepth = 1024;
    private const int MarkOffset = 257;

    /// <summary>Begins to read a stream.</summary>
    /// <param name="input">The stream.</param>
    /// <param name="isArchive">Whether it is an archive.</param>
    /// <returns>The stream from its start.</returns>
    public static Stream Begin(Stream input, out bool isArchive)
    {
        var start = new byte[HeaderSize];
        start = start[..input.ReadAtLeast(start, HeaderSize, throwOnEndOfStream: false)];
        // Neither a compressed file nor this mark can be the start of a Dockerfile.
        isArchive = Compression.Detect(start) != CompressionKind.None || (start.Length == HeaderSize && start.AsSpan(MarkOffset).StartsWith("ustar"u8));
        return new StartedStream(start, input);
    }

    /// <summary>Unpacks an archive into a new draft. Nothing of it can get out: paths and links end at its root.</summary>
    /// <param name="store">The store.</param>
    /// <param name="archive">The archive.</param>
    /// <param name="what">What errors call it.</param>
    /// <param name="mostBytes">The most bytes that its files may have.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="CrunException">It is too large or damaged.</exception>
    public static LayerDraft Unpack(Store store, Stream archive, string what, long mostBytes, CancellationToken cancellationToken)
    {
        var draft = store.Layers.Begin();
        try
        {
            var rules = new CopyRules(null, null);
            new ArchiveUnpacker(new CopyWriter(draft.Directory, null, rules, cancellationToken), draft.Directory, null, rules) { Limits = store.Limits with { Bytes = mostBytes } }
                .Unpack(archive, what, "/", cancellationToken);
            return draft;
        }
        catch
        {
            draft.Dispose();
            throw;
        }
    }

    /// <summary>The time of the newest file, in seconds since 1970; null when there is none. Directories do not count: the archive need not have them.</summary>
    /// <param name="directory">What was unpacked.</param>
    /// <param name="depth">How deep that is.</param>
    public static long? NewestOf(SafeFileHandle directory, int depth = 0)
    {
        long? newest = null;
        foreach (var name in FileAt.List(directory))
        {
            var status = FileAt.Status(directory, name);
            var time = (long?)status.Modified.Seconds;
            if (status.Kind == FileKind.Directory)
            {
                if (depth >= MostDepth) continue;
                using var inner = FileAt.Open(directory, name, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY | OpenFlags.O_NOFOLLOW);
                time = NewestOf(inner, depth + 1);
            }
            if (time > (newest ?? -1)) newest = time;
        }
        return newest;
    }

    /// <summary>The Dockerfile in a directory that came from elsewhere: links end at its root.</summary>
    /// <exception cref="CrunException">There is none.</exception>
    public static ReadOnlyMemory<byte> ReadDockerfile(LayerView files, string? path)
    {
        foreach (var name in path is null ? Builder.DefaultNames : [path])
            if (files.TryReadFile(PosixPath.InRoot(name), DockerfileSource.MostBytes) is { } content) return content;
        throw CrunException.NotFound($"the build context has no {path ?? Builder.DefaultNames[0]}", "read Dockerfile");
    }

    /// <summary>A Dockerfile that is all there is.</summary>
    public static byte[] ReadText(Stream input)
    {
        using var content = new MemoryStream();
        var buffer = new byte[64 * 1024];
        for (int count; content.Length <= DockerfileSource.MostBytes && (count = input.Read(buffer)) > 0;) content.Write(buffer, 0, count);
        return content.ToArray();
    }
}
