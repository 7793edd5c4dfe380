using System.Diagnostics;
using System.IO.Compression;
using System.Text;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;
using static CrunSharp.Registry.Tests.Content;

namespace CrunSharp.Registry.Tests;

/// <summary>Against Docker's own registry.</summary>
public sealed class RealRegistryTests
{
    private static readonly byte[] Config = Encoding.UTF8.GetBytes("""{"architecture":"amd64","os":"linux"}""");
    private static readonly byte[] Layer = Bytes(3_000_000);

    private static Credential Me(string password = "right") => Credential.Password("me", password);

    private static RegistryOptions As(RealRegistry registry, Credential? credential) => new()
    {
        Credentials = credential is null ? null : new SingleCredential(registry.Host, credential),
    };

    private static async Task<Digest> PushAsync(Repository repository, string tag = "1.0")
    {
        foreach (var blob in (byte[][])[Layer, Config])
            Assert.That((await repository.Blobs.PushAsync(Descriptor(blob), Opener(blob), null, default)).Outcome, Is.EqualTo(PushOutcome.Pushed));
        return await repository.Manifests.PutAsync(tag, MediaTypes.Manifest, Manifest(Config, Layer), default);
    }

    private static async Task PullAsync(Repository repository, string tag = "1.0")
    {
        var manifest = await repository.Manifests.GetAsync(tag, default);
        var layer = manifest.ReadManifest().Layers[0];
        Assert.That(await ReadAllAsync(await repository.Blobs.OpenAsync(layer, null, default)), Is.EqualTo(Layer));
        Assert.That(await repository.Blobs.ReadAsync(manifest.ReadManifest().Config, 1000, default), Is.EqualTo(Config));
    }

    [Test]
    public async Task An_image_is_pushed_and_pulled_and_deleted()
    {
        await using var registry = await RealRegistry.StartAsync();
        using var client = new RegistryClient(registry.Host);
        await client.PingAsync(default);
        var repository = client.Repository("a/web");
        var digest = await PushAsync(repository);
        await PullAsync(repository);
        Assert.That(await repository.Tags.ListAsync(0, default), Is.EqualTo(new[] { "1.0" }));
        Assert.That((await repository.Manifests.FindAsync("1.0", default))!.Digest, Is.EqualTo(digest));
        Assert.That(await repository.Blobs.ExistsAsync(Digest.Of(Layer), default), Is.True);
        Assert.That((await repository.Blobs.PushAsync(Descriptor(Layer), Opener(Layer), null, default)).Outcome, Is.EqualTo(PushOutcome.AlreadyExists));
        Assert.That(await repository.Referrers.ListAsync(digest, null, default), Is.Empty);
        var tail = await ReadAllAsync(await repository.Blobs.OpenAsync(Descriptor(Layer), new BlobOptions { From = 2_999_990, LeavesDigestToReader = true }, default));
        Assert.That(tail, Is.EqualTo(Layer[^10..]));
        await repository.Manifests.DeleteAsync(digest.ToString(), default);
        await repository.Blobs.DeleteAsync(Digest.Of(Layer), default);
        Assert.That(await repository.Blobs.ExistsAsync(Digest.Of(Layer), default), Is.False);
        var error = await FailureAsync(() => repository.Manifests.GetAsync("1.0", default));
        Assert.That((error.Kind, error.Message), Is.EqualTo((ErrorKind.NotFound, $"manifest for {registry.Host}/a/web:1.0 not found: manifest unknown: manifest unknown")));
    }

    [Test]
    public async Task What_is_pushed_is_what_skopeo_sees_and_the_other_way_round()
    {
        if (!File.Exists("/usr/bin/skopeo")) Assert.Ignore("needs Debian's skopeo");
        await using var registry = await RealRegistry.StartAsync();
        using var client = new RegistryClient(registry.Host);
        await PushAsync(client.Repository("web"));
        var manifest = await RunAsync("skopeo", "inspect", "--raw", "--tls-verify=false", $"docker://{registry.Host}/web:1.0");
        Assert.That(manifest, Is.EqualTo(Encoding.UTF8.GetString(Manifest(Config, Layer))));
        await RunAsync("skopeo", "copy", "-q", "--src-tls-verify=false", "--dest-tls-verify=false", "--format", "v2s2", $"docker://{registry.Host}/web:1.0", $"docker://{registry.Host}/copy:2");
        var copy = await client.Repository("copy").Manifests.GetAsync("2", default);
        Assert.That(copy.MediaType, Is.EqualTo(MediaTypes.DockerManifest));
        // It compresses what is not compressed.
        await using var layer = await client.Repository("copy").Blobs.OpenAsync(copy.ReadManifest().Layers[0], null, default);
        Assert.That(await ReadAllAsync(new GZipStream(layer, CompressionMode.Decompress)), Is.EqualTo(Layer));
    }

