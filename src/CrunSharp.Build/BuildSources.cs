using System.Diagnostics.CodeAnalysis;
using System.Text;
using CrunSharp.Build.Cache;
using CrunSharp.Build.Contexts;
using CrunSharp.Build.Dockerfile;
using CrunSharp.Build.Graph;
using CrunSharp.Build.Outputs;
using CrunSharp.Build.Steps;
using CrunSharp.Engine.Transfers;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;
using CrunSharp.Storage;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Build;

/// <summary>What a build takes files from: the context, images, stages. Everything is opened once and closed at the end.</summary>
internal sealed class BuildSources(Store store, BuildCache cache, BuildRequest request, TimeProvider clock, FetchedContexts? contexts = null) : IDisposable
{
    private const int MostIgnoreBytes = 4 * 1024 * 1024;

    // No name of an image begins so.
    private const string LayoutMark = "oci-layout://";

    private readonly Lock _lock = new();
    private readonly Dictionary<(string Name, Platform Platform), Image> _images = [];
    private readonly Dictionary<Digest, ViewLayer> _layers = [];
    private readonly Dictionary<string, ContextIndex> _indexes = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (SafeFileHandle Directory, SourceTree Tree)> _trees = new(StringComparer.Ordinal);

    /// <summary>The named contexts.</summary>
    public IReadOnlyDictionary<string, ContextAddress> Named { get; } = ContextAddress.NamedOf(request);

    /// <summary>Whether a name of <c>--from</c> is an image's: neither nothing nor a directory.</summary>
    public bool IsImage([NotNullWhen(true)] string? name) => name is not null && !name.Equals(BuildGraph.Scratch, StringComparison.OrdinalIgnoreCase)
        && (!Named.TryGetValue(name, out var context) || context.IsImage);

    /// <summary>An image of the store; null when it is not there, is for another platform than was asked for, or there may be a newer one.</summary>
    /// <param name="name">The image's name.</param>
    /// <param name="stage">The stage that needs it, whose platform counts.</param>
    /// <param name="isOtherFine">Whether an image for another platform will do, to look at.</param>
    /// <exception cref="CrunException">The name is no image's name.</exception>
    public Image? TryFind(string name, StageNode stage, bool isOtherFine = false)
    {
        name = ImageOf(name);
        lock (_lock)
        {
            if (_images.TryGetValue((name, stage.Platform), out var known)) return known;
            if (name.StartsWith(LayoutMark, StringComparison.Ordinal)) return Keep(name, stage, ImportLayout(name[LayoutMark.Length..]));
            if (request.AlwaysPull) return null;
            if (store.Images.ResolveAll(name) is not [var image, ..] here) return null;
            if (stage.IsPlatformAsked) image = here.FirstOrDefault(other => PlatformChoice.IsFor(PlatformChoice.Of(other.Config), stage.Platform)) ?? image;
            return !stage.IsPlatformAsked || PlatformChoice.IsFor(PlatformChoice.Of(image.Config), stage.Platform) ? Keep(name, stage, image) : isOtherFine ? image : null;
        }
    }

    /// <summary>An image of the store.</summary>
    /// <exception cref="CrunException">It is not there.</exception>
    public Image Find(string name, StageNode stage) => TryFind(name, stage) ?? throw CrunException.NotFound($"{ImageReference.Parse(ImageOf(name))}: not found");

