using CrunSharp.Oci;
using static CrunSharp.Registry.Tests.Content;

namespace CrunSharp.Registry.Tests;

public sealed class SearchTests : RegistryFixture
{
    private async Task<IReadOnlyList<SearchResult>> SearchAsync(string host, string term, int most = 25)
    {
        using var client = new RegistryClient(host, Options);
        return await client.SearchAsync(term, most, default);
    }

    [Test]
    public async Task What_the_registry_finds_is_given_in_its_order_and_made_fit_for_a_line()
    {
        await using var server = new ScriptedServer(static (request, _) => request.Target.StartsWith("/v1/", StringComparison.Ordinal)
            ? Reply.Ok("""
                {"num_results":4,"results":[{"name":"web","description":"one\u001b[2J\ntwo","star_count":7,"is_official":true,"is_automated":false,"pull_count":9},
                {"name":"team/web","description":null,"star_count":null},{"description":"nameless"},{"name":"last"}]}
                """, "Content-Type: application/json")
            : Reply.Ok());
        Assert.That(await SearchAsync(server.Host, "we b&c", 2), Is.EqualTo(new SearchResult[] { new("web", "one [2J two", 7, IsOfficial: true), new("team/web") }));
        Assert.That(server.Lines, Has.Some.EqualTo("GET /v1/search?q=we%20b%26c&n=2"));
    }

    [TestCase(404)]
    [TestCase(405)]
    [TestCase(200)]
    public async Task Without_a_search_the_list_of_repositories_is_searched(int status)
    {
        await using var server = new ScriptedServer((request, _) => request.Target switch
        {
            var path when path.StartsWith("/v1/", StringComparison.Ordinal) => Reply.Of(status, "<html>"),
            "/v2/_catalog?n=1000" => Reply.Ok("""{"repositories":["a/web","other","WEB"]}""", "Link: </v2/_catalog?n=1000&last=WEB>; rel=\"next\""),
            "/v2/_catalog?n=1000&last=WEB" => Reply.Ok("""{"repositories":["web2","x"]}"""),
            _ => Reply.Ok(),
        });
        Assert.That(await SearchAsync(server.Host, "web"), Is.EqualTo(new SearchResult[] { new("a/web"), new("WEB"), new("web2") }));
        Assert.That(await SearchAsync(server.Host, "web", 2), Has.Count.EqualTo(2));
        Assert.That(server.Lines.Count(static line => line.Contains("last=", StringComparison.Ordinal)), Is.EqualTo(1), "no page more than needed");
    }

    [TestCase(404)]
    [TestCase(403)]
    public async Task A_registry_without_either_is_said_to_have_none(int status)
    {
        await using var server = new ScriptedServer((request, _) => request.Target == "/v2/" ? Reply.Ok() : Reply.Of(request.Target.StartsWith("/v1/", StringComparison.Ordinal) ? 404 : status, ""));
        var error = await FailureAsync(() => SearchAsync(server.Host, "web"));
        Assert.That((error.Kind, error.Message), Is.EqualTo((ErrorKind.Unsupported, error.Reason)));
        Assert.That(error.Message, Does.StartWith($"the registry {server.Host} has no search, and gives no list of its repositories: "));
    }

    [Test]
    public async Task A_list_without_an_end_is_an_error()
    {
        await using var server = new ScriptedServer(static (request, _) => request.Target.StartsWith("/v1/", StringComparison.Ordinal) ? Reply.Empty(404)
            : Reply.Ok("""{"repositories":["a"]}""", "Link: </v2/_catalog?n=1000>; rel=next"));
        Assert.That((await FailureAsync(() => SearchAsync(server.Host, "web"))).Message, Does.EndWith("the list of repositories has no end"));
    }
}