    [Test]
    public async Task A_blob_is_mounted_from_another_repository()
    {
        await using var registry = await RealRegistry.StartAsync();
        using var client = new RegistryClient(registry.Host);
        await PushAsync(client.Repository("base"));
        var blobs = client.Repository("web").Blobs;
        var result = await blobs.PushAsync(Descriptor(Layer), Opener(Layer), new PushOptions { MountFrom = ["none", "base"] }, default);
        Assert.That(result, Is.EqualTo(new PushResult(PushOutcome.Mounted, "base")));
        Assert.That(await blobs.MountAsync(Digest.Of(Config), "base", default), Is.True);
        Assert.That(await blobs.MountAsync(Digest.Of("no"u8), "base", default), Is.False);
        var other = Bytes(100_000, 5);
        result = await blobs.PushAsync(Descriptor(other), Opener(other), new PushOptions { MountFrom = ["base"] }, default);
        Assert.That(result.Outcome, Is.EqualTo(PushOutcome.Pushed));
        Assert.That(await ReadAllAsync(await blobs.OpenAsync(Descriptor(other), null, default)), Is.EqualTo(other));
    }

    [TestCase(1_000_000)]
    [TestCase(3_000_000)]
    [TestCase(700_001)]
    public async Task A_blob_is_sent_in_chunks_while_it_is_made(int chunkSize)
    {
        await using var registry = await RealRegistry.StartAsync();
        using var client = new RegistryClient(registry.Host);
        var blobs = client.Repository("web").Blobs;
        var told = 0;
        await using var upload = await blobs.StartUploadAsync(chunkSize, default);
        upload.Progress = count => told += count;
        using (var source = new MemoryStream(Layer)) await source.CopyToAsync(upload, 99_999);
        Assert.That(await upload.CommitAsync(MediaTypes.LayerGzip), Is.EqualTo(Descriptor(Layer)));
        Assert.That(told, Is.EqualTo(Layer.Length));
        Assert.That(await ReadAllAsync(await blobs.OpenAsync(Descriptor(Layer), null, default)), Is.EqualTo(Layer));
    }

    [Test]
    public async Task A_writer_may_say_the_digest_of_what_it_sent_and_the_registry_compares_it()
    {
        await using var registry = await RealRegistry.StartAsync();
        using var client = new RegistryClient(registry.Host);
        var blobs = client.Repository("web").Blobs;
        await using var right = await blobs.StartUploadAsync(700_001, default, isHashed: true);
        await right.WriteAsync(Layer);
        await right.FlushAsync();
        await right.CommitAsync(Descriptor(Layer));
        Assert.That(await ReadAllAsync(await blobs.OpenAsync(Descriptor(Layer), null, default)), Is.EqualTo(Layer));

        await using var wrong = await blobs.StartUploadAsync(700_001, default, isHashed: true);
        await wrong.WriteAsync(Layer);
        var error = await FailureAsync(() => wrong.CommitAsync(Descriptor(Bytes(1000, 9))));
        Assert.That(error.Message, Does.Contain("digest invalid"));
    }

    [Test]
    public async Task An_upload_that_is_not_committed_leaves_nothing()
    {
        await using var registry = await RealRegistry.StartAsync();
        using var client = new RegistryClient(registry.Host);
        var blobs = client.Repository("web").Blobs;
        await using (var upload = await blobs.StartUploadAsync(1_000_000, default)) await upload.WriteAsync(Layer);
        Assert.That(await blobs.ExistsAsync(Digest.Of(Layer), default), Is.False);
    }

    [Test]
    public async Task A_blob_with_another_digest_is_refused_by_the_registry()
    {
        await using var registry = await RealRegistry.StartAsync();
        using var client = new RegistryClient(registry.Host);
        var error = await FailureAsync(() => client.Repository("web").Blobs.PushAsync(Descriptor(Layer), Opener(Bytes(Layer.Length, 9)), null, default));
        Assert.That(error.Message, Does.Contain("400 Bad Request: digest invalid: provided digest did not match uploaded content"));
    }

