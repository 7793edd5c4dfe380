using System.Text;
using CrunSharp.Oci;
using static CrunSharp.Registry.Tests.Content;

namespace CrunSharp.Registry.Tests;

public sealed class WebClientTests : RegistryFixture
{
    private const string Date = "Tue, 03 Feb 2026 04:05:06 GMT";

    private readonly MemoryStream _target = new();

    private async Task<WebFile?> FetchAsync(ScriptedServer server, WebVersion? known = null, string path = "/a/file", long most = 1000, string user = "")
    {
        using var client = new WebClient(Options with { MostAttempts = 3 });
        return await client.FetchAsync(new Uri(server.Address.Replace("://", "://" + user, StringComparison.Ordinal) + path), known, _target, most, default);
    }

    private string Got => Encoding.UTF8.GetString(_target.ToArray());

    [Test]
    public async Task A_file_is_fetched_with_what_tells_its_version()
    {
        await using var server = new ScriptedServer(static (_, _) => Reply.Ok("hello", "ETag: \"one\"", $"Last-Modified: {Date}"));
        var file = await FetchAsync(server);
        Assert.That(file, Is.EqualTo(new WebFile(new WebVersion("\"one\"", Date), Digest.Of("hello"u8), 5)));
        Assert.That((Got, file!.Version.Modified!.Value.ToUnixTimeSeconds()), Is.EqualTo(("hello", 1770091506L)));
        Assert.That(server.Lines, Is.EqualTo(new[] { "GET /a/file" }));
    }

    [TestCase("\"one\"", null, "if-none-match", "\"one\"")]
    [TestCase("\"one\"", Date, "if-none-match", "\"one\"")]
    [TestCase(null, Date, "if-modified-since", Date)]
    public async Task What_is_known_is_asked_for_and_not_fetched_again(string? etag, string? modified, string header, string value)
    {
        await using var server = new ScriptedServer((request, _) => request.Header(header) == value ? Reply.Empty(304) : Reply.Ok("hello"));
        Assert.That(await FetchAsync(server, new WebVersion(etag, modified)), Is.Null);
        Assert.That(Got, Is.Empty);
    }

    [TestCase("\"one\"", "ETag: W/\"one\"", true)]
    [TestCase("\"one\"", "ETag: \"two\"", false)]
    [TestCase("\"one\"", "X: y", false)]
    [TestCase(null, $"Last-Modified: {Date}", true)]
    public async Task A_server_that_does_not_say_304_is_understood(string? etag, string header, bool isSame)
    {
        await using var server = new ScriptedServer((_, _) => Reply.Ok("hello", header));
        Assert.That(await FetchAsync(server, new WebVersion(etag, Date)), isSame ? Is.Null : Is.Not.Null);
    }

    [Test]
    public async Task Redirections_are_followed_without_the_password()
    {
        await using var other = new ScriptedServer(static (_, _) => Reply.Ok("there"));
        await using var server = new ScriptedServer((request, _) => Reply.Empty(302, $"Location: {(request.Target == "/a/file" ? "/b" : other.Address + "/c")}"));
        await FetchAsync(server, user: "me:se%20cret@");
        Assert.That(Got, Is.EqualTo("there"));
        Assert.That(server.Seen.Concat(other.Seen).Select(static request => (request.Target, request.Header("authorization"))), Is.EqualTo(new[]
        {
            ("/a/file", "Basic " + Convert.ToBase64String("me:se cret"u8)), ("/b", null), ("/c", null),
        }));
    }

    [TestCase("Location: http://169.254.169.254/x", "the server redirects to the link-local address 169.254.169.254: not followed")]
    [TestCase("Location: file:///etc/passwd", "the server redirects to an address that is malformed: not followed")]
    [TestCase("Location: /a/file", "more than 8 redirections")]
    public async Task Redirections_to_where_nobody_should_go_are_refused(string header, string message)
    {
        await using var server = new ScriptedServer((_, _) => Reply.Empty(302, header));
        Assert.That((await FailureAsync(() => FetchAsync(server))).Message, Does.StartWith($"GET {server.Address}/a/file: ").And.EndsWith(message));
    }

    [TestCase(404, "invalid response status 404", 1)]
    [TestCase(403, "invalid response status 403", 1)]
    [TestCase(503, "invalid response status 503", 3)]
    [TestCase(304, "invalid response status 304", 1)]
    [TestCase(206, "invalid response status 206", 1)]
    public async Task What_the_server_does_not_give_is_told(int status, string message, int requests)
    {
        await using var server = new ScriptedServer((_, _) => Reply.Empty(status));
        Assert.That((await FailureAsync(() => FetchAsync(server, path: "/x?token=secret", user: "u:p@"))).Message, Is.EqualTo($"GET {server.Address}/x: {message}"));
        Assert.That(server.Seen, Has.Count.EqualTo(requests));
    }

    [Test]
    public async Task A_file_that_is_cut_is_fetched_once_more_and_a_whole_one_comes_out()
    {
        await using var server = new ScriptedServer(static (_, number) => number == 0 ? Reply.Ok(new string('x', 500)).CutAt(400) : Reply.Ok("whole"));
        await FetchAsync(server);
        Assert.That(Got, Is.EqualTo("whole"));
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task A_file_that_is_too_large_is_refused(bool saysSo)
    {
        await using var server = new ScriptedServer((_, _) => saysSo ? Reply.Ok(new string('x', 1001))
            : Reply.Raw(["HTTP/1.1 200 OK", "Connection: close"], Encoding.ASCII.GetBytes(new string('x', 5000))) with { Closes = true });
        Assert.That((await FailureAsync(() => FetchAsync(server))).Message, Is.EqualTo($"GET {server.Address}/a/file: the file has more than 1000 bytes"));
        Assert.That(server.Seen, Has.Count.EqualTo(1));
    }

    [Test]
    public async Task Nobody_at_the_address_is_told()
    {
        string address;
        await using (var server = new ScriptedServer(static (_, _) => Reply.Ok())) address = server.Address;
        using var client = new WebClient(Options with { MostAttempts = 2 });
        Assert.That((await FailureAsync(() => client.FetchAsync(new Uri(address + "/x"), null, _target, 10, default))).Message, Is.EqualTo($"GET {address}/x: connection refused"));
    }

    [Test]
    public async Task A_certificate_that_nobody_knows_is_refused()
    {
        using var certificates = new TestCertificates();
        await using var server = new ScriptedServer(static (_, _) => Reply.Ok("x"), certificates.Server);
        Assert.That((await FailureAsync(() => FetchAsync(server))).Message, Does.StartWith($"GET {server.Address}/a/file: TLS failed: "));
    }
}
