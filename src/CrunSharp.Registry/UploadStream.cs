using System.Buffers;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;

namespace CrunSharp.Registry;

/// <summary>
/// A blob that is sent in chunks while it is made. What is written is gathered into chunks; <see cref="CommitAsync(string)"/> ends
/// it. Disposed with <c>await using</c> before that, the registry is told to forget it.
/// </summary>
/// <seealso href="https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-a-blob-in-chunks"/>
public sealed class UploadStream : Stream
{
    /// <summary>The size of chunks.</summary>
    /// <value>8 MiB.</value>
    public const int UsualChunk = 8 * 1024 * 1024;

    internal const int MostChunk = 64 * 1024 * 1024;

    /// <summary>From this size on, a body is worth a question whether it is wanted.</summary>
    internal const int LeastToAskFirst = 1024 * 1024;

    private readonly Repository _repository;
    private readonly CancellationToken _cancellationToken;
    private readonly IncrementalHash? _hash;
    private readonly int _chunkSize;
    private byte[] _chunk;
    private int _count;
    private long _sent;
    private Uri? _session;

    internal UploadStream(Repository repository, Uri session, int chunkSize, bool isHashed, CancellationToken cancellationToken)
    {
        _hash = isHashed ? null : IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        (_repository, _session, _chunkSize, _cancellationToken) = (repository, session, Math.Min(chunkSize, MostChunk), cancellationToken);
        _chunk = ArrayPool<byte>.Shared.Rent(_chunkSize);
    }

    internal static MediaTypeHeaderValue Bytes { get; } = new("application/octet-stream");

    /// <inheritdoc/>
    public override bool CanRead => false;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => true;

    /// <inheritdoc/>
    public override long Length => _sent + _count;

    /// <summary>How many bytes were written.</summary>
    public override long Position
    {
        get => Length;
        set => throw new NotSupportedException();
    }

    /// <summary>Gets the number of bytes that the registry has just taken.</summary>
    public Action<int>? Progress { get; set; }

    private Exchange Exchange => _repository.Client.Origin.Exchange;