    [Test]
    public async Task A_registry_with_a_password()
    {
        var hash = await HtpasswdAsync("me", "right");
        await using var registry = await RealRegistry.StartAsync("{ htpasswd: { realm: r, path: FOLDER/htpasswd } }", new() { ["htpasswd"] = hash });
        using var anonymous = new RegistryClient(registry.Host, As(registry, null));
        var error = await FailureAsync(() => anonymous.Repository("web").Manifests.GetAsync("1.0", default));
        Assert.That((error.Kind, error.Message), Is.EqualTo((ErrorKind.Denied,
            $"pull access denied for {registry.Host}/web, repository does not exist or may require 'docker login': unauthorized: authentication required")));
        error = await FailureAsync(() => anonymous.LoginAsync(Me("wrong"), default));
        Assert.That((error.Kind, error.Message), Is.EqualTo((ErrorKind.Denied, $"GET http://{registry.Host}/v2/: unauthorized: authentication required")));
        var stored = await anonymous.LoginAsync(Me(), default);
        Assert.That((stored.IsIdentityToken, stored.Username), Is.EqualTo((false, "me")));
        using var client = new RegistryClient(registry.Host, As(registry, stored));
        await PushAsync(client.Repository("web"));
        await PullAsync(client.Repository("web"));
    }

    [Test]
    public async Task A_registry_with_tokens()
    {
        await using var tokens = new TokenServer { AllowsAnonymousPull = true };
        await using var registry = await RealRegistry.StartAsync(
            $"{{ token: {{ realm: \"{tokens.Address}\", service: registry, issuer: tests, rootcertbundle: FOLDER/tokens.pem }} }}", new() { ["tokens.pem"] = tokens.Certificate });
        using var anonymous = new RegistryClient(registry.Host, As(registry, null));
        var stored = await anonymous.LoginAsync(Me(), default);
        Assert.That(stored.IsIdentityToken, Is.True);
        using var client = new RegistryClient(registry.Host, As(registry, stored));
        var repository = client.Repository("web");
        await PushAsync(repository);
        await PullAsync(repository);
        await client.Repository("other").Blobs.PushAsync(Descriptor(Layer), Opener(Layer), new PushOptions { MountFrom = ["web"] }, default);
        await PullAsync(anonymous.Repository("web"));
        var error = await FailureAsync(() => anonymous.Repository("web").Blobs.PushAsync(Descriptor(Bytes(5)), Opener(Bytes(5)), null, default));
        Assert.That((error.Kind, error.Message), Is.EqualTo((ErrorKind.Denied,
            "unauthorized: authentication required")));
        error = await FailureAsync(() => anonymous.LoginAsync(Me("wrong"), default));
        Assert.That(error.Message, Does.Contain("unauthorized: incorrect username or password"));
        await repository.Manifests.DeleteAsync(Digest.Of(Manifest(Config, Layer)).ToString(), default);
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task A_registry_with_a_certificate_of_a_private_authority(bool isTrusted)
    {
        using var certificates = new TestCertificates("localhost");
        await using var registry = await RealRegistry.StartAsync(
            files: new() { ["server.crt"] = certificates.Server.ExportCertificatePem(), ["server.key"] = TestCertificates.Key(certificates.Server) },
            tls: "{ certificate: FOLDER/server.crt, key: FOLDER/server.key }");
        var host = $"localhost:{registry.Port}";
        if (isTrusted)
        {
            // On this machine no certificate is checked; TlsTests has those that are.
            using var client = new RegistryClient(host);
            await PushAsync(client.Repository("web"));
            await PullAsync(client.Repository("web"));
            return;
        }
        using var plain = new RegistryClient(host, new RegistryOptions { VerifyTls = false });
        await plain.PingAsync(default);
    }

    private static async Task<string> HtpasswdAsync(string name, string password)
    {
        if (!File.Exists("/usr/bin/htpasswd")) Assert.Ignore("needs Debian's apache2-utils");
        return await RunAsync("htpasswd", "-Bbn", name, password);
    }

    private static async Task<string> RunAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo($"/usr/bin/{program}", arguments) { RedirectStandardOutput = true })!;
        var text = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.That(process.ExitCode, Is.Zero, program);
        return text;
    }
}
