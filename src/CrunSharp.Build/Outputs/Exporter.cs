using CrunSharp.Build.Progress;
using CrunSharp.Engine.Transfers;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;
using CrunSharp.Storage;

namespace CrunSharp.Build.Outputs;

/// <summary>Brings what was built where the caller wants it.</summary>
/// <param name="store">The store.</param>
/// <param name="request">The build.</param>
/// <param name="epoch">SOURCE_DATE_EPOCH; null when it is not set.</param>
/// <param name="clock">The time.</param>
/// <param name="show">Tells that a part of it starts; it ends when that is disposed.</param>
internal sealed class Exporter(Store store, BuildRequest request, DateTimeOffset? epoch, TimeProvider clock, Func<string, IDisposable> show)
{
    private static readonly OutputSpec ToStore = new() { Type = OutputType.Image };

    private readonly Dictionary<Digest, BuiltImage> _rewritten = [];

    /// <summary>Tells how an image was made; null where nothing is told.</summary>
    public Provenance? Provenance { get; init; }

    /// <summary>The outputs of a request; one that says none has the store.</summary>
    public static IReadOnlyList<OutputSpec> OutputsOf(BuildRequest request) => request.Output.Outputs.Count > 0 ? request.Output.Outputs : [ToStore];

    /// <summary>Refuses, before there is any work, what cannot be done.</summary>
    /// <exception cref="CrunException">An output lacks a name, or cannot hold several platforms.</exception>
    public static void Check(BuildRequest request)
    {
        var outputs = OutputsOf(request);
        if (outputs.Count(static output => output.Destination == OutputSpec.StandardOutput) > 1) throw CrunException.Invalid("several outputs cannot all be standard output");
        foreach (var output in outputs)
        {
            if (output.Push && output.Names.Count == 0 && request.Tags.Count == 0) throw CrunException.Invalid("a push needs the image's name: -t NAME, or name=NAME of the output");
        }
    }

    /// <summary>Refuses what cannot be done without a time.</summary>
    /// <exception cref="CrunException">There is none.</exception>
    public static void CheckTime(BuildRequest request)
    {
        foreach (var output in OutputsOf(request))
        {
            if (output.RewriteTimestamp && SourceDateEpoch.Of(request) is null) throw CrunException.Invalid("rewrite-timestamp needs SOURCE_DATE_EPOCH");
        }
    }

    /// <summary>Does it all.</summary>
    /// <param name="images">The images, one for each platform.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="CrunException">An output cannot be written.</exception>
    public async Task<BuildResult> RunAsync(IReadOnlyList<BuiltImage> images, CancellationToken cancellationToken)
    {
        if (request.Output.Squash) images = [.. images.Select(image => image.Squash(store, SourceDateEpoch.Format(epoch ?? clock.GetUtcNow()), request.Output.SquashBase))];
        var result = new BuildResult(images[0].Id, 0, 0);
        foreach (var output in OutputsOf(request))
        {
            cancellationToken.ThrowIfCancellationRequested();
            var own = output.RewriteTimestamp ? [.. images.Select(Rewritten)] : images;
            var names = output.Names.Concat(request.Tags).Distinct().ToList();
            switch (output.Type)
            {
                case OutputType.CacheOnly: break;
                case OutputType.Local or OutputType.Tar:
                    WriteFiles(output, own, cancellationToken);
                    break;
                default:
                    result = await WriteImageAsync(output, own, names, result, cancellationToken).ConfigureAwait(false);
                    break;
            }
        }
        return result;
    }

    private BuiltImage Rewritten(BuiltImage image)
    {
        if (_rewritten.TryGetValue(image.Id, out var known)) return known;
        using var shown = show("rewriting layers with source-date-epoch");
        return _rewritten[image.Id] = image.Rewrite(store, epoch!.Value);
    }

    private async Task<BuildResult> WriteImageAsync(OutputSpec output, IReadOnlyList<BuiltImage> images, List<ImageReference> names, BuildResult result, CancellationToken cancellationToken)
    {
        using var shown = show(output.Type switch { OutputType.Oci => "exporting to oci image format", OutputType.Docker when output.Destination is not null => "exporting to docker image format", _ => "exporting to image" });
        return await FetchingStep.WatchAsync(shown, () => WriteImageNowAsync(output, images, names, result, cancellationToken)).ConfigureAwait(false);
    }

    private async Task<BuildResult> WriteImageNowAsync(OutputSpec output, IReadOnlyList<BuiltImage> images, List<ImageReference> names, BuildResult result, CancellationToken cancellationToken)
    {
        // What only stays here needs no manifest unless there is something to say in it; a push sends that one then.
        var isNoted = output.Annotations.Count + request.Output.Annotations.Count > 0;
        var documents = output is { Destination: { } destination, HasImage: true } ? WriteArchive(output, destination, images, names, cancellationToken)
            : output.HasBlobs ? Documents(output, images, names, Provenance, null, cancellationToken)
            : isNoted ? Documents(output with { Type = OutputType.Image, Push = true }, images, names, null, null, cancellationToken) : null;
        if (output.Push) await PushAsync(output, documents!.Content(), names, cancellationToken).ConfigureAwait(false);
        if (output.IsStored) Keep(output, images, names, documents);
        return result with
        {
            ImageId = images.Count == 1 || documents is null ? images[0].Id : documents.Root.Digest,
            Config = images.Count == 1 ? images[0].Id : result.Config,
            Manifest = documents?.Root ?? result.Manifest,
            Names = [.. result.Names.Concat(names).Distinct()],
            HasImage = true,
        };
    }

