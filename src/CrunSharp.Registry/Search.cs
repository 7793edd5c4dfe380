using System.Net;
using CrunSharp.Oci;
using CrunSharp.Oci.Json;

namespace CrunSharp.Registry;

/// <summary>A repository that a search found.</summary>
/// <param name="Name">Its name, in the registry's spelling: <c>busybox</c>, <c>team/web</c>.</param>
/// <param name="Description">What its owner says of it; empty where the registry does not know.</param>
/// <param name="Stars">How many users like it.</param>
/// <param name="IsOfficial">Whether the registry's own people keep it.</param>
/// <param name="IsAutomated">Whether the registry builds it from sources.</param>
public sealed record SearchResult(string Name, string Description = "", long Stars = 0, bool IsOfficial = false, bool IsAutomated = false);

/// <summary>Looks for repositories in a registry: by Docker's search, or where there is none in the registry's own list.</summary>
/// <seealso href="https://distribution.github.io/distribution/spec/api/#listing-repositories"/>
internal sealed class Search(RegistryClient client)
{
    private const string DockerIndex = "index.docker.io";
    private const int MostBytes = 4 * 1024 * 1024;
    private const int MostNames = 1_000_000;

    private static readonly JsonRecord<SearchResult> Result = new JsonRecord<SearchResult>(new SearchResult(""))
        .Optional("name", JsonKind.Text, static r => r.Name, static (r, v) => r with { Name = Words.Clean(v ?? "") })
        .Optional("description", JsonKind.Text, static r => r.Description, static (r, v) => r with { Description = Words.Clean(v ?? "") })
        .OptionalValue("star_count", JsonKind.Long, static r => r.Stars, static (r, v) => r with { Stars = v ?? 0 })
        .OptionalValue("is_official", JsonKind.Flag, static r => r.IsOfficial, static (r, v) => r with { IsOfficial = v ?? false })
        .OptionalValue("is_automated", JsonKind.Flag, static r => r.IsAutomated, static (r, v) => r with { IsAutomated = v ?? false });

    private static readonly JsonRecord<Page> Found = new JsonRecord<Page>(new Page())
        .Optional("results", JsonKind.List(Result), static p => p.Results, static (p, v) => p with { Results = v });

    private static readonly JsonRecord<Names> Catalog = new JsonRecord<Names>(new Names())
        .Optional("repositories", JsonKind.Texts, static n => n.Repositories, static (n, v) => n with { Repositories = v });

    /// <summary>Searches.</summary>
    /// <exception cref="CrunException">The registry cannot be asked, or has nothing to search in.</exception>
    public async Task<IReadOnlyList<SearchResult>> RunAsync(string term, int most, CancellationToken cancellationToken)
    {
        if (client.Host != Server.DockerName) return await RunAsync(client.Origin, term, most, cancellationToken).ConfigureAwait(false);
        // Docker's search is at another server than its images; everybody may search.
        var settings = client.Options.Settings.For(DockerIndex);
        using var index = new Endpoint(Server.Parse("https://" + DockerIndex), settings, client.Options, isMirror: false, static _ => ValueTask.FromResult<Credential?>(null));
        return await RunAsync(index, term, most, cancellationToken).ConfigureAwait(false);
    }

    private async Task<IReadOnlyList<SearchResult>> RunAsync(Endpoint endpoint, string term, int most, CancellationToken cancellationToken)
    {
        var request = Request($"/v1/search?q={Uri.EscapeDataString(term)}&n={most}");
        using var answer = await endpoint.Exchange.SendAsync(request, cancellationToken).ConfigureAwait(false);
        if (answer.Response.IsSuccessStatusCode && IsJson(answer))
        {
            var results = Found.Parse(answer.Body, "list of results", Failure.Operation(request, answer)).Results ?? [];
            return [.. results.Where(static r => r.Name.Length > 0).Take(most)];
        }
        if (endpoint != client.Origin || !(answer.Response.IsSuccessStatusCode || answer.Status is HttpStatusCode.NotFound or HttpStatusCode.MethodNotAllowed or HttpStatusCode.Gone or HttpStatusCode.BadRequest))
            throw Failure.Of(answer, request);
        return await FromCatalogAsync(term, most, cancellationToken).ConfigureAwait(false);
    }

    // Few registries but Docker's have a search; those of a company's own list all that they have.
    private async Task<IReadOnlyList<SearchResult>> FromCatalogAsync(string term, int most, CancellationToken cancellationToken)
    {
        var (results, seen, count) = (new List<SearchResult>(), new HashSet<string>(), 0);
        var request = Request("/v2/_catalog?n=1000") with { Scopes = ["registry:catalog:*"] };
        while (results.Count < most)
        {
            using var answer = await client.Origin.Exchange.SendAsync(request, cancellationToken).ConfigureAwait(false);
            if (answer.Status is HttpStatusCode.NotFound or HttpStatusCode.MethodNotAllowed or HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden && seen.Count == 0)
                throw CrunException.Unsupported($"the registry {client.Host} has no search, and gives no list of its repositories: {Failure.Of(answer, request).Reason}");
            if (!answer.Response.IsSuccessStatusCode) throw Failure.Of(answer, request);
            var operation = Failure.Operation(request, answer);
            foreach (var name in Catalog.Parse(answer.Body, "list of repositories", operation).Repositories ?? [])
            {
                count++;
                if (results.Count < most && name.Contains(term, StringComparison.OrdinalIgnoreCase)) results.Add(new SearchResult(Words.Clean(name)));
            }
            if (Links.Next(answer.Header("Link")) is not { } next) break;
            var target = Redirects.Resolve(answer.Address, next) ?? throw CrunException.Integrity("the next page of the list has no valid address", operation);
            if (!seen.Add(target.AbsoluteUri) || seen.Count > Links.MostPages || count > MostNames)
                throw CrunException.Integrity("the list of repositories has no end", operation);
            request = request with { Target = target.AbsoluteUri };
        }
        return results;
    }

    // A page for people may answer whatever is asked.
    private static bool IsJson(Answer answer) => answer.Header("Content-Type")?.Contains("json", StringComparison.OrdinalIgnoreCase) == true;

    private RegistryRequest Request(string target) => new()
    {
        Method = HttpMethod.Get,
        Target = target,
        Scopes = Scope.None,
        Access = Access.Login,
        What = $"search of {client.Host}",
        Accept = "application/json",
        MostBytes = MostBytes,
    };

    private sealed record Page
    {
        public IReadOnlyList<SearchResult>? Results { get; init; }
    }

    private sealed record Names
    {
        public IReadOnlyList<string>? Repositories { get; init; }
    }
}
