using CrunSharp.Kernel.Processes;

namespace CrunSharp.NativeTests.Harness;

/// <summary>Debian's <c>docker-registry</c> on a world's loopback, with its files in the world's directory.</summary>
public sealed class TestRegistry : IDisposable
{
    private readonly World _world;
    private readonly Session _session;

    /// <summary>Starts one, and waits until it answers.</summary>
    /// <param name="world">The world.</param>
    /// <param name="port">Its port.</param>
    /// <param name="user">The only user; null for none, so that everybody may do everything.</param>
    /// <param name="password">The user's password.</param>
    public TestRegistry(World world, int port, string? user = null, string password = "")
    {
        (_world, Host) = (world, $"127.0.0.1:{port}");
        var folder = $"{world.Files}/registry-{port}";
        if (user is not null) world.File($"registry-{port}/htpasswd", world.Host.Tool("htpasswd", "-Bbn", "-C", "4", user, password));
        var auth = user is null ? "" : $"auth: {{ htpasswd: {{ realm: test, path: \"{folder}/htpasswd\" }} }}\n";
        var config = world.File($"registry-{port}/config.yml", $$"""
            version: 0.1
            log: { level: error, accesslog: { disabled: false } }
            storage: { filesystem: { rootdirectory: "{{folder}}/data" }, delete: { enabled: true } }
            http: { addr: "{{Host}}" }
            {{auth}}
            """);
        _session = world.Host.Start("docker-registry", ["serve", config], static info => info.Environment["OTEL_TRACES_EXPORTER"] = "none");
        world.Host.Daemons.Add(_session.Pid);
        World.Await(() => Ask("/v2/").Code == 0 || (_session.HasEnded ? throw new AssertionException(_session.Errors) : false), "docker-registry answers", 60_000);
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
        using var curl = _world.Host.Start("curl", ["-s", "--noproxy", "*", "--max-time", "20", .. options, $"http://{Host}{path}"]);
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
