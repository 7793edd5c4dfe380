using CrunSharp.Oci;
using CrunSharp.Oci.Json;

namespace CrunSharp.Registry;

/// <summary>The tags of a repository.</summary>
public sealed class Tags
{
    private const int MostBytes = 4 * 1024 * 1024;
    private const int MostTags = 1_000_000;

    private static readonly JsonRecord<Page> Json = new JsonRecord<Page>(new Page())
        .Optional("tags", JsonKind.Texts, static p => p.Names, static (p, v) => p with { Names = v });

    private readonly Repository _repository;

    internal Tags(Repository repository) => _repository = repository;

    /// <summary>All tags, in the registry's order.</summary>
    /// <param name="pageSize">How many are asked for at once; 0 for what the registry likes.</param>
    /// <param name="cancellationToken">Ends the requests.</param>
    /// <exception cref="CrunException">The repository is not there or may not be read, or its list has no end.</exception>
    public async Task<IReadOnlyList<string>> ListAsync(int pageSize, CancellationToken cancellationToken)
    {
        var (tags, seen) = (new List<string>(), new HashSet<string>());
        var request = _repository.Request(HttpMethod.Get, pageSize > 0 ? $"tags/list?n={pageSize}" : "tags/list", Access.Pull, $"repository {_repository.FamiliarName}") with { MostBytes = MostBytes };
        while (true)
        {
            using var answer = await _repository.Client.Origin.Exchange.ExpectAsync(request, cancellationToken);
            var operation = Failure.Operation(request, answer);
            tags.AddRange(Json.Parse(answer.Body, "list of tags", operation).Names ?? []);
            if (Links.Next(answer.Header("Link")) is not { } next) return tags;
            var target = Redirects.Resolve(answer.Address, next) ?? throw CrunException.Integrity("the next page of the list has no valid address", operation);
            if (!seen.Add(target.AbsoluteUri) || seen.Count > Links.MostPages || tags.Count > MostTags)
                throw CrunException.Integrity("the list of tags has no end", operation);
            request = request with { Target = target.AbsoluteUri };
        }
    }

    private sealed record Page
    {
        public IReadOnlyList<string>? Names { get; init; }
    }
}
