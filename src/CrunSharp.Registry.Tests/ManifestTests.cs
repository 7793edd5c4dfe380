using System.Text;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;
using static CrunSharp.Registry.Tests.Content;

namespace CrunSharp.Registry.Tests;

public sealed class ManifestTests : RegistryFixture
{
    private static readonly string Type = $"Content-Type: {MediaTypes.Manifest}";

    private async Task<Manifest> GetAsync(ScriptedServer server, string reference = "1.0")
    {
        using var client = new RegistryClient(server.Host, Options);
        var manifests = client.Repository("web").Manifests;
        return Digest.TryParse(reference, out var digest) ? await manifests.GetAsync(digest, default) : await manifests.GetAsync(reference, default);
    }

    [Test]
    public async Task A_manifest_is_had_by_its_tag_and_by_its_digest()
    {
        await using var server = new ScriptedServer(static (_, _) => Reply.Ok(SmallManifest, Type));
        var digest = Digest.Of(SmallManifest);
        var byTag = await GetAsync(server);
        var byDigest = await GetAsync(server, digest.ToString());
        Assert.That((byTag.Digest, byTag.MediaType, byTag.IsIndex), Is.EqualTo((digest, MediaTypes.Manifest, false)));
        Assert.That(byDigest.Bytes.ToArray(), Is.EqualTo(SmallManifest));
        Assert.That(byTag.ReadManifest().Config.MediaType, Is.EqualTo(MediaTypes.Config));
        Assert.That(server.Lines, Is.EqualTo(new[] { "GET /v2/web/manifests/1.0", $"GET /v2/web/manifests/{digest}" }));
        Assert.That(server.Seen[0].Header("Accept"), Does.Contain(MediaTypes.Index).And.Contain(MediaTypes.DockerManifestList));
    }

    [Test]
    public async Task Other_bytes_than_the_digest_says_are_refused()
    {
        await using var server = new ScriptedServer(static (_, _) => Reply.Ok(SmallManifest, Type));
        var other = Digest.Of("x"u8);
        var error = await FailureAsync(() => GetAsync(server, other.ToString()));
        Assert.That((error.Kind, error.Reason), Is.EqualTo((ErrorKind.Integrity,
            $"the digest of manifest for {server.Host}/web@{other} is {Digest.Of(SmallManifest)} where {other} was promised")));
    }

