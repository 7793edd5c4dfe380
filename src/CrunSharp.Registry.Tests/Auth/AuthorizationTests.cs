using System.Text;
using CrunSharp.Oci;
using static CrunSharp.Registry.Tests.Content;

namespace CrunSharp.Registry.Tests.Auth;

public sealed class AuthorizationTests : RegistryFixture
{
    private const string Password = "s3cr3t-Passw0rd";
    private static readonly string Basic = "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes($"me:{Password}"));

    private RegistryClient Client(ScriptedServer server, Credential? credential, HostSettings? settings = null) => new(server.Host, Options with
    {
        Credentials = credential is null ? null : new SingleCredential(server.Host, credential),
        Settings = new RegistrySettings { Registries = new Dictionary<string, HostSettings> { [server.Host] = settings ?? new HostSettings() } },
    });

    private static Credential Me => Credential.Password("me", Password);

    [Test]
    public async Task A_name_and_password_are_sent_once_they_are_asked_for()
    {
        await using var server = new ScriptedServer(static (request, _) => request.Header("Authorization") == Basic ? Reply.Ok(SmallManifest) : Reply.Empty(401, "WWW-Authenticate: Basic realm=\"r\""));
        using var client = Client(server, Me);
        await client.Repository("web").Manifests.GetAsync("1", default);
        await client.Repository("web").Manifests.GetAsync("2", default);
        Assert.That(server.Seen.Select(static request => request.Header("Authorization")), Is.EqualTo(new[] { null, Basic, Basic }));
    }

    [Test]
    public async Task A_wrong_password_is_tried_once()
    {
        await using var server = new ScriptedServer(static (_, _) => Reply.Error(401, "UNAUTHORIZED", "authentication required", "WWW-Authenticate: Basic realm=\"r\""));
        using var client = Client(server, Me);
        var error = await FailureAsync(() => client.PingAsync(default));
        Assert.That((error.Kind, error.Message), Is.EqualTo((ErrorKind.Denied, $"GET http://{server.Host}/v2/: unauthorized: authentication required")));
        Assert.That(server.Seen, Has.Count.EqualTo(2));
        Assert.That(error.ToString(), Does.Not.Contain(Password));
    }

    [Test]
    public async Task A_token_is_got_for_a_scope_and_used_until_it_ends()
    {
        await using var server = new ScriptedServer((request, number) => Answer(request, $$"""{"token":"t{{number}}","expires_in":300}"""));
        using var client = Client(server, Me);
        var repository = client.Repository("web");
        await repository.Manifests.GetAsync("1", default);
        await repository.Manifests.GetAsync("2", default);
        Assert.That(server.Lines, Is.EqualTo(new[]
        {
            "GET /v2/web/manifests/1", "GET /token?service=reg%20istry&scope=repository%3Aweb%3Apull&account=me", "GET /v2/web/manifests/1", "GET /v2/web/manifests/2",
        }));
        Assert.That(server.Seen[1].Header("Authorization"), Is.EqualTo(Basic));
        Assert.That(server.Seen[3].Header("Authorization"), Is.EqualTo("Bearer t1"));
        Time.Advance(TimeSpan.FromSeconds(280));
        await repository.Manifests.GetAsync("3", default);
        Assert.That(server.Seen[4].Target, Does.StartWith("/token"));
    }

    [Test]
    public async Task A_token_that_is_refused_is_renewed_once()
    {
        await using var server = new ScriptedServer((request, number) => number == 3 ? Challenge(request) : Answer(request, $$"""{"access_token":"t{{number}}","expires_in":3000}"""));
        using var client = Client(server, null);
        var repository = client.Repository("web");
        await repository.Manifests.GetAsync("1", default);
        await repository.Manifests.GetAsync("2", default);
        Assert.That(server.Seen.Select(static request => request.Header("Authorization")), Is.EqualTo(new[] { null, null, "Bearer t1", "Bearer t1", null, "Bearer t4" }));
    }

    [Test]
    public async Task A_registry_that_refuses_every_token_is_not_asked_for_ever()
    {
        await using var server = new ScriptedServer((request, number) => request.Target.StartsWith("/token", StringComparison.Ordinal) ? Reply.Ok($$"""{"token":"t{{number}}"}""") : Challenge(request));
        using var client = Client(server, Me);
        Assert.That((await FailureAsync(() => client.Repository("web").Manifests.GetAsync("1", default))).Kind, Is.EqualTo(ErrorKind.Denied));
        Assert.That(server.Seen, Has.Count.EqualTo(3));
    }

    [Test]
    public async Task An_identity_token_is_posted()
    {
        await using var server = new ScriptedServer((request, _) => Answer(request, """{"access_token":"t"}"""));
        using var client = Client(server, Credential.IdentityToken("id/entity"));
        await client.Repository("web").Manifests.GetAsync("1", default);
        Assert.That(server.Seen[1].Line, Is.EqualTo("POST /token"));
        Assert.That(Encoding.UTF8.GetString(server.Seen[1].Body), Is.EqualTo("grant_type=refresh_token&client_id=crun-sharp&service=reg+istry&refresh_token=id%2Fentity&scope=repository%3Aweb%3Apull"));
        Assert.That(server.Seen[1].Header("Authorization"), Is.Null);
    }

