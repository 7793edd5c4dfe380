using CrunSharp.Oci;
using CrunSharp.Oci.Images;
using CrunSharp.Registry;
using CrunSharp.Storage;

namespace CrunSharp.Engine.Transfers;

/// <summary>An image in a registry whose documents were read and checked: all of it but the layers.</summary>
/// <param name="Digest">The digest of what the name stands for: a manifest, or an index.</param>
/// <param name="RawManifest">The manifest.</param>
/// <param name="RawConfig">The configuration.</param>
/// <param name="Config">The configuration, read.</param>
/// <param name="Layers">The layers' blobs, from the base up; as many as the configuration has diffIDs.</param>
internal sealed record RemoteImage(Digest Digest, ReadOnlyMemory<byte> RawManifest, byte[] RawConfig, ImageConfig Config, IReadOnlyList<Descriptor> Layers)
{
    private const int MostDepth = 4;
    private const int MostIndexes = 16;

    /// <summary>Reads an image's documents.</summary>
    /// <param name="store">What is there already is not fetched.</param>
    /// <param name="repository">The repository.</param>
    /// <param name="name">The name of the image.</param>
    /// <param name="platform">The platform to look for in an index.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="CrunException">It is not there, not for the platform, no image, or not whole.</exception>
    public static async Task<RemoteImage> ReadAsync(Store store, Repository repository, ImageReference name, Platform platform, CancellationToken cancellationToken)
    {
        var named = name.Digest is { } digest
            ? await repository.Manifests.GetAsync(digest, cancellationToken).ConfigureAwait(false)
            : await repository.Manifests.GetAsync(name.Tag!, cancellationToken).ConfigureAwait(false);
        var seen = new HashSet<Digest>();
        var manifest = !named.IsIndex ? named
            : await FindAsync(repository, named, platform, seen, 1, cancellationToken).ConfigureAwait(false)
                ?? throw CrunException.NotFound($"no matching manifest for {platform} in the manifest list entries");
        var document = ManifestReader.Read(manifest.Bytes.Span, manifest.MediaType);
        if (document.Config.MediaType is not (MediaTypes.Config or MediaTypes.DockerConfig))
            throw CrunException.Unsupported($"{name.Familiar} is no image but \"{Printable(document.ArtifactType ?? document.Config.MediaType)}\"");
        foreach (var layer in document.Layers) CheckType(layer);
        var rawConfig = store.Content.Contains(document.Config.Digest)
            ? store.Content.Read(document.Config.Digest, ImageArchive.MostConfigBytes)
            : await repository.Blobs.ReadAsync(document.Config, ImageArchive.MostConfigBytes, cancellationToken).ConfigureAwait(false);
        var config = ImageJson.ReadConfig(rawConfig);
        ConfigCheck.Check(config);
        if (config.Os != "linux") throw CrunException.Unsupported($"image operating system \"{Printable(config.Os)}\" cannot be used on this platform");
        if (config.Rootfs.DiffIds.Count != document.Layers.Count)
            throw CrunException.Integrity($"the manifest has {document.Layers.Count} layers for an image of {config.Rootfs.DiffIds.Count}", $"manifest for {name.Familiar}");
        return new RemoteImage(named.Digest, manifest.Bytes, rawConfig, config, document.Layers);
    }

    private static async Task<Manifest?> FindAsync(Repository repository, Manifest index, Platform platform, HashSet<Digest> seen, int depth, CancellationToken cancellationToken)
    {
        if (depth > MostDepth) throw CrunException.Integrity($"indexes are nested more than {MostDepth} deep", $"index {index.Digest}");
        if (!seen.Add(index.Digest)) throw CrunException.Integrity("it refers to itself", $"index {index.Digest}");
        if (seen.Count > MostIndexes) throw CrunException.Integrity($"it refers to more than {MostIndexes} indexes", $"index {index.Digest}");
        foreach (var descriptor in PlatformChoice.Candidates(ManifestReader.ReadIndex(index.Bytes.Span, index.MediaType), platform))
        {
            var found = await GetAsync(repository, descriptor, cancellationToken).ConfigureAwait(false);
            if (found.IsIndex) found = await FindAsync(repository, found, platform, seen, depth + 1, cancellationToken).ConfigureAwait(false);
            if (found is not null) return found;
        }
        return null;
    }

    private static async Task<Manifest> GetAsync(Repository repository, Descriptor descriptor, CancellationToken cancellationToken)
    {
        if (descriptor.Size > ManifestReader.MostBytes)
            throw CrunException.Integrity($"it has {descriptor.Size} bytes, more than {ManifestReader.MostBytes}", $"manifest {descriptor.Digest}");
        var manifest = await repository.Manifests.GetAsync(descriptor.Digest, cancellationToken).ConfigureAwait(false);
        if (manifest.Bytes.Length != descriptor.Size)
            throw CrunException.Integrity($"it has {manifest.Bytes.Length} bytes where {descriptor.Size} were promised", $"manifest {descriptor.Digest}");
        if (manifest.MediaType != descriptor.MediaType)
            throw CrunException.Integrity($"it is \"{manifest.MediaType}\" but was announced as \"{descriptor.MediaType}\"", $"manifest {descriptor.Digest}");
        return manifest;
    }

    private static void CheckType(Descriptor layer)
    {
        switch (layer.MediaType)
        {
            case MediaTypes.Layer or MediaTypes.LayerGzip or MediaTypes.LayerZstd or MediaTypes.DockerLayerGzip
                or "application/vnd.docker.image.rootfs.diff.tar" or "application/vnd.docker.image.rootfs.diff.tar.zstd":
                return;
            case var type when type.Contains("foreign", StringComparison.Ordinal) || type.Contains("nondistributable", StringComparison.Ordinal):
                throw CrunException.Unsupported($"it is \"{Printable(type)}\": its content is not in the registry", $"layer {layer.Digest}");
            default:
                throw CrunException.Unsupported($"unsupported media type \"{Printable(layer.MediaType)}\"", $"layer {layer.Digest}");
        }
    }

    private static string Printable(string text) =>
        string.Concat((text.Length > 100 ? text[..100] : text).Select(static c => char.IsControl(c) ? '?' : c));
}
