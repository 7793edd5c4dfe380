using CrunSharp.Oci;
using CrunSharp.Oci.Images;
using CrunSharp.Registry;
using CrunSharp.Storage;

namespace CrunSharp.Engine.Transfers;

/// <summary>What was pulled.</summary>
/// <param name="Image">The image; it stays until the store is closed, whatever is removed.</param>
/// <param name="Digest">The digest of what its name stands for: a manifest, or an index.</param>
/// <param name="IsNewer">Whether the name stood for another image before, or for none.</param>
public sealed record PullResult(Image Image, Digest Digest, bool IsNewer);

/// <summary>Brings images from a registry into the store.</summary>
/// <param name="store">The store.</param>
/// <param name="client">The registry.</param>
/// <param name="options">The options that the client was made with.</param>
/// <param name="progress">Hears how it goes on.</param>
public sealed class ImagePull(Store store, RegistryClient client, RegistryOptions options, IPullProgress progress)
{
    /// <summary>Pulls an image. A tag that stands for what it stood for before costs one request.</summary>
    /// <param name="name">Its name, with a tag or a digest.</param>
    /// <param name="platform">The platform that it shall be for; null for this host's.</param>
    /// <param name="cancellationToken">Ends it; what was finished stays, as garbage that the next pull may use.</param>
    /// <param name="leavesName">Whether the image does not get the name, which stands for another platform's.</param>
    /// <exception cref="CrunException">It cannot be had, is not for the platform, or not what was promised; no name has changed.</exception>
    public async Task<PullResult> RunAsync(ImageReference name, Platform? platform, CancellationToken cancellationToken, bool leavesName = false)
    {
        if (name is { Host: "docker.io", Path: "library/scratch" }) throw CrunException.Invalid("'scratch' is a reserved name");
        var repository = client.Repository(name);
        var before = store.Images.TryResolve(name);
        if (before is not null && await IsCurrentAsync(repository, name, before, platform, cancellationToken).ConfigureAwait(false) is { } current)
        {
            progress.Pulling(name);
            return new PullResult(before, current, false);
        }
        store.Sweep(); // what a killed pull left: there may be no layer missing, and so no draft whose making does it
        var remote = await RemoteImage.ReadAsync(store, repository, name, platform ?? Platform.Host, cancellationToken).ConfigureAwait(false);
        progress.Pulling(name);
        progress.Layers(remote.Layers);
        var hasMirrors = options.Settings.For(name.Host).Mirrors.Count > 0;
        await new LayerFetch(store, repository, hasMirrors, progress).RunAsync(remote.Layers, remote.Config.Rootfs.DiffIds, cancellationToken).ConfigureAwait(false);
        // The image is named once it would survive a power cut.
        store.Sync();
        var image = store.Images.Add(remote.RawConfig, leavesName ? [WithDigest(name, Digest.Of(remote.RawManifest.Span))] : NamesOf(name, remote.Digest), remote.RawManifest.Span);
        if (platform is not null && PlatformChoice.Of(remote.Config) is var actual && !PlatformChoice.IsFor(actual, platform))
            progress.Warning($"image with reference {name.Familiar} was found but its platform ({actual}) does not match the specified platform ({platform})");
        return new PullResult(image, remote.Digest, before?.Id != image.Id);
    }

    /// <summary>The tags of a repository.</summary>
    /// <param name="name">A name of the repository.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="CrunException">The repository is not there, or may not be read.</exception>
    public Task<IReadOnlyList<string>> TagsAsync(ImageReference name, CancellationToken cancellationToken) =>
        client.Repository(name).Tags.ListAsync(0, cancellationToken);

    // The digest that the name stands for when the image is just that; null when it is another, or not whole.
    private async Task<Digest?> IsCurrentAsync(Repository repository, ImageReference name, Image image, Platform? platform, CancellationToken cancellationToken)
    {
        if (image.Damage is not null) return null;
        var there = name.Digest ?? (await repository.Manifests.FindAsync(name.Tag!, cancellationToken).ConfigureAwait(false))?.Digest;
        if (there is not { } digest || store.Images.TryResolve(WithDigest(name, digest))?.Id != image.Id) return null;
        // An index has images for several platforms, a manifest is for one whatever is asked for.
        if (image.ManifestDigest != digest && !PlatformChoice.IsFor(PlatformChoice.Of(image.Config), platform ?? Platform.Host)) return null;
        try
        {
            foreach (var diffId in image.DiffIds)
            {
                if (store.Layers.TryGet(diffId) is null) return null;
            }
            store.Layers.Pin(image.DiffIds);
            return digest;
        }
        catch (CrunException error) when (error.Kind is ErrorKind.NotFound or ErrorKind.Integrity)
        {
            return null;
        }
    }

    // A tag may move: the digest is a name as well, as Docker has it.
    private static ImageReference[] NamesOf(ImageReference name, Digest digest) =>
        name.Digest is null ? [WithDigest(name, digest), name] : [WithDigest(name, digest)];

    private static ImageReference WithDigest(ImageReference name, Digest digest) => ImageReference.Parse($"{name.Host}/{name.Path}@{digest}");
}
