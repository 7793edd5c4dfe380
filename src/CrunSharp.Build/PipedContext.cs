using CrunSharp.Build.Dockerfile;
using CrunSharp.Build.Steps;
using CrunSharp.Oci;
using CrunSharp.Storage;

namespace CrunSharp.Build;

/// <summary>A context that came through a pipe: a Dockerfile alone, or a tar, which is unpacked for the time of the build.</summary>
internal sealed class PipedContext : IDisposable
{
    private const int HeaderSize = 512;
    private const int MarkOffset = 257;

    private readonly LayerDraft? _draft;

    private PipedContext(BuildRequest request, LayerDraft? draft) => (Request, _draft) = (request, draft);

    /// <summary>The request with the Dockerfile, and with the directory if it was a tar.</summary>
    public BuildRequest Request { get; }

    /// <summary>Reads the pipe to its end.</summary>
    /// <exception cref="CrunException">It is too large or damaged, or has no Dockerfile.</exception>
    public static PipedContext Read(Store store, BuildRequest request, CancellationToken cancellationToken)
    {
        var input = request.PipedContext!;
        var start = new byte[HeaderSize];
        start = start[..input.ReadAtLeast(start, HeaderSize, throwOnEndOfStream: false)];
        var whole = new StartedStream(start, input);
        return IsArchive(start) ? Unpack(store, request, whole, cancellationToken) : new PipedContext(request with { DockerfileContent = ReadText(whole) }, null);
    }

    /// <inheritdoc/>
    public void Dispose() => _draft?.Dispose();

    // Neither a compressed file nor this mark can be the start of a Dockerfile.
    private static bool IsArchive(ReadOnlySpan<byte> start) => Compression.Detect(start) != CompressionKind.None
        || (start.Length == HeaderSize && start[MarkOffset..].StartsWith("ustar"u8));

    private static PipedContext Unpack(Store store, BuildRequest request, Stream archive, CancellationToken cancellationToken)
    {
        var draft = store.Layers.Begin();
        try
        {
            using (var decoded = Compression.Open(archive))
            {
                var rules = new CopyRules(null, null);
                new ArchiveUnpacker(new CopyWriter(draft.Directory, null, rules, cancellationToken), draft.Directory, null, rules)
                    .Unpack(decoded, "the build context", "/", cancellationToken);
            }
            var dockerfile = request.DockerfileContent ?? ReadDockerfile(draft, request.DockerfilePath);
            return new PipedContext(request with { ContextDirectory = draft.Path, DockerfileContent = dockerfile }, draft);
        }
        catch
        {
            draft.Dispose();
            throw;
        }
    }

    // Within the tar, links included: it may come from anywhere.
    private static ReadOnlyMemory<byte> ReadDockerfile(LayerDraft draft, string? path)
    {
        var view = LayerView.OfDirectory(draft.Directory);
        foreach (var name in path is null ? Builder.DefaultNames : [path])
            if (view.TryReadFile(PosixPath.InRoot(name), DockerfileSource.MostBytes) is { } content) return content;
        throw CrunException.NotFound($"the build context has no {path ?? Builder.DefaultNames[0]}", "read Dockerfile");
    }

    private static byte[] ReadText(Stream input)
    {
        using var content = new MemoryStream();
        var buffer = new byte[64 * 1024];
        for (int count; content.Length <= DockerfileSource.MostBytes && (count = input.Read(buffer)) > 0;) content.Write(buffer, 0, count);
        return content.ToArray();
    }
}
