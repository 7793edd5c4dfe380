using CrunSharp.Oci;

namespace CrunSharp.Storage;

/// <summary>
/// The right to bring a blob into the store, which one process has at a time: whoever comes second waits, and then finds
/// what the first one has brought.
/// </summary>
public sealed class TransferClaim : IDisposable
{
    private const string Work = "transfer";
    private readonly StoreDirectories _directories;
    private readonly Pins _pins;
    private readonly Digest _blob;
    private readonly Claim _held;

    private TransferClaim(StoreDirectories directories, Pins pins, Digest blob, Claim held) =>
        (_directories, _pins, _blob, _held) = (directories, pins, blob, held);

    /// <summary>Goes on with what has arrived of the blob, or begins.</summary>
    /// <param name="size">The blob's size in bytes.</param>
    /// <exception cref="CrunException">Its file cannot be made.</exception>
    public PartialBlob Resume(long size) => PartialBlob.Open(_directories, _pins, _blob, size);

    /// <summary>Gives it back.</summary>
    public void Dispose() => _held.Dispose();

    internal static async Task<TransferClaim> TakeAsync(StoreDirectories directories, Pins pins, Digest blob, CancellationToken cancellationToken) =>
        new(directories, pins, blob, await Claim.TakeAsync(directories, Work, blob, cancellationToken).ConfigureAwait(false));
}
