using System.Buffers;
using System.Threading.Channels;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;
using CrunSharp.Registry;

namespace CrunSharp.Engine.Transfers;

/// <summary>
/// Sends a layer while it is compressed. Before its end nobody knows its digest, and cannot ask whether the registry has it:
/// so this is for large layers and for registries that take it as fast as it is made. Else it is given up soon, and
/// the layer goes the usual way.
/// </summary>
/// <param name="repository">Where to.</param>
/// <param name="cancellationToken">Ends it.</param>
internal sealed class EarlyUpload(Repository repository, CancellationToken cancellationToken) : WriteStream
{
    private const int LeastBytes = UploadStream.UsualChunk;
    private const int MostWaiting = 4 * UploadStream.UsualChunk;
    private readonly Channel<ArraySegment<byte>> _pieces = Channel.CreateUnbounded<ArraySegment<byte>>(new UnboundedChannelOptions { SingleReader = true });
    private readonly CancellationTokenSource _ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
    private readonly CancellationTokenSource _slow = new();
    private readonly TaskCompletionSource<Descriptor> _made = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task? _sending;
    private int _waiting;

    /// <summary>Takes what was compressed.</summary>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        if (_slow.IsCancellationRequested || _ending.IsCancellationRequested) return;
        var waiting = Interlocked.Add(ref _waiting, buffer.Length);
        if (waiting > MostWaiting)
        {
            _slow.Cancel(); // the registry is slower than this, and may better be asked first
            return;
        }
        var piece = ArrayPool<byte>.Shared.Rent(buffer.Length);
        buffer.CopyTo(piece);
        _pieces.Writer.TryWrite(new ArraySegment<byte>(piece, 0, buffer.Length));
        if (_sending is null && waiting >= LeastBytes) _sending = Task.Run(SendAsync, CancellationToken.None);
    }

    /// <summary>Sends what is left, as all was written.</summary>
    public override void Flush() => _pieces.Writer.TryComplete();

    /// <summary>Ends it; whether the registry has the layer now.</summary>
    /// <param name="blob">What all that was written is.</param>
    public async Task<bool> FinishAsync(Descriptor blob)
    {
        _pieces.Writer.TryComplete();
        if (_sending is null) return false;
        try
        {
            _made.TrySetResult(blob);
            await _sending.ConfigureAwait(false);
            return true;
        }
        catch (Exception error) when (error is CrunException || (error is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return false; // the usual way has more patience, or tells what is wrong
        }
    }

    /// <summary>Gives it up if it has not ended.</summary>
    public override async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync().ConfigureAwait(false);
        if (_sending is not null) await _sending.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _ending.Dispose();
        _slow.Dispose();
        await base.DisposeAsync().ConfigureAwait(false);
    }

    private async Task SendAsync()
    {
        var upload = await repository.Blobs.StartUploadAsync(0, _ending.Token, isHashed: true).ConfigureAwait(false);
        await using var _ = upload.ConfigureAwait(false);
        using var givesUp = _slow.Token.Register(_ending.Cancel); // not before there is something to take back
        await foreach (var piece in _pieces.Reader.ReadAllAsync(_ending.Token).ConfigureAwait(false))
        {
            await upload.WriteAsync(piece, _ending.Token).ConfigureAwait(false);
            Interlocked.Add(ref _waiting, -piece.Count);
            ArrayPool<byte>.Shared.Return(piece.Array!);
        }
        await upload.FlushAsync(_ending.Token).ConfigureAwait(false);
        await upload.CommitAsync(await _made.Task.WaitAsync(_ending.Token).ConfigureAwait(false)).ConfigureAwait(false);
    }
}
