using CrunSharp.Oci;
using static CrunSharp.Registry.Tests.Content;

namespace CrunSharp.Registry.Tests;

public sealed class MirrorTests : RegistryFixture
{
    private static readonly byte[] Blob = Bytes(200_000);

    private RegistryClient Client(ScriptedServer server, params string[] mirrors) => new(server.Host, Options with
    {
        Credentials = new SingleCredential(server.Host, Credential.Password("me", "secret")),
        Settings = new RegistrySettings { Registries = new Dictionary<string, HostSettings> { [server.Host] = new HostSettings { Mirrors = mirrors } } },
    });

    private static async Task<byte[]> ReadAsync(RegistryClient client, BlobOptions? how = null) =>
        await ReadAllAsync(await client.Repository("web").Blobs.OpenAsync(Descriptor(Blob), how, default));

    [Test]
    public async Task A_mirror_is_asked_first_and_the_registry_not_at_all()
    {
        await using var mirror = new ScriptedServer(static (request, _) => request.Target.Contains("blobs", StringComparison.Ordinal) ? Reply.Ok(Blob) : Reply.Ok(SmallManifest));
        await using var server = new ScriptedServer(static (_, _) => Reply.Empty(500));
        using var client = Client(server, mirror.Address);
        Assert.That((await client.Repository("web").Manifests.GetAsync("1", default)).Digest, Is.EqualTo(Digest.Of(SmallManifest)));
        Assert.That(await ReadAsync(client), Is.EqualTo(Blob));
        Assert.That(server.Seen, Is.Empty);
    }

    [Test]
    public async Task What_mirrors_do_wrong_is_a_note()
    {
        await using var empty = new ScriptedServer(static (_, _) => Reply.Empty(404));
        await using var sick = new ScriptedServer(static (_, _) => Reply.Empty(500));
        await using var asking = new ScriptedServer(static (_, _) => Reply.Empty(401, "WWW-Authenticate: Basic realm=x"));
        await using var lying = new ScriptedServer(static (_, _) => Reply.Ok("{}"));
        await using var server = new ScriptedServer(static (_, _) => Reply.Ok(SmallManifest));
        using var client = Client(server, empty.Host, sick.Host, "127.0.0.1:1", asking.Host, lying.Host);
        Assert.That((await client.Repository("web").Manifests.GetAsync(Digest.Of(SmallManifest), default)).Digest, Is.EqualTo(Digest.Of(SmallManifest)));
        foreach (var name in (string[])[empty.Host, sick.Host, "127.0.0.1:1", asking.Host, lying.Host]) Assert.That(Notes, Has.One.StartsWith($"mirror {name}: "));
        Assert.That(asking.Seen, Has.Count.EqualTo(1).And.All.Property("Headers").Not.ContainKey("authorization"));
        Assert.That(sick.Seen, Has.Count.EqualTo(2));
    }

    [Test]
    public async Task The_registrys_error_counts()
    {
        await using var mirror = new ScriptedServer(static (_, _) => Reply.Empty(500));
        await using var server = new ScriptedServer(static (_, _) => Reply.Error(404, "MANIFEST_UNKNOWN", "manifest unknown"));
        using var client = Client(server, mirror.Host);
        Assert.That((await FailureAsync(() => client.Repository("web").Manifests.GetAsync("1", default))).Message, Does.StartWith($"manifest for {server.Host}/web:1 not found"));
        Assert.That(await client.Repository("web").Manifests.FindAsync("1", default), Is.Null);
    }

    [Test]
    public async Task A_download_from_a_mirror_that_dies_goes_on_at_the_registry()
    {
        await using var mirror = new ScriptedServer(static (_, number) => number == 0 ? Reply.Ok(Blob).CutAt(70_000) : Reply.Empty(503));
        await using var server = new ScriptedServer(static (_, _) => Reply.Of(206, Blob[70_000..], $"Content-Range: bytes 70000-{Blob.Length - 1}/{Blob.Length}"));
        using var client = Client(server, mirror.Host);
        Assert.That(await ReadAsync(client), Is.EqualTo(Blob));
        Assert.That(server.Seen[0].Header("Range"), Is.EqualTo("bytes=70000-"));
    }

    [Test]
    public async Task A_mirror_with_wrong_bytes_can_be_passed_over()
    {
        await using var mirror = new ScriptedServer(static (_, _) => Reply.Ok(Bytes(200_000, 2)));
        await using var server = new ScriptedServer(static (_, _) => Reply.Ok(Blob));
        using var client = Client(server, mirror.Host);
        Assert.That((await FailureAsync(() => ReadAsync(client))).Message, Does.EndWith($"(from {mirror.Host})"));
        Assert.That(await ReadAsync(client, new BlobOptions { SkipsMirrors = true }), Is.EqualTo(Blob));
    }

    [Test]
    public async Task Nothing_is_written_to_a_mirror()
    {
        await using var mirror = new ScriptedServer(static (_, _) => Reply.Ok());
        await using var server = new ScriptedServer(static (request, _) => request.Method == "POST" ? Reply.Empty(202, "Location: /u") : request.Method == "HEAD" ? Reply.Empty(404) : Reply.Empty(201));
        using var client = Client(server, mirror.Host);
        await client.Repository("web").Blobs.PushAsync(Descriptor(Blob), Opener(Blob), null, default);
        await client.Repository("web").Manifests.PutAsync("1", "application/vnd.oci.image.manifest.v1+json", SmallManifest, default);
        Assert.That(mirror.Seen, Is.Empty);
    }
}
