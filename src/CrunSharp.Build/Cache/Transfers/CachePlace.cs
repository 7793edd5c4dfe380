using CrunSharp.Oci;
using CrunSharp.Oci.Images;
using CrunSharp.Registry;

namespace CrunSharp.Build.Cache.Transfers;

/// <summary>Where a cache is: manifests by name, content by digest.</summary>
internal abstract class CachePlace : IDisposable
{
    /// <summary>Opens a place.</summary>
    /// <param name="address">Where it is.</param>
    /// <param name="open">Opens a registry by its host.</param>
    /// <exception cref="CrunException">It cannot be opened.</exception>
    public static CachePlace Open(CacheAddress address, Func<string, RegistryClient>? open) => address.Directory is { } path ? new LocalPlace(path, address.Tag, address.Digest)
        : new RegistryPlace((open ?? (static host => new RegistryClient(host)))(address.Reference!.Host), address);

    /// <summary>Reads the manifest.</summary>
    /// <exception cref="CrunException">There is none.</exception>
    public abstract Task<byte[]> ReadManifestAsync(CancellationToken cancellationToken);

    /// <summary>Opens content; who reads it verifies it.</summary>
    /// <exception cref="CrunException">It is not there.</exception>
    public abstract Task<Stream> OpenAsync(Descriptor blob, CancellationToken cancellationToken);

    /// <summary>Starts to write: nobody else does until the result is disposed.</summary>
    public virtual Task<IDisposable?> BeginAsync(CancellationToken cancellationToken) => Task.FromResult<IDisposable?>(null);

    /// <summary>Puts content there, unless it is there.</summary>
    /// <exception cref="CrunException">It cannot be written.</exception>
    public abstract Task PutAsync(Descriptor blob, Func<Stream> open, CancellationToken cancellationToken);

    /// <summary>Gives the name to a manifest whose content is there.</summary>
    /// <exception cref="CrunException">It cannot be written; the name stands for what it stood for before.</exception>
    public abstract Task PublishAsync(string mediaType, byte[] manifest, CancellationToken cancellationToken);

    /// <inheritdoc/>
    public virtual void Dispose()
    {
    }
}

/// <summary>A registry.</summary>
internal sealed class RegistryPlace(RegistryClient client, CacheAddress address) : CachePlace
{
    private readonly Repository _repository = client.Repository(address.Reference!);

    public override async Task<byte[]> ReadManifestAsync(CancellationToken cancellationToken)
    {
        var name = address.Reference!;
        var manifest = (address.Digest ?? name.Digest) is { } digest
            ? await _repository.Manifests.GetAsync(digest, cancellationToken).ConfigureAwait(false)
            : await _repository.Manifests.GetAsync(name.Tag!, cancellationToken).ConfigureAwait(false);
        return manifest.Bytes.ToArray();
    }

    public override async Task<Stream> OpenAsync(Descriptor blob, CancellationToken cancellationToken) =>
        await _repository.Blobs.OpenAsync(blob, null, cancellationToken).ConfigureAwait(false);

    public override Task PutAsync(Descriptor blob, Func<Stream> open, CancellationToken cancellationToken) =>
        _repository.Blobs.PushAsync(blob, _ => ValueTask.FromResult(open()), null, cancellationToken);

    public override Task PublishAsync(string mediaType, byte[] manifest, CancellationToken cancellationToken) =>
        _repository.Manifests.PutAsync(address.Reference!.Tag!, mediaType, manifest, cancellationToken);

    public override void Dispose()
    {
        client.Dispose();
        base.Dispose();
    }
}