    /// <summary>Brings an image into the store.</summary>
    /// <exception cref="CrunException">It cannot be had.</exception>
    public async Task PullAsync(string name, StageNode stage, CancellationToken cancellationToken)
    {
        var reference = ImageReference.Parse(ImageOf(name));
        var other = store.Images.TryResolve(ImageOf(name)) is { } there ? $" (here it is for {PlatformChoice.Of(there.Config)}, and {stage.Platform} is needed)" : "";
        if (request.Pull is not { } pull) throw CrunException.NotFound($"{reference}: not found{other}");
        try
        {
            var image = await pull(reference, stage.IsPlatformAsked ? stage.Platform : null, cancellationToken).ConfigureAwait(false);
            if (stage.IsPlatformAsked && !PlatformChoice.IsFor(PlatformChoice.Of(image.Config), stage.Platform))
                throw CrunException.NotFound($"{reference} is for {PlatformChoice.Of(image.Config)}, not for {stage.Platform}");
            lock (_lock) Keep(ImageOf(name), stage, image);
        }
        catch (CrunException error) when (other.Length > 0 && !request.AlwaysPull)
        {
            throw new CrunException(error.Kind, error.Message + other, inner: error);
        }
    }

    /// <summary>The images that were needed.</summary>
    public IReadOnlyList<Material> Materials()
    {
        lock (_lock)
        {
            return [.. _images.Select(static found => new Material(ImageReference.Parse(found.Key.Name), PlatformChoice.Of(found.Value.Config), found.Value.ManifestDigest ?? found.Value.Id))
                .OrderBy(static material => material.Name.ToString(), StringComparer.Ordinal).ThenBy(static material => material.Platform.ToString(), StringComparer.Ordinal)];
        }
    }

    private Image Keep(string name, StageNode stage, Image image)
    {
        store.Layers.Pin(image.DiffIds);
        return _images[(name, stage.Platform)] = image;
    }

    /// <summary>A layer of the store that a step once made; null when it is gone.</summary>
    public Layer? TryLayer(Digest diffId)
    {
        try
        {
            if (store.Layers.TryGet(diffId) is not { } layer) return null;
            store.Layers.Pin([diffId]);
            return layer;
        }
        catch (CrunException error) when (error.Kind == ErrorKind.NotFound)
        {
            return null;
        }
    }

    /// <summary>A layer of the store as a stage's.</summary>
    public BuiltLayer Use(Layer layer, string? created)
    {
        ViewLayer? step;
        lock (_lock)
        {
            if (!_layers.TryGetValue(layer.DiffId, out step))
                _layers[layer.DiffId] = step = new ViewLayer(layer.OpenDirectory(), layer.Implied);
        }
        return new BuiltLayer(step, Task.FromResult(layer), created, layer.HidesAll);
    }

    /// <summary>The layers of an image, the lowest first.</summary>
    public IReadOnlyList<BuiltLayer> LayersOf(Image image) => [.. image.GetLayers().Select(layer => Use(layer, null))];

    /// <summary>The context.</summary>
    /// <exception cref="CrunException">There is none.</exception>
    public SourceTree Context()
    {
        if (request.ContextDirectory is not { } path) throw CrunException.Invalid("there is no build context to take files from");
        return TreeOf(path, ContextName, isMain: true);
    }

    /// <summary>What of the context is ignored; null when there is no context.</summary>
    public DockerIgnore? TryIgnore() => request.ContextDirectory is null ? null : Context().Ignore;

    private SourceTree TreeOf(string path, string indexName, bool isMain)
    {
        lock (_lock)
        {
            if (_trees.TryGetValue(indexName, out var known)) return known.Tree;
            var directory = FileAt.OpenDirectory(path);
            var view = LayerView.OfDirectory(directory);
            var tree = new SourceTree(view, isMain ? ReadIgnore(view) : IgnoreOf(view), IndexOf(indexName), MayChange: true);
            _trees[indexName] = (directory, tree);
            return tree;
        }
    }

    /// <summary>The files of a stage.</summary>
    public SourceTree TreeOf(StageResult stage, StageNode node) =>
        new(stage.View() ?? throw CrunException.Invalid($"stage {node.Name} has no files"), DockerIgnore.None,
            IndexOf($"stage:{ContextName}:{request.DockerfilePath}:{node.Name}:{node.Platform}"), MayChange: false);

