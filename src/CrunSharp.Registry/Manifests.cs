using System.Net;
using System.Net.Http.Headers;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;

namespace CrunSharp.Registry;

/// <summary>The manifests and indexes of a repository.</summary>
public sealed class Manifests
{
    /// <summary>The largest manifest.</summary>
    /// <value>Bytes: 4 MiB, as others have it.</value>
    public const int MostBytes = 4 * 1024 * 1024;

    private readonly Repository _repository;

    internal Manifests(Repository repository) => _repository = repository;

    /// <summary>Gets what a tag names.</summary>
    /// <exception cref="CrunException">It is not there (<see cref="ErrorKind.NotFound"/>), may not be read (<see cref="ErrorKind.Denied"/>), or is not whole.</exception>
    public Task<Manifest> GetAsync(string tag, CancellationToken cancellationToken) => GetAsync(tag, null, cancellationToken);

    /// <summary>Gets a manifest by its digest.</summary>
    /// <exception cref="CrunException">As for a tag, and when the bytes have another digest.</exception>
    public Task<Manifest> GetAsync(Digest digest, CancellationToken cancellationToken) => GetAsync(digest.ToString(), digest, cancellationToken);

    /// <summary>Asks what a tag or digest names, without getting it where the registry tells its digest.</summary>
    /// <param name="reference">A tag, or a digest's text.</param>
    /// <param name="cancellationToken">Ends the request.</param>
    /// <returns>Null when it is not there.</returns>
    /// <exception cref="CrunException">The registry cannot be asked.</exception>
    public Task<Descriptor?> FindAsync(string reference, CancellationToken cancellationToken) =>
        _repository.Client.ReadAsync(endpoint => FindAsync(endpoint, reference, Access.Pull, cancellationToken));

    /// <summary>Asks the registry itself what a tag or digest names: before a push, where a mirror does not count.</summary>
    /// <inheritdoc cref="FindAsync(string, CancellationToken)"/>
    public Task<Descriptor?> FindAtOriginAsync(string reference, CancellationToken cancellationToken) =>
        FindAsync(_repository.Client.Origin, reference, Access.Push, cancellationToken);

    /// <summary>Stores a manifest or an index; what it refers to has to be there already.</summary>
    /// <param name="reference">A tag, or the digest's text.</param>
    /// <param name="mediaType">The document's type.</param>
    /// <param name="bytes">The document.</param>
    /// <param name="cancellationToken">Ends the request.</param>
    /// <returns>The digest.</returns>
    /// <exception cref="CrunException">The registry refuses it, or stored something else.</exception>
    public async Task<Digest> PutAsync(string reference, string mediaType, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        var request = Request(HttpMethod.Put, reference, Access.Push) with
        {
            Body = watchdog => new UploadContent(bytes, watchdog, null) { Headers = { ContentType = new MediaTypeHeaderValue(mediaType) } },
            MostBytes = 64 * 1024,
        };
        using var answer = await _repository.Client.Origin.Exchange.ExpectAsync(request, cancellationToken);
        var digest = Digest.Of(bytes.Span);
        return answer.Header("Docker-Content-Digest") is not { } told || told == digest.ToString() || !told.StartsWith("sha256:", StringComparison.Ordinal) ? digest
            : throw CrunException.Integrity($"the registry stored {Words.Clean(told)} where {digest} was sent", Failure.Operation(request, answer));
    }

    /// <summary>Deletes a tag or, by its digest's text, a manifest with all its tags.</summary>
    /// <exception cref="CrunException">It is not there, or the registry does not allow it (<see cref="ErrorKind.Unsupported"/>).</exception>
    public async Task DeleteAsync(string reference, CancellationToken cancellationToken)
    {
        var request = Request(HttpMethod.Delete, reference, Access.Delete) with { MostBytes = 64 * 1024 };
        using var answer = await _repository.Client.Origin.Exchange.ExpectAsync(request, cancellationToken);
    }

    internal async Task<Manifest> GetAsync(Endpoint endpoint, string reference, Digest? digest, CancellationToken cancellationToken)
    {
        var request = Request(HttpMethod.Get, reference, Access.Pull) with { Accept = Manifest.Accepted, MostBytes = MostBytes };
        using var answer = await endpoint.Exchange.ExpectAsync(request, cancellationToken);
        var actual = Digest.Of(answer.Body);
        var promised = digest ?? (Digest.TryParse(answer.Header("Docker-Content-Digest"), out var told) ? told : actual);
        if (promised != actual) throw CrunException.Integrity($"the digest of {request.What} is {actual} where {promised} was promised", Failure.Operation(request, answer));
        return new Manifest(Manifest.KindOf(answer.Body, MediaTypeOf(answer), request.What), actual, answer.Body);
    }

    private Task<Manifest> GetAsync(string reference, Digest? digest, CancellationToken cancellationToken) =>
        _repository.Client.ReadAsync(endpoint => GetAsync(endpoint, reference, digest, cancellationToken));

    private async Task<Descriptor?> FindAsync(Endpoint endpoint, string reference, Access access, CancellationToken cancellationToken)
    {
        var request = Request(HttpMethod.Head, reference, access) with { Accept = Manifest.Accepted };
        using var answer = await endpoint.Exchange.SendAsync(request, cancellationToken);
        if (answer.Status == HttpStatusCode.NotFound) return endpoint.IsMirror ? throw Failure.Of(answer, request) : null;
        if (!answer.Response.IsSuccessStatusCode) throw Failure.Of(answer, request);
        return Digest.TryParse(answer.Header("Docker-Content-Digest"), out var digest)
            ? new Descriptor { MediaType = MediaTypeOf(answer) ?? "", Digest = digest, Size = answer.Response.Content.Headers.ContentLength ?? 0 }
            : (await GetAsync(endpoint, reference, null, cancellationToken)).Descriptor;
    }

    private RegistryRequest Request(HttpMethod method, string reference, Access access)
    {
        if (!Digest.TryParse(reference, out _) && !ImageReference.TryParse($"{_repository.FamiliarName}:{reference}", out _))
            throw CrunException.Invalid($"invalid tag \"{Words.Clean(reference)}\"");
        return _repository.Request(method, "manifests/" + reference, access,
            $"manifest for {_repository.FamiliarName}{(reference.Contains(':', StringComparison.Ordinal) ? '@' : ':')}{reference}");
    }

    private static string? MediaTypeOf(Answer answer) => answer.Header("Content-Type")?.Split(';')[0].Trim();
}
