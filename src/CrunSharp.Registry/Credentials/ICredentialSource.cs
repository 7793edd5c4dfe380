namespace CrunSharp.Registry;

/// <summary>Knows the credentials of registries.</summary>
public interface ICredentialSource
{
    /// <summary>The credential for a registry; null when there is none.</summary>
    /// <param name="host">The registry's host as in names of images, such as <c>docker.io</c>.</param>
    /// <param name="cancellationToken">Ends the search.</param>
    /// <exception cref="Oci.CrunException">The store could not be asked.</exception>
    ValueTask<Credential?> FindAsync(string host, CancellationToken cancellationToken);
}

/// <summary>One credential, for one registry.</summary>
/// <param name="host">The registry's host as in names of images.</param>
/// <param name="credential">The credential.</param>
public sealed class SingleCredential(string host, Credential credential) : ICredentialSource
{
    /// <inheritdoc/>
    public ValueTask<Credential?> FindAsync(string host, CancellationToken cancellationToken) =>
        ValueTask.FromResult(host == Host ? credential : null);

    /// <summary>The registry's host.</summary>
    public string Host { get; } = host;
}
