using CrunSharp.Kernel.Processes;

namespace CrunSharp.NativeTests.Harness;

/// <summary>Debian's <c>docker-registry</c> on a world's loopback, with its files in the world's directory.</summary>
public sealed class TestRegistry : IDisposable
{
    private readonly World _world;
    private readonly Session _session;

    private readonly string _scheme;

    /// <summary>Starts one, and waits until it answers.</summary>
    /// <param name="world">The world.</param>
    /// <param name="port">Its port.</param>
    /// <param name="user">The only user; null for none, so that everybody may do everything.</param>
    /// <param name="password">The user's password.</param>
    public TestRegistry(World world, int port, string? user = null, string password = "")
        : this(world, $"127.0.0.1:{port}", user is null ? null : "htpasswd: { realm: test, path: \"FOLDER/htpasswd\" }", null,
            user is null ? [] : [("htpasswd", world.Host.Tool("htpasswd", "-Bbn", "-C", "4", user, password))])
    {
    }

    /// <summary>Starts one, and waits until it answers.</summary>
    /// <param name="world">The world.</param>
    /// <param name="host">Its address and port.</param>
    /// <param name="auth">Its <c>auth</c>, with <c>FOLDER</c> for its folder; null for none.</param>
    /// <param name="tls">Its <c>http.tls</c>, likewise; null for none.</param>
    /// <param name="files">Files in its folder.</param>
    public TestRegistry(World world, string host, string? auth, string? tls, params (string Name, string Text)[] files)
    {
        (_world, Host, _scheme) = (world, host, tls is null ? "http" : "https");
        var folder = $"registry-{host[(host.IndexOf(':', StringComparison.Ordinal) + 1)..]}";
        foreach (var (name, text) in files) world.File($"{folder}/{name}", text);
        var config = world.File($"{folder}/config.yml", $$"""
            version: 0.1
            log: { level: error, accesslog: { disabled: false } }
            storage: { filesystem: { rootdirectory: "FOLDER/data" }, delete: { enabled: true } }
            http: { addr: "{{Host}}"{{(tls is null ? "" : $", tls: {{ {tls} }}")}} }
            {{(auth is null ? "" : $"auth: {{ {auth} }}")}}
            """.Replace("FOLDER", $"{world.Files}/{folder}", StringComparison.Ordinal));
        _session = world.Host.Start("docker-registry", ["serve", config], static info => info.Environment["OTEL_TRACES_EXPORTER"] = "none");
        world.Host.Daemons.Add(_session.Pid);
        // A server that wants to see a certificate answers as well: 7 is a connection that is refused.
        World.Await(() => Ask("/v2/").Code is not (7 or 28) || (_session.HasEnded ? throw new AssertionException(_session.Errors) : false), "docker-registry answers", 60_000);
    }

    /// <summary>Its host and port, as in names of images.</summary>
    public string Host { get; }

    /// <summary>What it was asked, a line for each request.</summary>
    public IReadOnlyList<string> Requests => [.. _session.Output.Split('\n').Where(static line => line.Contains(" HTTP/", StringComparison.Ordinal))];

    /// <summary>What it was asked to store since there were so many requests.</summary>
    public IReadOnlyList<string> UploadsSince(int count) =>
        [.. Requests.Skip(count).Where(static line => line.Contains("/blobs/uploads/", StringComparison.Ordinal) && line.Contains("\"P", StringComparison.Ordinal))];

    /// <summary>What curl gets from a path.</summary>
    public Outcome Ask(string path, params string[] options)
    {
        using var curl = _world.Host.Start("curl", ["-sk", "--noproxy", "*", "--max-time", "20", .. options, $"{_scheme}://{Host}{path}"]);
        return curl.Wait();
    }

    public void Dispose()
    {
        _session.Send(Signal.SIGKILL);
        _session.Wait();
        _world.Host.Daemons.Remove(_session.Pid);
        _session.Dispose();
        Directory.Delete($"{_world.Files}/registry-{Host[(Host.IndexOf(':', StringComparison.Ordinal) + 1)..]}", recursive: true);
    }
}