    /// <summary>The files of an image.</summary>
    /// <exception cref="CrunException">It cannot be had, or has no files.</exception>
    public SourceTree TreeOf(string name, StageNode stage)
    {
        if (Named.TryGetValue(name, out var context) && context.IsFiles)
        {
            return context.IsRemote ? TreeOf(contexts?.PathOf(name) ?? throw CrunException.NotFound($"the context {name} was not fetched"), $"context:{name}={context.Value}", isMain: false)
                : TreeOf(context.Value, "context:" + Path.GetFullPath(context.Value), isMain: false);
        }
        if (name.Equals(BuildGraph.Scratch, StringComparison.OrdinalIgnoreCase)) throw CrunException.Invalid("scratch has no files");
        var image = Find(name, stage);
        var view = StageResult.ViewOf(LayersOf(image)) ?? throw CrunException.Invalid($"image {name} has no files");
        return new SourceTree(view, DockerIgnore.None, IndexOf($"image:{image.Id}"), MayChange: false);
    }

    /// <summary>Keeps what was learned of files' content.</summary>
    public void SaveIndexes()
    {
        foreach (var index in _indexes.Values) index.Save();
    }

    /// <summary>Closes everything.</summary>
    public void Dispose()
    {
        foreach (var layer in _layers.Values) layer.Directory.Dispose();
        foreach (var (directory, _) in _trees.Values) directory.Dispose();
    }

    // What was fetched lies elsewhere each time: one index for all of it.
    private string ContextName => "context:" + (request.FetchedAs ?? Path.GetFullPath(request.ContextDirectory ?? "/"));

    private ContextIndex IndexOf(string tree)
    {
        lock (_lock)
        {
            if (!_indexes.TryGetValue(tree, out var index)) _indexes[tree] = index = ContextIndex.Open(cache.Contexts, tree, clock);
            return index;
        }
    }

    // The one beside the Dockerfile wins. It is the caller's own file; the other belongs to the context.
    private DockerIgnore ReadIgnore(LayerView context)
    {
        if (request.FetchedAs is not null)
        {
            var beside = PosixPath.InRoot(request.DockerfilePath ?? "Dockerfile") + ".dockerignore";
            return context.TryReadFile(beside, MostIgnoreBytes) is { } found ? DockerIgnore.Parse(PosixPath.Name(beside), Encoding.UTF8.GetString(found)) : IgnoreOf(context);
        }
        var dockerfile = request.DockerfileContent is null
            ? request.DockerfilePath ?? Path.Combine(request.ContextDirectory!, "Dockerfile") : null;
        var own = dockerfile is null ? null : dockerfile + ".dockerignore";
        if (own is not null && AtomicFile.TryRead(null, own, MostIgnoreBytes) is { } special)
            return DockerIgnore.Parse(Path.GetFileName(own), Encoding.UTF8.GetString(special));
        return IgnoreOf(context);
    }

    private static DockerIgnore IgnoreOf(LayerView context) => context.TryReadFile("/.dockerignore", MostIgnoreBytes) is { } general
        ? DockerIgnore.Parse(".dockerignore", Encoding.UTF8.GetString(general)) : DockerIgnore.None;

    // A named context may stand for another image.
    private string ImageOf(string name)
    {
        if (!Named.TryGetValue(name, out var context)) return name;
        return context.Kind switch
        {
            ContextKind.Image => context.Value,
            ContextKind.Layout => LayoutMark + context.Value,
            _ => throw CrunException.Unsupported($"the context {name} is no image"),
        };
    }

    // It gets no name and no record: its layers stay for the time of the build, and then as long as an image has them.
    private Image ImportLayout(string address)
    {
        var (path, tag, digest) = new ContextAddress(ContextKind.Layout, address).SplitLayout();
        var image = OciLayout.Import(store, Path.GetFullPath(path), tag, digest);
        store.Layers.Pin(image.DiffIds);
        return image;
    }
}
