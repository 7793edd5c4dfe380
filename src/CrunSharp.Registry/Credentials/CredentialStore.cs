using CrunSharp.Oci;

namespace CrunSharp.Registry;

/// <summary>The credentials that <c>login</c> stores and <c>logout</c> removes, shared with Docker: its file and its helpers.</summary>
/// <param name="path">The file <c>config.json</c>.</param>
/// <param name="run">How a helper is run; null for a child process.</param>
/// <param name="lockFolder">
/// Waits until no other process changes files in a directory, which is there, and keeps others out until it is disposed; null
/// where there are no others. Without it, of two that log in at once one may lose what the other stored.
/// </param>
public sealed class CredentialStore(string path, RunProgram? run = null, Func<string, IDisposable>? lockFolder = null) : ICredentialSource
{
    /// <summary>The name of Docker's registry in its file.</summary>
    private const string DockerKey = "https://index.docker.io/v1/";

    private readonly RunProgram _run = run ?? ChildProgram.RunAsync;

    /// <summary>The file.</summary>
    public string Path { get; } = path;

    /// <summary>Where Docker has its file: <c>$DOCKER_CONFIG/config.json</c>, else <c>~/.docker/config.json</c>.</summary>
    public static string DefaultPath =>
        System.IO.Path.Combine(Environment.GetEnvironmentVariable("DOCKER_CONFIG") is { Length: > 0 } folder ? folder
            : System.IO.Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".docker"), "config.json");

    /// <summary>The name that a registry has in the file.</summary>
    /// <param name="host">The registry as in names of images.</param>
    public static string KeyOf(string host) => host is Server.DockerName or "index.docker.io" or "registry-1.docker.io" ? DockerKey : host;

    /// <inheritdoc/>
    public async ValueTask<Credential?> FindAsync(string host, CancellationToken cancellationToken)
    {
        var (config, key) = (DockerConfig.Load(Path), KeyOf(host));
        if (HelperOf(config, key) is { } helper && await helper.GetAsync(key, cancellationToken) is { } kept) return kept;
        return EntryOf(config, key) is var (name, entry) ? entry.Read(name) : null;
    }

    /// <summary>Stores a credential: with the helper that the file names for the registry, else in the file itself.</summary>
    /// <param name="host">The registry as in names of images.</param>
    /// <param name="credential">The credential.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>Whether it is in the file, where anybody who can read the file can read it.</returns>
    /// <exception cref="CrunException">It cannot be stored.</exception>
    public async Task<bool> StoreAsync(string host, Credential credential, CancellationToken cancellationToken)
    {
        var (config, key) = (DockerConfig.Load(Path), KeyOf(host));
        var helper = HelperOf(config, key);
        if (helper is not null) await helper.StoreAsync(key, credential, cancellationToken);
        Change(key, old => (old ?? new AuthEntry()).With(helper is null ? credential : null));
        return helper is null;
    }

    /// <summary>Removes a registry's credential.</summary>
    /// <returns>Whether there was one.</returns>
    /// <exception cref="CrunException">It cannot be removed.</exception>
    public async Task<bool> EraseAsync(string host, CancellationToken cancellationToken)
    {
        var (config, key) = (DockerConfig.Load(Path), KeyOf(host));
        var isKept = false;
        if (HelperOf(config, key) is { } helper && await helper.GetAsync(key, cancellationToken) is not null)
        {
            await helper.EraseAsync(key, cancellationToken);
            isKept = true;
        }
        if (EntryOf(config, key) is not var (name, _)) return isKept;
        Change(name, static _ => null);
        return true;
    }

    /// <summary>All registries with credentials, each with its user's name, by their names in the file.</summary>
    /// <exception cref="CrunException">The file or a helper cannot be read.</exception>
    public async Task<IReadOnlyDictionary<string, string>> ListAsync(CancellationToken cancellationToken)
    {
        var config = DockerConfig.Load(Path);
        var found = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (key, entry) in config.Auths ?? new Dictionary<string, AuthEntry>())
        {
            if (entry.Read(key) is { } credential) found[key] = credential.Username;
        }
        if (config.CredsStore is { Length: > 0 } store)
        {
            foreach (var (key, username) in await new CredentialProgram(store, _run).ListAsync(cancellationToken)) found[key] = username;
        }
        foreach (var (key, name) in config.CredHelpers ?? new Dictionary<string, string>())
        {
            if (await new CredentialProgram(name, _run).GetAsync(key, cancellationToken) is { } credential) found[key] = credential.Username;
        }
        return found;
    }

    private CredentialProgram? HelperOf(DockerConfig config, string key)
    {
        if (config.CredHelpers is { } helpers && (helpers.TryGetValue(key, out var name) || helpers.TryGetValue(HostOf(key), out name)) && name.Length > 0)
            return new CredentialProgram(name, _run);
        return config.CredsStore is { Length: > 0 } store ? new CredentialProgram(store, _run) : null;
    }

    // Docker wrote whole addresses once, and still finds them.
    private static (string Name, AuthEntry Entry)? EntryOf(DockerConfig config, string key)
    {
        if (config.Auths is not { } auths) return null;
        if (auths.TryGetValue(key, out var exact)) return (key, exact);
        foreach (var (name, entry) in auths)
        {
            if (HostOf(name) == HostOf(key)) return (name, entry);
        }
        return null;
    }

    private static string HostOf(string key)
    {
        var start = key.StartsWith("https://", StringComparison.Ordinal) ? 8 : key.StartsWith("http://", StringComparison.Ordinal) ? 7 : 0;
        var host = key[start..].Split('/', 2)[0];
        return KeyOf(host) == DockerKey ? "index.docker.io" : host;
    }

    // The file as it is by now: helpers may have asked people meanwhile.
    private void Change(string key, Func<AuthEntry?, AuthEntry?> change)
    {
        var target = DockerConfig.TargetOf(Path);
        using var held = lockFolder?.Invoke(System.IO.Path.GetDirectoryName(target)!);
        var config = DockerConfig.Load(target);
        var auths = new Dictionary<string, AuthEntry>(config.Auths ?? new Dictionary<string, AuthEntry>());
        if (change(auths.GetValueOrDefault(key)) is { } entry) auths[key] = entry;
        else auths.Remove(key);
        (config with { Auths = auths }).Save(target);
    }
}
