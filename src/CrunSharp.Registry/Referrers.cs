using System.Net;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;

namespace CrunSharp.Registry;

/// <summary>What refers to the manifests of a repository: signatures, bills of materials and the like.</summary>
/// <seealso href="https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers"/>
public sealed class Referrers
{
    private const int MostReferrers = 100_000;

    private readonly Repository _repository;

    internal Referrers(Repository repository) => _repository = repository;

    /// <summary>All manifests that refer to one, by the API or, where the registry has none, by the tag that stands for it.</summary>
    /// <param name="subject">The manifest that they refer to; it need not be there.</param>
    /// <param name="artifactType">The type that is wanted; null for all.</param>
    /// <param name="cancellationToken">Ends the requests.</param>
    /// <exception cref="CrunException">They may not be read, or the answer is malformed.</exception>
    public async Task<IReadOnlyList<Descriptor>> ListAsync(Digest subject, string? artifactType, CancellationToken cancellationToken)
    {
        var found = await FromApiAsync(subject, artifactType, cancellationToken) ?? await FromTagAsync(subject, cancellationToken);
        return artifactType is null ? found : [.. found.Where(descriptor => descriptor.ArtifactType == artifactType)];
    }

    private async Task<List<Descriptor>?> FromApiAsync(Digest subject, string? artifactType, CancellationToken cancellationToken)
    {
        var (found, seen) = (new List<Descriptor>(), new HashSet<string>());
        var query = artifactType is null ? "" : $"?artifactType={Uri.EscapeDataString(artifactType)}";
        var request = _repository.Request(HttpMethod.Get, $"referrers/{subject}{query}", Access.Pull, $"referrers of {_repository.FamiliarName}@{subject}") with
        {
            Accept = MediaTypes.Index,
            MostBytes = Manifests.MostBytes,
        };
        while (true)
        {
            using var answer = await _repository.Client.Origin.Exchange.SendAsync(request, cancellationToken);
            if (answer.Status is HttpStatusCode.NotFound or HttpStatusCode.MethodNotAllowed or HttpStatusCode.BadRequest && found.Count == 0) return null;
            if (!answer.Response.IsSuccessStatusCode) throw Failure.Of(answer, request);
            var operation = Failure.Operation(request, answer);
            try
            {
                found.AddRange(ImageJson.ReadIndex(answer.Body).Manifests);
            }
            catch (CrunException) when (found.Count == 0 && answer.Header("Content-Type")?.StartsWith(MediaTypes.Index, StringComparison.Ordinal) != true)
            {
                return null; // a page for people, of something that is no such API
            }
            if (Links.Next(answer.Header("Link")) is not { } next) return found;
            var target = Redirects.Resolve(answer.Address, next) ?? throw CrunException.Integrity("the next page of the list has no valid address", operation);
            if (!seen.Add(target.AbsoluteUri) || seen.Count > Links.MostPages || found.Count > MostReferrers)
                throw CrunException.Integrity("the list of referrers has no end", operation);
            request = request with { Target = target.AbsoluteUri };
        }
    }

    private async Task<IReadOnlyList<Descriptor>> FromTagAsync(Digest subject, CancellationToken cancellationToken)
    {
        try
        {
            var manifest = await _repository.Manifests.GetAsync(_repository.Client.Origin, $"sha256-{subject.Hex}", null, cancellationToken);
            return manifest.IsIndex ? manifest.ReadIndex().Manifests : [];
        }
        catch (CrunException error) when (error.Kind == ErrorKind.NotFound)
        {
            return [];
        }
    }
}
