using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;

namespace CrunSharp.Storage;

/// <summary>
/// The right to bring a blob into the store, which one process has at a time: whoever comes second waits, and then finds
/// what the first one has brought. It is a file in <c>tmp</c> whose lock dies with its holder, and is swept like a draft.
/// </summary>
public sealed class TransferClaim : IDisposable
{
    private static readonly TimeSpan s_shortest = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan s_longest = TimeSpan.FromMilliseconds(100);
    private readonly StoreDirectories _directories;
    private readonly Pins _pins;
    private readonly Digest _blob;
    private readonly FileLock _held;

    private TransferClaim(StoreDirectories directories, Pins pins, Digest blob, FileLock held) =>
        (_directories, _pins, _blob, _held) = (directories, pins, blob, held);

    /// <summary>Goes on with what has arrived of the blob, or begins.</summary>
    /// <param name="size">The blob's size in bytes.</param>
    /// <exception cref="CrunException">Its file cannot be made.</exception>
    public PartialBlob Resume(long size) => PartialBlob.Open(_directories, _pins, _blob, size);

    /// <summary>Gives it back.</summary>
    public void Dispose()
    {
        FileAt.Remove(_directories.Drafts, NameOf(_blob));
        _held.Dispose();
    }

    internal static async Task<TransferClaim> TakeAsync(StoreDirectories directories, Pins pins, Digest blob, CancellationToken cancellationToken)
    {
        var name = NameOf(blob);
        for (var wait = s_shortest; ; wait = wait * 2 < s_longest ? wait * 2 : s_longest)
        {
            cancellationToken.ThrowIfCancellationRequested();
            FileAt.Open(directories.Drafts, name, OpenFlags.O_RDWR | OpenFlags.O_CREAT | OpenFlags.O_NOFOLLOW, 0x180).Dispose();
            if (FileLock.TryExisting(directories.Drafts, name, shared: false, wait: false) is { } held) return new TransferClaim(directories, pins, blob, held);
            await Task.Delay(wait, cancellationToken).ConfigureAwait(false);
        }
    }

    private static string NameOf(Digest blob) => $"transfer-{blob.Hex}";
}
