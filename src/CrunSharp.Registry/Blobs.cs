using System.Net;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;

namespace CrunSharp.Registry;

/// <summary>The blobs of a repository.</summary>
public sealed class Blobs
{
    private readonly Repository _repository;

    internal Blobs(Repository repository) => _repository = repository;

    private Endpoint Origin => _repository.Client.Origin;

    /// <summary>Whether the registry has a blob in this repository.</summary>
    /// <exception cref="CrunException">The registry cannot be asked, or refuses to tell.</exception>
    public Task<bool> ExistsAsync(Digest digest, CancellationToken cancellationToken) => ExistsAsync(digest, Access.Pull, cancellationToken);

    /// <summary>Starts to read a blob; its bytes are checked as they are read.</summary>
    /// <param name="blob">What it is called, and how long it is.</param>
    /// <param name="how">How it is read; null for all of it, verified.</param>
    /// <param name="cancellationToken">Ends this, and every later read of the stream.</param>
    /// <exception cref="CrunException">It is not there or may not be read.</exception>
    public async Task<BlobStream> OpenAsync(Descriptor blob, BlobOptions? how, CancellationToken cancellationToken)
    {
        how ??= new BlobOptions();
        ArgumentOutOfRangeException.ThrowIfNegative(how.From, nameof(how));
        if (how.From > 0 && !how.LeavesDigestToReader) throw new ArgumentException("only the whole of a blob has its digest", nameof(how));
        if (blob.Size < how.From) throw CrunException.Integrity($"it has {blob.Size} bytes, fewer than {how.From}", What(blob.Digest));
        var readers = how.SkipsMirrors ? [Origin] : _repository.Client.Readers;
        var current = 0;
        var source = await OpenAt(how.From, null, cancellationToken);
        return new BlobStream(blob, What(blob.Digest), how, _repository.Client.Options, source, OpenAt, cancellationToken);

        async Task<BlobSource> OpenAt(long from, string? entityTag, CancellationToken cancel)
        {
            while (true)
            {
                try
                {
                    return await SourceAsync(readers[current], blob, from, entityTag, cancel).ConfigureAwait(false);
                }
                catch (CrunException error) when (readers[current].IsMirror)
                {
                    _repository.Client.Options.Note?.Invoke($"mirror {readers[current].Name}: {error.Message}");
                    (current, entityTag) = (current + 1, null);
                }
            }
        }
    }

    /// <summary>Reads a small blob, such as an image's configuration, as a whole.</summary>
    /// <param name="blob">What it is called, and how long it is.</param>
    /// <param name="mostBytes">The most that it may have.</param>
    /// <param name="cancellationToken">Ends the request.</param>
    /// <exception cref="CrunException">It is longer than that, not there, may not be read, or is not what was promised.</exception>
    public async Task<byte[]> ReadAsync(Descriptor blob, int mostBytes, CancellationToken cancellationToken)
    {
        if (blob.Size < 0 || blob.Size > mostBytes) throw CrunException.Integrity($"it has {blob.Size} bytes, where at most {mostBytes} are allowed", What(blob.Digest));
        await using var stream = await OpenAsync(blob, null, cancellationToken);
        var bytes = new byte[blob.Size];
        for (var count = 0; ;)
        {
            // Behind the last byte is the end, where it is verified.
            var read = await stream.ReadAsync(count < bytes.Length ? bytes.AsMemory(count) : new byte[1], cancellationToken);
            if (read == 0) return bytes;
            count += read;
        }
    }

    /// <summary>Sees to it that a blob is in this repository: asks for it, mounts it from another one, or sends it.</summary>
    /// <param name="blob">What it is called, and how long it is.</param>
    /// <param name="open">Opens its bytes from the first one on; called again when they have to be sent again.</param>
    /// <param name="how">Where it may be mounted from, and who hears of progress; null for nothing and nobody.</param>
    /// <param name="cancellationToken">Ends the push.</param>
    /// <exception cref="CrunException">The registry refuses it, or cannot be reached.</exception>
    public async Task<PushResult> PushAsync(Descriptor blob, Func<CancellationToken, ValueTask<Stream>> open, PushOptions? how, CancellationToken cancellationToken)
    {
        how ??= new PushOptions();
        if (!how.IsKnownToBeMissing && await ExistsAsync(blob.Digest, Access.Push, cancellationToken)) return new PushResult(PushOutcome.AlreadyExists);
        Uri? session = null;
        foreach (var from in how.MountFrom)
        {
            try
            {
                if (session is not null) await UploadStream.CancelAsync(_repository, session, cancellationToken);
                session = await MountOrStartAsync(blob.Digest, from, cancellationToken);
                if (session is null) return new PushResult(PushOutcome.Mounted, from);
            }
            catch (CrunException error) when (error.Kind is ErrorKind.Denied or ErrorKind.NotFound)
            {
                session = null; // that other repository is none of ours; whether this one is, the upload tells
            }
        }
        for (var attempt = 1; ; attempt++)
        {
            session ??= await StartAsync(cancellationToken);
            if (await TrySendAsync(session, blob, open, how, attempt, cancellationToken)) return new PushResult(PushOutcome.Pushed);
            session = null;
        }
    }

