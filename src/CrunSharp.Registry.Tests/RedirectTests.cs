using System.Text;
using CrunSharp.Oci;
using static CrunSharp.Registry.Tests.Content;

namespace CrunSharp.Registry.Tests;

public sealed class RedirectTests : RegistryFixture
{
    private static readonly byte[] Blob = Bytes(1000);
    private static readonly string Basic = "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes("me:secret"));

    private async Task<byte[]> ReadAsync(ScriptedServer server)
    {
        using var client = new RegistryClient(server.Host, Options with { Credentials = new SingleCredential(server.Host, Credential.Password("me", "secret")) });
        return await ReadAllAsync(await client.Repository("web").Blobs.OpenAsync(Descriptor(Blob), null, default));
    }

    private static Reply Asking(SeenRequest request, Reply reply) =>
        request.Header("Authorization") is null ? Reply.Empty(401, "WWW-Authenticate: Basic realm=x") : reply;

    [Test]
    public async Task Another_host_gets_the_request_but_not_the_credentials()
    {
        await using var store = new ScriptedServer(static (_, _) => Reply.Ok(Blob));
        await using var server = new ScriptedServer((request, _) => Asking(request, Reply.Empty(307, $"Location: {store.Address}/data?signature=s")));
        Assert.That(await ReadAsync(server), Is.EqualTo(Blob));
        Assert.That(store.Seen.Select(static request => (request.Line, request.Header("Authorization"))), Is.EqualTo(new[] { ("GET /data?signature=s", (string?)null) }));
    }

    [Test]
    public async Task Another_host_that_asks_for_credentials_does_not_get_them()
    {
        await using var store = new ScriptedServer(static (_, _) => Reply.Empty(401, "WWW-Authenticate: Basic realm=x"));
        await using var server = new ScriptedServer((request, _) => Asking(request, Reply.Empty(302, $"Location: {store.Address}/data?signature=s")));
        var error = await FailureAsync(() => ReadAsync(server));
        Assert.That(error.Kind, Is.EqualTo(ErrorKind.Denied));
        Assert.That(error.Message, Does.Not.Contain("signature"));
        Assert.That(store.Seen, Has.Count.EqualTo(1).And.All.Property("Headers").Not.ContainKey("authorization"));
    }

    [Test]
    public async Task The_same_server_gets_the_credentials_again()
    {
        await using var server = new ScriptedServer(static (request, _) => Asking(request, request.Target == "/data" ? Reply.Ok(Blob) : Reply.Empty(301, "Location: /data")));
        Assert.That(await ReadAsync(server), Is.EqualTo(Blob));
        Assert.That(server.Seen[^1].Header("Authorization"), Is.EqualTo(Basic));
    }

    [Test]
    public async Task Who_is_sent_away_and_back_has_no_credentials_any_more()
    {
        ScriptedServer? home = null;
        await using var other = new ScriptedServer((_, _) => Reply.Empty(307, $"Location: {home!.Address}/back"));
        await using var server = home = new ScriptedServer((request, _) => request.Target == "/back" ? Reply.Ok(Blob) : Asking(request, Reply.Empty(307, $"Location: {other.Address}/x")));
        Assert.That(await ReadAsync(server), Is.EqualTo(Blob));
        Assert.That(server.Seen[^1].Header("Authorization"), Is.Null);
    }

    [Test]
    public async Task A_resumed_download_is_redirected_too()
    {
        await using var store = new ScriptedServer(static (_, number) => number == 0 ? Reply.Ok(Blob).CutAt(100) : Reply.Of(206, Blob[100..], "Content-Range: bytes 100-999/1000"));
        await using var server = new ScriptedServer((_, _) => Reply.Empty(307, $"Location: {store.Address}/data"));
        Assert.That(await ReadAsync(server), Is.EqualTo(Blob));
        Assert.That((server.Seen.Count, store.Seen[1].Header("Range")), Is.EqualTo((2, "bytes=100-")));
    }

    [Test]
    public async Task A_loop_ends()
    {
        await using var server = new ScriptedServer(static (_, number) => Reply.Empty(307, $"Location: /{number}"));
        Assert.That((await FailureAsync(() => ReadAsync(server))).Message, Does.EndWith("more than 8 redirections"));
        Assert.That(server.Seen, Has.Count.EqualTo(9));
    }

    [TestCase("http://169.254.169.254/latest/meta-data/", "to the link-local address 169.254.169.254")]
    [TestCase("http://[fe80::1]/", "to the link-local address [fe80::1]")]
    [TestCase("file:///etc/passwd", "to an address that is malformed")]
    [TestCase("http://user:pw@127.0.0.1/", "to an address that is malformed")]
    [TestCase("http://[", "to an address that is malformed")]
    public async Task It_does_not_go_everywhere(string location, string reason)
    {
        await using var server = new ScriptedServer((_, _) => Reply.Empty(307, $"Location: {location}"));
        Assert.That((await FailureAsync(() => ReadAsync(server))).Message, Does.EndWith($"the server redirects {reason}: not followed"));
    }

    [Test]
    public async Task It_does_not_go_from_https_to_http()
    {
        await using var plain = new ScriptedServer(static (_, _) => Reply.Ok(Blob));
        using var certificates = new TestCertificates();
        await using var server = new ScriptedServer((_, _) => Reply.Empty(307, $"Location: {plain.Address}/data"), certificates.Server);
        Assert.That((await FailureAsync(() => ReadAsync(server))).Message, Does.Contain($"from https to {plain.Address}/data, which is not encrypted: not followed"));
        Assert.That(plain.Seen, Is.Empty);
    }
}
