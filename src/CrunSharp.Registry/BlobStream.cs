using System.Security.Cryptography;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;

namespace CrunSharp.Registry;

/// <summary>
/// The bytes of a blob as they arrive. When the connection breaks or stalls, the stream goes on at the same byte over
/// another one; its end is an error unless length and digest are those that were promised.
/// </summary>
public sealed class BlobStream : Stream
{
    /// <summary>So many bytes from one connection, and the attempts are counted anew.</summary>
    private const int EnoughProgress = 64 * 1024;

    private readonly Descriptor _blob;
    private readonly RegistryOptions _options;
    private readonly Func<long, string?, CancellationToken, Task<BlobSource>> _open;
    private readonly IncrementalHash? _hash;
    private readonly Action<int>? _progress;
    private readonly string _what;
    private readonly CancellationToken _opened;
    private BlobSource _source;
    private Watchdog _watchdog;
    private long _position;
    private long _reopenedAt;
    private int _attempt;
    private long _windowStart;
    private TimeSpan _waited;
    private bool _isDone;

    internal BlobStream(Descriptor blob, string what, BlobOptions how, RegistryOptions options, BlobSource source,
        Func<long, string?, CancellationToken, Task<BlobSource>> open, CancellationToken cancellationToken)
    {
        (_blob, _what, _options, _source, _open, _progress) = (blob, what, options, source, open, how.Progress);
        (_position, _windowStart) = (how.From, how.From);
        _hash = how.LeavesDigestToReader ? null : IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        (_watchdog, _opened) = (new Watchdog(options.StallTimeout, options.Time, cancellationToken), cancellationToken);
    }

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => false;

    /// <summary>The size that was promised, in bytes.</summary>
    public override long Length => _blob.Size;

    /// <summary>How many bytes were read, those before the start included.</summary>
    public override long Position
    {
        get => _position;
        set => throw new NotSupportedException();
    }

    /// <summary>The server that the bytes come from: the registry, or a mirror.</summary>
    public string Server => _source.Name;

    /// <summary>Reads; 0 at the end, when length and digest were right.</summary>
    /// <exception cref="CrunException">The bytes are not those that were promised, or cannot be had any more.</exception>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (buffer.IsEmpty || _isDone) return 0;
        while (true)
        {
            try
            {
                var count = await ReceiveAsync(buffer, cancellationToken).ConfigureAwait(false);
                if (count == 0)
                {
                    if (_position < _blob.Size) throw new HttpIOException(HttpRequestError.ResponseEnded);
                    Verify();
                    return 0;
                }
                Account(buffer.Span[..count]);
                return count;
            }
            catch (Exception error) when (error is IOException or HttpRequestException or TimeoutException && Faults.IsTransient(error))
            {
                if (_position == _blob.Size && _blob.Size > 0)
                {
                    Verify(); // all bytes came, and then something broke
                    return 0;
                }
                await ReopenAsync(error, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <inheritdoc/>
    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <summary>Reads, and blocks the thread while nothing is there.</summary>
    /// <inheritdoc cref="ReadAsync(Memory{byte}, CancellationToken)"/>
    public override int Read(byte[] buffer, int offset, int count)
    {
        var read = ReadAsync(buffer.AsMemory(offset, count), CancellationToken.None);
        return read.IsCompletedSuccessfully ? read.Result : read.AsTask().GetAwaiter().GetResult();
    }

    /// <inheritdoc/>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _source.Dispose();
            _hash?.Dispose();
            _watchdog.Dispose();
        }
        base.Dispose(disposing);
    }

    private async ValueTask<int> ReceiveAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        // One byte past the end tells that there is more than was promised.
        var left = _blob.Size - _position;
        var wanted = left >= buffer.Length ? buffer : buffer[..(int)Math.Max(left, 1)];
        var started = _options.Time.GetTimestamp();
        _watchdog.Feed();
        using var both = cancellationToken.CanBeCanceled && cancellationToken != _opened
            ? CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _watchdog.Token) : null;
        try
        {
            var count = await _source.Stream.ReadAsync(wanted, both?.Token ?? _watchdog.Token).ConfigureAwait(false);
            NotTooSlow(count, _options.Time.GetElapsedTime(started));
            return count;
        }
        catch (OperationCanceledException) when (_watchdog.Barked && !cancellationToken.IsCancellationRequested)
        {
            throw _watchdog.Stalled();
        }
        finally
        {
            _watchdog.Sleep();
        }
    }

    // Only time that was spent waiting counts: whoever reads may take as long as they like.
    private void NotTooSlow(int count, TimeSpan waited)
    {
        _waited += waited;
        if (_waited < _options.StallTimeout) return;
        var received = _position + count - _windowStart;
        if (received < _options.LeastBytesPerSecond * _waited.TotalSeconds && _position + count < _blob.Size)
            throw new TimeoutException($"only {received} bytes were received in {_waited.TotalSeconds:0} s");
        (_waited, _windowStart) = (TimeSpan.Zero, _position + count);
    }

    private void Account(ReadOnlySpan<byte> bytes)
    {
        if (_position + bytes.Length > _blob.Size)
            throw CrunException.Integrity($"it has more than the {_blob.Size} bytes that were promised (from {_source.Name})", _what);
        _hash?.AppendData(bytes);
        _position += bytes.Length;
        if (_position - _reopenedAt >= EnoughProgress) _attempt = 0;
        _progress?.Invoke(bytes.Length);
    }

    private void Verify()
    {
        _isDone = true;
        if (_hash is null) return;
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        _hash.GetHashAndReset(hash);
        if (Digest.FromHash(hash) is var actual && actual != _blob.Digest)
            throw CrunException.Integrity($"its digest is {actual} where {_blob.Digest} was promised (from {_source.Name})", _what);
    }

    private async Task ReopenAsync(Exception error, CancellationToken cancellationToken)
    {
        var retry = new Retry(_options.Time, _options.MostAttempts);
        var explained = Faults.Explain(error, $"{_what} from {_source.Name} at byte {_position}");
        _options.Note?.Invoke(explained.Message);
        _source.Dispose();
        if (!await retry.WaitAsync(++_attempt, error, cancellationToken).ConfigureAwait(false)) throw explained;
        (_waited, _windowStart, _reopenedAt) = (TimeSpan.Zero, _position, _position);
        if (_watchdog.Barked)
        {
            _watchdog.Dispose();
            _watchdog = new Watchdog(_options.StallTimeout, _options.Time, _opened);
        }
        _source = await _open(_position, _source.EntityTag, cancellationToken).ConfigureAwait(false);
    }
}

/// <summary>A connection that a blob's bytes come over.</summary>
/// <param name="Response">The answer.</param>
/// <param name="Stream">Its body, at the byte that was asked for.</param>
/// <param name="Name">The server.</param>
/// <param name="EntityTag">What the server calls this version of the content.</param>
internal sealed record BlobSource(HttpResponseMessage Response, Stream Stream, string Name, string? EntityTag) : IDisposable
{
    public void Dispose()
    {
        Stream.Dispose();
        Response.Dispose();
    }
}