    /// <summary>Makes a blob of another repository one of this repository too, without sending it.</summary>
    /// <returns>Whether that was possible.</returns>
    /// <exception cref="CrunException">The registry refuses us.</exception>
    public async Task<bool> MountAsync(Digest digest, string from, CancellationToken cancellationToken)
    {
        if (await MountOrStartAsync(digest, from, cancellationToken) is not { } session) return true;
        await UploadStream.CancelAsync(_repository, session, cancellationToken);
        return false;
    }

    /// <summary>Starts to send a blob whose digest and length are not known yet.</summary>
    /// <param name="chunkSize">How many bytes are sent, and kept until they are there, at once; 0 for 8 MiB.</param>
    /// <param name="cancellationToken">Ends this, and every later write to the stream.</param>
    /// <param name="isHashed">Whether the writer hashes it, and will say its digest.</param>
    /// <exception cref="CrunException">The registry refuses it.</exception>
    public async Task<UploadStream> StartUploadAsync(int chunkSize, CancellationToken cancellationToken, bool isHashed = false)
    {
        var request = _repository.Request(HttpMethod.Post, "blobs/uploads/", Access.Push, $"repository {_repository.FamiliarName}") with { Body = Nothing, MostBytes = 64 * 1024 };
        using var answer = await Origin.Exchange.ExpectAsync(request, cancellationToken);
        var least = int.TryParse(answer.Header("OCI-Chunk-Min-Length"), out var told) && told > 0 ? told : 0;
        if (least > UploadStream.MostChunk)
            throw CrunException.Unsupported($"the registry wants chunks of {least} bytes, more than {UploadStream.MostChunk}", Failure.Operation(request, answer));
        return new UploadStream(_repository, SessionOf(request, answer), Math.Max(chunkSize > 0 ? chunkSize : UploadStream.UsualChunk, least), isHashed, cancellationToken);
    }

    /// <summary>Deletes a blob.</summary>
    /// <exception cref="CrunException">It is not there, or the registry does not allow it (<see cref="ErrorKind.Unsupported"/>).</exception>
    public async Task DeleteAsync(Digest digest, CancellationToken cancellationToken)
    {
        using var answer = await Origin.Exchange.ExpectAsync(Request(HttpMethod.Delete, digest, Access.Delete) with { MostBytes = 64 * 1024 }, cancellationToken);
    }

    internal static HttpContent Nothing(Watchdog watchdog) => new UploadContent(default, watchdog, null);

    internal static Uri SessionOf(RegistryRequest request, Answer answer) => answer.Location
        ?? throw new CrunException(ErrorKind.Network, "the registry does not say where to upload to", Failure.Operation(request, answer));

    private string What(Digest digest) => $"blob {digest} of {_repository.FamiliarName}";

    private RegistryRequest Request(HttpMethod method, Digest digest, Access access) =>
        _repository.Request(method, $"blobs/{digest}", access, What(digest));

    private async Task<bool> ExistsAsync(Digest digest, Access access, CancellationToken cancellationToken)
    {
        var request = Request(HttpMethod.Head, digest, access);
        using var answer = await Origin.Exchange.SendAsync(request, cancellationToken);
        return answer.Status != HttpStatusCode.NotFound && (answer.Response.IsSuccessStatusCode ? true : throw Failure.Of(answer, request));
    }

    private async Task<BlobSource> SourceAsync(Endpoint endpoint, Descriptor blob, long from, string? entityTag, CancellationToken cancellationToken)
    {
        var request = Request(HttpMethod.Get, blob.Digest, Access.Pull) with { From = from, EntityTag = entityTag, IsTransfer = true };
        var answer = await endpoint.Exchange.SendAsync(request, cancellationToken).ConfigureAwait(false);
        if (answer.Status == HttpStatusCode.RequestedRangeNotSatisfiable && from > 0)
        {
            answer.Dispose(); // this server has something else, or cannot do it: from the start
            request = request with { From = 0, EntityTag = null };
            answer = await endpoint.Exchange.SendAsync(request, cancellationToken).ConfigureAwait(false);
        }
        try
        {
            if (!answer.Response.IsSuccessStatusCode) throw Failure.Of(answer, request);
            var begins = Check(answer, request, blob);
            var stream = await answer.Response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
            return new BlobSource(answer.Response, begins == from ? stream : new SkippingStream(stream, from - begins), endpoint.Name, StrongTag(answer));
        }
        catch
        {
            answer.Dispose();
            throw;
        }
    }