    [Test]
    public async Task Other_bytes_than_the_header_says_are_refused()
    {
        await using var server = new ScriptedServer(static (_, _) => Reply.Ok(SmallManifest, Type, $"Docker-Content-Digest: {Digest.Of("x"u8)}"));
        Assert.That((await FailureAsync(() => GetAsync(server))).Message, Does.Contain("was promised"));
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task A_huge_manifest_is_refused(bool hasLength)
    {
        var huge = new byte[Manifests.MostBytes + 1];
        await using var server = new ScriptedServer((_, _) => hasLength ? Reply.Ok(huge, Type) : Reply.Raw(["HTTP/1.1 200 OK", Type], huge) with { Closes = true });
        Assert.That((await FailureAsync(() => GetAsync(server))).Message, Does.Contain("more than 4194304 bytes"));
    }

    [TestCase("""{"schemaVersion":1,"name":"web","fsLayers":[]}""", "is of schema version 1, which is not supported any more")]
    [TestCase("""{"schemaVersion":2,"config":{},"layers":[],"manifests":[]}""", "is both an index and an image")]
    [TestCase("""{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}""", "but the registry that it is")]
    [TestCase("""{"schemaVersion":2,"manifests":[]}""", "is not what its type")]
    [TestCase("""{"schemaVersion":2,"layers":""", "is malformed")]
    [TestCase("[]", "is malformed: an object is expected")]
    [TestCase("<html>", "is malformed")]
    [TestCase("", "is malformed")]
    public async Task What_is_no_manifest_of_its_type_is_refused(string text, string reason)
    {
        await using var server = new ScriptedServer((_, _) => Reply.Ok(text, Type));
        Assert.That((await FailureAsync(() => GetAsync(server))).Message, Does.StartWith($"manifest for {server.Host}/web:1.0 ").And.Contain(reason));
    }

    [TestCase("""{"schemaVersion":2,"manifests":[]}""", MediaTypes.Index)]
    [TestCase("""{"schemaVersion":2,"config":{},"layers":[]}""", MediaTypes.Manifest)]
    [TestCase("""{"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.v2+json","config":{}}""", MediaTypes.DockerManifest)]
    public async Task A_type_that_the_server_does_not_tell_is_found_in_the_document(string text, string type)
    {
        await using var server = new ScriptedServer((_, _) => Reply.Ok(text, "Content-Type: text/plain; charset=utf-8"));
        Assert.That((await GetAsync(server)).MediaType, Is.EqualTo(type));
    }

    [Test]
    public async Task A_manifest_that_was_cut_is_got_again()
    {
        await using var server = new ScriptedServer(static (_, number) => number == 0 ? Reply.Ok(SmallManifest, Type).CutAt(20) : Reply.Ok(SmallManifest, Type));
        Assert.That((await GetAsync(server)).Digest, Is.EqualTo(Digest.Of(SmallManifest)));
    }

    [TestCase(404, "MANIFEST_UNKNOWN", "manifest unknown", ErrorKind.NotFound, "manifest for HOST/web:1.0 not found: manifest unknown: manifest unknown")]
    [TestCase(404, "NAME_UNKNOWN", "repository name not known to registry", ErrorKind.NotFound, "repository HOST/web not found: name unknown: repository name not known to registry")]
    [TestCase(403, "DENIED", "requested access to the resource is denied", ErrorKind.Denied,
        "pull access denied for HOST/web, repository does not exist or may require 'docker login': denied: requested access to the resource is denied")]
    [TestCase(401, "UNAUTHORIZED", "authentication required", ErrorKind.Denied,
        "pull access denied for HOST/web, repository does not exist or may require 'docker login': unauthorized: authentication required")]
    [TestCase(400, "BAD\\u001b[31m", "two\\nlines\\u202e.", ErrorKind.Network, "GET http://HOST/v2/web/manifests/1.0: 400 Some Words: bad [31m: two lines")]
    public async Task An_error_has_the_words_of_the_registry(int status, string code, string message, ErrorKind kind, string expected)
    {
        await using var server = new ScriptedServer((_, _) => Reply.Error(status, code, message));
        var error = await FailureAsync(() => GetAsync(server));
        Assert.That((error.Kind, error.Message), Is.EqualTo((kind, expected.Replace("HOST", server.Host, StringComparison.Ordinal))));
        Assert.That(server.Seen, Has.Count.EqualTo(1));
    }

    [TestCase("")]
    [TestCase("<html>nginx</html>")]
    [TestCase("""{"errors":[]}""")]
    [TestCase("""{"errors":[1,null,{"code":1}]}""")]
    [TestCase("""{"errors":{"code":"x"}}""")]
    public async Task An_error_without_a_message_has_its_status(string body)
    {
        await using var server = new ScriptedServer((_, _) => Reply.Of(404, body));
        Assert.That((await FailureAsync(() => GetAsync(server))).Message, Is.EqualTo($"manifest for {server.Host}/web:1.0 not found: 404 Some Words"));
    }

    [Test]
    public async Task A_long_error_is_shortened()
    {
        await using var server = new ScriptedServer(static (_, _) => Reply.Error(400, "X", new string('a', 300_000)));
        Assert.That((await FailureAsync(() => GetAsync(server))).Message, Has.Length.LessThan(1000));
    }

    [Test]
    public async Task A_manifest_is_found_without_getting_it()
    {
        var digest = Digest.Of(SmallManifest);
        await using var server = new ScriptedServer((request, _) => request.Target.EndsWith("none", StringComparison.Ordinal) ? Reply.Empty(404)
            : Reply.Raw(["HTTP/1.1 200 OK", Type, $"Docker-Content-Digest: {digest}", "Content-Length: 77"], []));
        using var client = new RegistryClient(server.Host, Options);
        var manifests = client.Repository("web").Manifests;
        Assert.That(await manifests.FindAsync("1.0", default), Is.EqualTo(new Descriptor { MediaType = MediaTypes.Manifest, Digest = digest, Size = 77 }));
        Assert.That(await manifests.FindAsync("none", default), Is.Null);
        Assert.That(server.Seen[0].Method, Is.EqualTo("HEAD"));
    }

    [Test]
    public async Task A_manifest_whose_digest_the_registry_does_not_tell_is_got_to_find_it()
    {
        await using var server = new ScriptedServer(static (request, _) => request.Method == "HEAD" ? Reply.Empty(200) : Reply.Ok(SmallManifest, Type));
        using var client = new RegistryClient(server.Host, Options);
        Assert.That((await client.Repository("web").Manifests.FindAtOriginAsync("1.0", default))!.Digest, Is.EqualTo(Digest.Of(SmallManifest)));
    }

    [Test]
    public async Task A_manifest_is_put_and_put_again_after_an_error_of_the_server()
    {
        await using var server = new ScriptedServer(static (_, number) => number == 0 ? Reply.Empty(503) : Reply.Empty(201, $"Docker-Content-Digest: {Digest.Of(SmallManifest)}"));
        using var client = new RegistryClient(server.Host, Options);
        Assert.That(await client.Repository("web").Manifests.PutAsync("1.0", MediaTypes.Manifest, SmallManifest, default), Is.EqualTo(Digest.Of(SmallManifest)));
        Assert.That(server.Seen[1].Body, Is.EqualTo(SmallManifest));
        Assert.That(server.Seen[1].Header("Content-Type"), Is.EqualTo(MediaTypes.Manifest));
    }

    [Test]
    public async Task A_registry_that_stored_something_else_is_noticed()
    {
        await using var server = new ScriptedServer(static (_, _) => Reply.Empty(201, $"Docker-Content-Digest: {Digest.Of("x"u8)}"));
        using var client = new RegistryClient(server.Host, Options);
        Assert.That((await FailureAsync(() => client.Repository("web").Manifests.PutAsync("1.0", MediaTypes.Manifest, SmallManifest, default))).Message, Does.Contain("where"));
    }

    [TestCase("a b")]
    [TestCase("../../x")]
    [TestCase("x?y")]
    public async Task What_is_no_tag_is_never_sent(string tag)
    {
        await using var server = new ScriptedServer(static (_, _) => Reply.Ok());
        Assert.That((await FailureAsync(() => GetAsync(server, tag))).Kind, Is.EqualTo(ErrorKind.InvalidInput));
        Assert.That(server.Seen, Is.Empty);
    }

    [TestCase("../x")]
    [TestCase("A")]
    [TestCase("a:b")]
    [TestCase("a@b")]
    [TestCase("")]
    public void What_is_no_repository_is_refused(string path)
    {
        using var client = new RegistryClient("localhost:5000");
        Assert.That(() => client.Repository(path), Throws.InstanceOf<CrunException>().With.Message.Contains("invalid repository name"));
    }

    [Test]
    public async Task Tags_come_in_pages()
    {
        await using var server = new ScriptedServer(static (request, _) => request.Target switch
        {
            "/v2/web/tags/list?n=2" => Reply.Ok("""{"name":"web","tags":["a","b"]}""", "Link: </v2/web/tags/list?n=2&last=b>; rel=\"next\""),
            "/v2/web/tags/list?n=2&last=b" => Reply.Ok("""{"name":"web","tags":["c"]}""", "Link: <list?last=c>; rel=next"),
            _ => Reply.Ok("""{"name":"web","tags":null}"""),
        });
        using var client = new RegistryClient(server.Host, Options);
        Assert.That(await client.Repository("web").Tags.ListAsync(2, default), Is.EqualTo(new[] { "a", "b", "c" }));
    }

    [Test]
    public async Task A_list_of_tags_without_an_end_is_refused()
    {
        await using var server = new ScriptedServer(static (_, _) => Reply.Ok("""{"tags":["a"]}""", "Link: </v2/web/tags/list?last=a>; rel=\"next\""));
        using var client = new RegistryClient(server.Host, Options);
        Assert.That((await FailureAsync(() => client.Repository("web").Tags.ListAsync(0, default))).Message, Does.Contain("the list of tags has no end"));
    }

    [Test]
    public async Task Referrers_come_from_the_api_or_from_the_tag_that_stands_for_it()
    {
        var subject = Digest.Of("s"u8);
        var descriptor = Descriptor(SmallManifest, MediaTypes.Manifest) with { ArtifactType = "application/signature" };
        var index = Encoding.UTF8.GetString(ImageJson.Write(new ImageIndex { MediaType = MediaTypes.Index, Manifests = [descriptor, descriptor with { ArtifactType = "other" }] }));
        var hasApi = true;
        await using var server = new ScriptedServer((request, _) =>
            request.Target.StartsWith($"/v2/web/referrers/{subject}", StringComparison.Ordinal) ? hasApi ? Reply.Ok(index, $"Content-Type: {MediaTypes.Index}") : Reply.Of(404, "404 page not found")
            : request.Target == $"/v2/web/manifests/sha256-{subject.Hex}" ? Reply.Ok(index, $"Content-Type: {MediaTypes.Index}") : Reply.Error(404, "MANIFEST_UNKNOWN", "x"));
        using var client = new RegistryClient(server.Host, Options);
        var referrers = client.Repository("web").Referrers;
        Assert.That(await referrers.ListAsync(subject, null, default), Has.Count.EqualTo(2));
        Assert.That(await referrers.ListAsync(subject, "application/signature", default), Has.Count.EqualTo(1));
        hasApi = false;
        Assert.That(await referrers.ListAsync(subject, "application/signature", default), Has.Count.EqualTo(1));
        Assert.That(await referrers.ListAsync(Digest.Of("none"u8), null, default), Is.Empty);
    }
}
