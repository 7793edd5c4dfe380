using System.Buffers;
using System.Net;
using CrunSharp.Oci;

namespace CrunSharp.Registry;

/// <summary>A body of known length: what is sent counts as progress.</summary>
internal sealed class UploadContent : HttpContent
{
    private const int PieceSize = 128 * 1024;

    private readonly Func<CancellationToken, ValueTask<Stream>>? _open;
    private readonly ReadOnlyMemory<byte> _bytes;
    private readonly long _length;
    private readonly Watchdog _watchdog;
    private readonly Action<int>? _progress;

    public UploadContent(ReadOnlyMemory<byte> bytes, Watchdog watchdog, Action<int>? progress) =>
        (_bytes, _length, _watchdog, _progress) = (bytes, bytes.Length, watchdog, progress);

    public UploadContent(Func<CancellationToken, ValueTask<Stream>> open, long length, Watchdog watchdog, Action<int>? progress) =>
        (_open, _length, _watchdog, _progress) = (open, length, watchdog, progress);

    /// <summary>How long the server may think after the last byte; null for the usual time.</summary>
    public TimeSpan? ThinkingTime { get; init; }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        if (_open is null) await SendAsync(stream, _bytes, cancellationToken);
        else await CopyAsync(stream, cancellationToken);
        if (ThinkingTime is { } time) _watchdog.Feed(time);
    }

    protected override bool TryComputeLength(out long length)
    {
        length = _length;
        return true;
    }

    private async Task SendAsync(Stream stream, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        for (var rest = bytes; rest.Length > 0;)
        {
            var piece = rest[..Math.Min(rest.Length, PieceSize)];
            _watchdog.Feed();
            await stream.WriteAsync(piece, cancellationToken);
            _progress?.Invoke(piece.Length);
            rest = rest[piece.Length..];
        }
        _watchdog.Feed();
    }

    private async Task CopyAsync(Stream stream, CancellationToken cancellationToken)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(PieceSize);
        try
        {
            await using var source = await OpenAsync(cancellationToken);
            for (var left = _length; left > 0;)
            {
                _watchdog.Sleep(); // our own side takes its time
                var count = await ReadAsync(source, buffer.AsMemory(0, (int)Math.Min(left, PieceSize)), cancellationToken);
                if (count == 0) throw new SourceException($"the content to send has {_length - left} bytes where {_length} were promised", null);
                await SendAsync(stream, buffer.AsMemory(0, count), cancellationToken);
                left -= count;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private async ValueTask<Stream> OpenAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await _open!(cancellationToken);
        }
        catch (Exception error) when (error is not OperationCanceledException)
        {
            throw new SourceException(CrunException.Of(error).Message, error);
        }
    }

    private static async ValueTask<int> ReadAsync(Stream source, Memory<byte> buffer, CancellationToken cancellationToken)
    {
        try
        {
            return await source.ReadAsync(buffer, cancellationToken);
        }
        catch (Exception error) when (error is not OperationCanceledException)
        {
            throw new SourceException(CrunException.Of(error).Message, error);
        }
    }
}

/// <summary>What is to be sent cannot be read: the other side is not to blame, and trying again is no use.</summary>
internal sealed class SourceException(string message, Exception? inner) : Exception(message, inner);