    // The byte at which the answer begins.
    private static long Check(Answer answer, RegistryRequest request, Descriptor blob)
    {
        var headers = answer.Response.Content.Headers;
        var begins = 0L;
        if (answer.Status == HttpStatusCode.PartialContent)
        {
            if (headers.ContentRange is not { From: { } first, Unit: "bytes" } range || first != request.From || (range.Length is { } whole && whole != blob.Size))
                throw CrunException.Integrity($"the server sends \"{Words.Clean(answer.Header("Content-Range") ?? "")}\" where bytes from {request.From} of {blob.Size} were asked for", request.What);
            begins = first;
        }
        if (headers.ContentLength is { } length && length + begins > blob.Size)
            throw CrunException.Integrity($"it has {length + begins} bytes where {blob.Size} were promised (from {answer.Endpoint.Name})", request.What);
        if (headers.ContentLength is { } shorter && shorter + begins < blob.Size && answer.Status == HttpStatusCode.OK)
            throw CrunException.Integrity($"it has {shorter} bytes where {blob.Size} were promised (from {answer.Endpoint.Name})", request.What);
        return begins;
    }

    private static string? StrongTag(Answer answer) =>
        answer.Header("ETag") is { Length: > 2 and < 1024 } tag && tag[0] == '"' && !tag.AsSpan().ContainsAnyExceptInRange(' ', '~') ? tag : null;

    // Null when the blob was mounted; else where it can be sent to.
    private async Task<Uri?> MountOrStartAsync(Digest digest, string from, CancellationToken cancellationToken)
    {
        _ = _repository.Client.Repository(from); // a valid path
        var request = _repository.Request(HttpMethod.Post, $"blobs/uploads/?mount={digest}&from={Uri.EscapeDataString(from)}", Access.Push, $"repository {_repository.FamiliarName}") with
        {
            Scopes = Scope.Push(_repository.Path, from),
            Body = Nothing,
            MostBytes = 64 * 1024,
        };
        using var answer = await Origin.Exchange.ExpectAsync(request, cancellationToken);
        return answer.Status == HttpStatusCode.Created ? null : SessionOf(request, answer);
    }

    private async Task<Uri> StartAsync(CancellationToken cancellationToken)
    {
        var request = _repository.Request(HttpMethod.Post, "blobs/uploads/", Access.Push, $"repository {_repository.FamiliarName}") with { Body = Nothing, MostBytes = 64 * 1024 };
        using var answer = await Origin.Exchange.ExpectAsync(request, cancellationToken);
        return SessionOf(request, answer);
    }

    // False when it failed, and was waited for another attempt.
    private async Task<bool> TrySendAsync(Uri session, Descriptor blob, Func<CancellationToken, ValueTask<Stream>> open, PushOptions how, int attempt, CancellationToken cancellationToken)
    {
        var sent = 0L;
        var request = _repository.Request(HttpMethod.Put, "", Access.Push, What(blob.Digest)) with
        {
            Target = UploadStream.WithDigest(session, blob.Digest),
            Body = watchdog => new UploadContent(open, blob.Size, watchdog, Count)
            {
                Headers = { ContentType = UploadStream.Bytes },
                ThinkingTime = UploadStream.ThinkingTime(_repository.Client.Options),
            },
            CanRepeat = false,
            IsTransfer = true,
            AsksFirst = attempt == 1 && blob.Size >= UploadStream.LeastToAskFirst,
            MostBytes = 64 * 1024,
        };
        var retry = Origin.Exchange.Retry;
        try
        {
            using var answer = await Origin.Exchange.SendAsync(request, cancellationToken);
            if (answer.Response.IsSuccessStatusCode) return true;
            // A token that ended meanwhile (the start of the next attempt gets a new one), a session that was forgotten, a server that is not well.
            var mayHelp = Retry.IsTransient(answer.Status)
                || (attempt == 1 && answer.Status is HttpStatusCode.Unauthorized or HttpStatusCode.NotFound or HttpStatusCode.ExpectationFailed);
            if (!mayHelp || !await retry.WaitAsync(attempt, answer.Response, cancellationToken)) throw Failure.Of(answer, request);
        }
        catch (CrunException error) when (error.InnerException is { } inner && Faults.IsTransient(inner))
        {
            if (!await retry.WaitAsync(attempt, inner, cancellationToken)) throw;
        }
        how.Progress?.Invoke(-sent);
        return false;

        void Count(int bytes)
        {
            sent += bytes;
            how.Progress?.Invoke(bytes);
        }
    }
}