    [Test]
    public async Task Requests_at_once_share_one_token()
    {
        await using var server = new ScriptedServer((request, _) => Answer(request, """{"token":"t"}"""));
        using var client = Client(server, null);
        var repository = client.Repository("web");
        await Task.WhenAll(Enumerable.Range(0, 8).Select(i => repository.Manifests.GetAsync($"t{i}", default)));
        Assert.That(server.Seen.Count(static request => request.Target.StartsWith("/token", StringComparison.Ordinal)), Is.EqualTo(1));
    }

    [Test]
    public async Task A_password_does_not_go_to_a_realm_of_another_domain()
    {
        await using var evil = new ScriptedServer(static (_, _) => Reply.Ok("""{"token":"t"}"""));
        await using var server = new ScriptedServer((_, _) => Reply.Empty(401, $"WWW-Authenticate: Bearer realm=\"http://localhost:{evil.Port}/token\""));
        using var client = Client(server, Me);
        var error = await FailureAsync(() => client.Repository("web").Manifests.GetAsync("1", default));
        Assert.That(error.Message, Does.Contain($"the credentials were not sent to localhost:{evil.Port}, which is of another domain").And.Contain("realms"));
        Assert.That(evil.Seen.Select(static request => (request.Header("Authorization"), request.Target)), Is.EqualTo(new[] { ((string?)null, "/token?scope=repository%3Aweb%3Apull") }));
        Assert.That((await FailureAsync(() => client.LoginAsync(Me, default))).Kind, Is.EqualTo(ErrorKind.Denied));
    }

    [Test]
    public async Task A_realm_of_another_domain_can_be_allowed()
    {
        await using var other = new ScriptedServer(static (_, _) => Reply.Ok("""{"token":"t"}"""));
        await using var server = new ScriptedServer((request, _) =>
            request.Header("Authorization") is null ? Reply.Empty(401, $"WWW-Authenticate: Bearer realm=\"http://localhost:{other.Port}/token\"") : Reply.Ok(SmallManifest));
        using var client = Client(server, Me, new HostSettings { Realms = ["localhost"] });
        await client.Repository("web").Manifests.GetAsync("1", default);
        Assert.That(other.Seen[0].Header("Authorization"), Is.EqualTo(Basic));
    }

    [TestCase("Bearer realm=\"ftp://x/\"")]
    [TestCase("Bearer")]
    [TestCase("Bearer realm=\"http://169.254.169.254/latest/meta-data\"")]
    public async Task A_realm_that_is_no_address_is_an_error(string challenge)
    {
        await using var server = new ScriptedServer((_, _) => Reply.Empty(401, $"WWW-Authenticate: {challenge}"));
        using var client = Client(server, Me);
        Assert.That((await FailureAsync(() => client.PingAsync(default))).Message, Does.StartWith($"log in to {server.Host}: the registry sends to the token server"));
    }

    [TestCase("{}")]
    [TestCase("")]
    [TestCase("[")]
    [TestCase("""{"token":""}""")]
    [TestCase("""{"token":7}""")]
    [TestCase("""{"token":"a\r\nX: y"}""")]
    public async Task A_token_server_without_a_token_is_an_error(string body)
    {
        await using var server = new ScriptedServer((request, _) => Answer(request, body));
        using var client = Client(server, Me);
        Assert.That((await FailureAsync(() => client.PingAsync(default))).Message, Does.StartWith($"GET http://{server.Host}/token: the token server's answer "));
    }

    [Test]
    public async Task What_the_token_server_says_is_told()
    {
        await using var server = new ScriptedServer((request, _) =>
            request.Target.StartsWith("/token", StringComparison.Ordinal) ? Reply.Of(401, """{"details":"incorrect username or password"}""") : Challenge(request));
        using var client = Client(server, Me);
        var error = await FailureAsync(() => client.PingAsync(default));
        Assert.That((error.Kind, error.Message), Is.EqualTo((ErrorKind.Denied, $"GET http://{server.Host}/token: unauthorized: incorrect username or password (401 Some Words)")));
    }

    [Test]
    public async Task A_token_server_that_is_not_well_is_asked_again()
    {
        await using var server = new ScriptedServer((request, number) => number == 1 ? Reply.Empty(503) : Answer(request, """{"token":"t"}"""));
        using var client = Client(server, null);
        await client.Repository("web").Manifests.GetAsync("1", default);
        Assert.That(Time.Waits, Has.Count.EqualTo(1));
    }

    [Test]
    public async Task A_login_gives_the_identity_token_to_store()
    {
        await using var server = new ScriptedServer((request, _) => Answer(request, """{"token":"t","refresh_token":"keep me"}"""));
        using var client = Client(server, null);
        var credential = await client.LoginAsync(Me, default);
        Assert.That((credential.IsIdentityToken, credential.RevealSecret(), credential.Username), Is.EqualTo((true, "keep me", "me")));
        Assert.That(server.Lines, Has.One.Contains("offline_token=true"));
    }

    [Test]
    public void A_secret_is_in_no_text() => Assert.That($"{Me} {Credential.IdentityToken("abc")}", Is.EqualTo("user me identity token"));

    private static Reply Answer(SeenRequest request, string token) =>
        request.Target.StartsWith("/token", StringComparison.Ordinal) ? Reply.Ok(token)
        : request.Header("Authorization")?.StartsWith("Bearer t", StringComparison.Ordinal) == true ? Reply.Ok(SmallManifest)
        : Challenge(request);

    private static Reply Challenge(SeenRequest request) =>
        Reply.Empty(401, $"WWW-Authenticate: Bearer realm=\"http://{request.Header("Host")}/token\",service=\"reg istry\",scope=\"repository:elsewhere:push\"");
}
