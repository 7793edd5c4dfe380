using CrunSharp.Build.Dockerfile;
using CrunSharp.Build.Steps;
using CrunSharp.Oci;
using CrunSharp.Storage;

namespace CrunSharp.Build.Contexts;

/// <summary>A context that comes as a stream: a Dockerfile alone, or a tar, compressed or not.</summary>
internal static class ArchiveContext
{
    private const int HeaderSize = 512;
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
            using var decoded = Compression.Open(archive);
            var rules = new CopyRules(null, null);
            new ArchiveUnpacker(new CopyWriter(draft.Directory, null, rules, cancellationToken), draft.Directory, null, rules) { MostBytes = mostBytes }
                .Unpack(decoded, what, "/", cancellationToken);
            return draft;
        }
        catch
        {
            draft.Dispose();
            throw;
        }
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