    /// <summary>Takes bytes; sends a chunk when it is full.</summary>
    /// <exception cref="CrunException">The registry refuses them, or cannot be reached any more.</exception>
    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_session is null, this);
        cancellationToken.ThrowIfCancellationRequested();
        while (buffer.Length > 0)
        {
            if (_count == _chunkSize) await SendChunkAsync().ConfigureAwait(false);
            var count = Math.Min(buffer.Length, _chunkSize - _count);
            buffer.Span[..count].CopyTo(_chunk.AsSpan(_count));
            _hash?.AppendData(buffer.Span[..count]);
            _count += count;
            buffer = buffer[count..];
        }
    }

    /// <inheritdoc/>
    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <summary>Takes bytes, and blocks the thread while a chunk is sent.</summary>
    /// <inheritdoc cref="WriteAsync(ReadOnlyMemory{byte}, CancellationToken)"/>
    public override void Write(byte[] buffer, int offset, int count)
    {
        var write = WriteAsync(buffer.AsMemory(offset, count), CancellationToken.None);
        if (write.IsCompletedSuccessfully) write.GetAwaiter().GetResult();
        else write.AsTask().GetAwaiter().GetResult();
    }

    /// <summary>Sends what is left, and makes it a blob.</summary>
    /// <param name="mediaType">What the descriptor says that it is.</param>
    /// <returns>The descriptor, with the digest and size of all that was written.</returns>
    /// <exception cref="InvalidOperationException">The writer wanted to hash it.</exception>
    /// <exception cref="CrunException">The registry refuses it, or has other bytes than were sent.</exception>
    public async Task<Descriptor> CommitAsync(string mediaType)
    {
        ObjectDisposedException.ThrowIf(_session is null, this);
        if (_hash is null) throw new InvalidOperationException("only the writer knows the digest");
        await FlushAsync(_cancellationToken).ConfigureAwait(false);
        var blob = new Descriptor { MediaType = mediaType, Digest = Digest.FromHash(_hash.GetHashAndReset()), Size = _sent };
        await CommitAsync(blob).ConfigureAwait(false);
        return blob;
    }

    /// <summary>Sends what is left, and makes it a blob whose digest the writer knows; the registry compares it.</summary>
    /// <param name="blob">What was written.</param>
    /// <exception cref="CrunException">The registry refuses it, or has other bytes than <paramref name="blob"/> says.</exception>
    public async Task CommitAsync(Descriptor blob)
    {
        ObjectDisposedException.ThrowIf(_session is null, this);
        await FlushAsync(_cancellationToken).ConfigureAwait(false);
        var request = Request(HttpMethod.Put, WithDigest(_session, blob.Digest)) with { Body = Blobs.Nothing, ThinkingTime = ThinkingTime(_repository.Client.Options) };
        using var answer = await Exchange.ExpectAsync(request, _cancellationToken).ConfigureAwait(false);
        _session = null;
    }

    /// <summary>Tells the registry to forget what was not committed.</summary>
    public override async ValueTask DisposeAsync()
    {
        var session = _session;
        await base.DisposeAsync().ConfigureAwait(false);
        if (session is not null) await CancelAsync(_repository, session, CancellationToken.None).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public override void Flush()
    {
    }

    /// <summary>Sends what is left. A registry may take no more after it, as it may want chunks of a least size.</summary>
    /// <exception cref="CrunException">The registry refuses it, or cannot be reached any more.</exception>
    public override async Task FlushAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (_count > 0) await SendChunkAsync().ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <summary>A session's address with the digest that ends it.</summary>
    internal static string WithDigest(Uri session, Digest digest) =>
        new UriBuilder(session) { Query = session.Query + (session.Query.Length > 1 ? "&" : "?") + "digest=" + Uri.EscapeDataString(digest.ToString()) }.Uri.AbsoluteUri;

    /// <summary>How long a registry may take to check what it has got.</summary>
    internal static TimeSpan ThinkingTime(RegistryOptions options) => options.StallTimeout * 10;

    /// <summary>Tells the registry to forget a session; whether it does is its own business.</summary>
    internal static async Task CancelAsync(Repository repository, Uri session, CancellationToken cancellationToken)
    {
        var request = repository.Request(HttpMethod.Delete, "", Access.Push, "upload") with { Target = session.AbsoluteUri, MostBytes = 64 * 1024, CanRepeat = false, ThinkingTime = TimeSpan.FromSeconds(5) };
        try
        {
            using var answer = await repository.Client.Origin.Exchange.SendAsync(request, cancellationToken).ConfigureAwait(false);
        }
        catch (CrunException error)
        {
            repository.Client.Options.Note?.Invoke($"an upload could not be cancelled: {error.Message}");
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing && _chunk.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(_chunk);
            (_chunk, _session) = ([], null);
            _hash?.Dispose();
        }
        base.Dispose(disposing);
    }

    private RegistryRequest Request(HttpMethod method, string target) =>
        _repository.Request(method, "", Access.Push, "upload") with { Target = target, MostBytes = 64 * 1024 };

    // After a fault nobody knows how much of the chunk is there: the registry is asked.
    private async Task SendChunkAsync()
    {
        var (start, retry) = (0, Exchange.Retry);
        for (var attempt = 1; ; attempt++)
        {
            var from = start;
            var request = Request(HttpMethod.Patch, _session!.AbsoluteUri) with
            {
                CanRepeat = false,
                IsTransfer = true,
                AsksFirst = attempt == 1 && _count >= LeastToAskFirst,
                Body = watchdog => Chunk(watchdog, from),
            };
            try
            {
                using var answer = await Exchange.SendAsync(request, _cancellationToken).ConfigureAwait(false);
                if (answer.Response.IsSuccessStatusCode)
                {
                    _session = answer.Location ?? _session;
                    Progress?.Invoke(_count - start);
                    (_sent, _count) = (_sent + _count, 0);
                    return;
                }
                var mayHelp = Retry.IsTransient(answer.Status) || answer.Status is HttpStatusCode.RequestedRangeNotSatisfiable || (attempt == 1 && answer.Status is HttpStatusCode.Unauthorized or HttpStatusCode.ExpectationFailed);
                if (!mayHelp || !await retry.WaitAsync(attempt, answer.Response, _cancellationToken).ConfigureAwait(false)) throw Failure.Of(answer, request);
            }
            catch (CrunException error) when (error.InnerException is { } inner && Faults.IsTransient(inner))
            {
                if (!await retry.WaitAsync(attempt, inner, _cancellationToken).ConfigureAwait(false)) throw;
            }
            start = await TakenAsync().ConfigureAwait(false);
            if (start != _count) continue;
            (_sent, _count) = (_sent + _count, 0);
            return;
        }
    }

    private UploadContent Chunk(Watchdog watchdog, int start)
    {
        var content = new UploadContent(_chunk.AsMemory(start, _count - start), watchdog, null)
        {
            Headers = { ContentType = Bytes },
            ThinkingTime = ThinkingTime(_repository.Client.Options),
        };
        content.Headers.TryAddWithoutValidation("Content-Range", $"{_sent + start}-{_sent + _count - 1}"); // without a unit, other than HTTP's
        return content;
    }

    // How many bytes of the chunk the registry has.
    private async Task<int> TakenAsync()
    {
        var request = Request(HttpMethod.Get, _session!.AbsoluteUri);
        using var answer = await Exchange.ExpectAsync(request, _cancellationToken).ConfigureAwait(false);
        _session = answer.Location ?? _session;
        var range = (answer.Header("Range") ?? "").Split('=')[^1].Split('-');
        var end = range.Length == 2 && long.TryParse(range[1], out var last) ? last + 1 : 0;
        if (end == 1 && range[0] == "0" && _sent == 0) end = 0; // "0-0" is what registries say for nothing
        return end >= _sent && end <= _sent + _count ? (int)(end - _sent)
            : throw CrunException.Integrity($"the registry has {end} bytes of the upload where {_sent} to {_sent + _count} were sent", Failure.Operation(request, answer));
    }
}
