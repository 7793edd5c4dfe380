using CrunSharp.Oci;

namespace CrunSharp.Registry;

/// <summary>A client of one registry, by the OCI distribution specification 1.1 and Docker's protocol before it.</summary>
/// <remarks>It may be used by several threads at once, and keeps connections and tokens: make one for each registry.</remarks>
/// <seealso href="https://github.com/opencontainers/distribution-spec/blob/main/spec.md"/>
public sealed class RegistryClient : IDisposable
{
    private readonly List<Endpoint> _readers = [];

    /// <summary>Makes a client; nothing is sent yet.</summary>
    /// <param name="host">The registry as it is called in names of images: <c>docker.io</c>, <c>localhost:5000</c>.</param>
    /// <param name="options">How it is talked to; null for the defaults.</param>
    /// <exception cref="CrunException">The host is none, or files that its settings name cannot be read.</exception>
    public RegistryClient(string host, RegistryOptions? options = null)
    {
        Host = host;
        Options = options ?? new RegistryOptions();
        var settings = Options.Settings.For(host);
        foreach (var mirror in settings.Mirrors)
        {
            var server = Server.Parse(mirror);
            _readers.Add(new Endpoint(server, Options.Settings.For(server.Authority), Options, isMirror: true, Finder(server.Authority)));
        }
        Origin = new Endpoint(Server.Of(host), settings, Options, isMirror: false, Finder(host));
        _readers.Add(Origin);
    }

    /// <summary>The registry as it is called in names of images.</summary>
    public string Host { get; }

    internal RegistryOptions Options { get; }

    /// <summary>The registry itself, which alone is written to.</summary>
    internal Endpoint Origin { get; }

    /// <summary>Who is asked for content, in this order.</summary>
    internal IReadOnlyList<Endpoint> Readers => _readers;

    /// <summary>A repository of this registry.</summary>
    /// <param name="path">Its path, such as <c>library/busybox</c>.</param>
    /// <exception cref="CrunException">The path is none.</exception>
    public Repository Repository(string path)
    {
        if (!ImageReference.TryParse($"{Host}/{path}", out var name) || name.Path != path || name.ToString() != $"{name.Host}/{path}:latest")
            throw CrunException.Invalid($"invalid repository name \"{Words.Clean(path)}\"");
        return new Repository(this, name);
    }

    /// <summary>The repository that an image's name is of.</summary>
    /// <exception cref="ArgumentException">The name is of another registry.</exception>
    public Repository Repository(ImageReference name) =>
        name.Host == Host ? new Repository(this, name) : throw new ArgumentException($"{name} is not of {Host}", nameof(name));

    /// <summary>Asks the registry whether it is there, and whether it accepts our credentials if it wants any.</summary>
    /// <exception cref="CrunException">It is not there, refuses us, or is no registry.</exception>
    public async Task PingAsync(CancellationToken cancellationToken)
    {
        var request = new RegistryRequest { Method = HttpMethod.Get, Target = "/v2/", Scopes = Scope.None, Access = Access.Login, What = "the registry's API", Accept = "application/json", MostBytes = 64 * 1024 };
        using var answer = await Origin.Exchange.ExpectAsync(request, cancellationToken);
    }

    /// <summary>Tries credentials.</summary>
    /// <returns>What to store: an identity token where the registry's token server gave one, or else the credential itself.</returns>
    /// <exception cref="CrunException">The registry refuses them, or is not there.</exception>
    public async Task<Credential> LoginAsync(Credential credential, CancellationToken cancellationToken)
    {
        using var client = new RegistryClient(Host, Options with { Credentials = new SingleCredential(Host, credential) });
        await client.PingAsync(cancellationToken);
        return client.Origin.Authorizer.Remark is { } remark ? throw new CrunException(ErrorKind.Denied, remark, $"log in to {Host}")
            : client.Origin.Authorizer.IdentityToken is { } token ? Credential.IdentityToken(token, credential.Username) : credential;
    }

    /// <summary>
    /// Looks for repositories whose names or descriptions have a word in them. Where the registry has no search, its list of
    /// repositories is searched for names.
    /// </summary>
    /// <param name="term">The word.</param>
    /// <param name="most">How many results are wanted at most, from 1 to 100.</param>
    /// <param name="cancellationToken">Ends the requests.</param>
    /// <exception cref="CrunException">The registry cannot be asked, or has neither a search nor a list (<see cref="ErrorKind.Unsupported"/>).</exception>
    public Task<IReadOnlyList<SearchResult>> SearchAsync(string term, int most, CancellationToken cancellationToken) =>
        new Search(this).RunAsync(term, most, cancellationToken);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var endpoint in _readers) endpoint.Dispose();
    }

    /// <summary>Asks one server after the other until one does it; the registry itself is the last one, and its error counts.</summary>
    internal async Task<T> ReadAsync<T>(Func<Endpoint, Task<T>> read)
    {
        for (var i = 0; ; i++)
        {
            try
            {
                return await read(_readers[i]);
            }
            catch (CrunException error) when (_readers[i].IsMirror)
            {
                Options.Note?.Invoke($"mirror {_readers[i].Name}: {error.Message}");
            }
        }
    }

    private Func<CancellationToken, ValueTask<Credential?>> Finder(string host) =>
        cancellationToken => Options.Credentials?.FindAsync(host, cancellationToken) ?? ValueTask.FromResult<Credential?>(null);
}