    // The name means this host's image, or the first.
    private void Keep(OutputSpec output, IReadOnlyList<BuiltImage> images, List<ImageReference> names, ImageDocuments? documents)
    {
        store.Sync();
        var isWhole = images.Count > 1 || documents?.Root.MediaType is MediaTypes.Manifest or MediaTypes.DockerManifest;
        var kept = images.Select((image, i) => (Image: image, Manifest: isWhole && documents is not null ? documents.RawManifests[i] : default(ReadOnlyMemory<byte>)))
            .OrderByDescending(static one => one.Image.Platform is { } platform && PlatformChoice.IsFor(platform, Platform.Host)).ToList();
        var first = store.Images.AddAll([.. kept.Select(static one => ((ReadOnlyMemory<byte>)one.Image.RawConfig, one.Manifest))], names);
        if (!output.Push || !isWhole) return;
        foreach (var name in names) store.Images.Tag(first.Id, ImageReference.Parse($"{name.Host}/{name.Path}@{documents!.Root.Digest}"), [.. kept.Skip(1).Select(static one => one.Image.Id)]);
    }

    private ImageDocuments Documents(OutputSpec output, IReadOnlyList<BuiltImage> images, List<ImageReference> names, Provenance? told, StartedArchive? archive, CancellationToken cancellationToken) =>
        ImageDocuments.Make(store, output, images, request.Output.Annotations,
            told is not null ? (image, manifest) => told.StatementOf(image, manifest, names) : null, archive, cancellationToken);

    private ImageDocuments WriteArchive(OutputSpec output, string destination, IReadOnlyList<BuiltImage> images, List<ImageReference> names, CancellationToken cancellationToken)
    {
        ImageDocuments? documents = null;
        if (output.IsTar)
        {
            Write(destination, stream =>
            {
                var archive = new StartedArchive(stream);
                documents = Documents(output, images, names, Provenance, archive, cancellationToken);
                documents.Archive(names).Write(store, archive);
            });
            return documents!;
        }
        documents = Documents(output, images, names, Provenance, null, cancellationToken);
        documents.Archive(names).WriteDirectory(store, destination);
        return documents;
    }

    private async Task PushAsync(OutputSpec output, PushedContent content, List<ImageReference> names, CancellationToken cancellationToken)
    {
        if (request.Output.OpenRegistry is not { } open) throw CrunException.Unsupported("this build cannot reach registries");
        foreach (var name in names)
        {
            using var shown = show($"pushing {name.Familiar}");
            using var client = open(name.Host, output.VerifyTls);
            await FetchingStep.WatchAsync(shown, async () =>
            {
                await new ContentPush(store, client, shown as IPushProgress).RunAsync(content, name, output.PushByDigest, cancellationToken).ConfigureAwait(false);
                return true;
            }).ConfigureAwait(false);
        }
    }

    private void WriteFiles(OutputSpec output, IReadOnlyList<BuiltImage> images, CancellationToken cancellationToken)
    {
        using var shown = show(output.Type == OutputType.Tar ? "exporting to tarball" : "exporting to directory");
        FetchingStep.Watch(shown, () => WriteFilesNow(output, images, cancellationToken));
    }

    private bool WriteFilesNow(OutputSpec output, IReadOnlyList<BuiltImage> images, CancellationToken cancellationToken)
    {
        var open = new List<IDisposable>();
        try
        {
            var isSplit = output.PlatformSplit ?? images.Count > 1;
            FileTime? latest = epoch is { } time ? new FileTime(time.ToUnixTimeSeconds(), 0) : null;
            var views = images.Where(static image => image.Layers.Count > 0).Select(image => (isSplit ? image.FolderName : "", image.View(open))).ToList();
            if (output.Type == OutputType.Local) new ViewExport(latest, output.RemovesOthers).Write(views, Path.GetFullPath(output.Destination!), cancellationToken);
            else Write(output.Destination!, stream => ViewTar.Write(views, stream, latest));
            return true;
        }
        finally
        {
            foreach (var directory in open) directory.Dispose();
        }
    }

    private void Write(string destination, Action<Stream> write)
    {
        if (destination != OutputSpec.StandardOutput)
        {
            (request.Output.WriteFile ?? throw CrunException.Unsupported("this build cannot write files"))(destination, write);
            return;
        }
        using var output = (request.Output.OpenOutput ?? throw CrunException.Unsupported("this build has no standard output"))();
        using var buffered = new BufferedStream(output, 256 * 1024);
        write(buffered);
    }
}
