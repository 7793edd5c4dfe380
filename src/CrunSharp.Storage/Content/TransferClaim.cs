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
    private readonly string _name;
    private readonly FileLock _held;

    private TransferClaim(StoreDirectories directories, string name, FileLock held) => (_directories, _name, _held) = (directories, name, held);

    /// <summary>Gives it back.</summary>
    public void Dispose()
    {
        FileAt.Remove(_directories.Drafts, _name);
        _held.Dispose();
    }

    internal static async Task<TransferClaim> TakeAsync(StoreDirectories directories, Digest blob, CancellationToken cancellationToken)
    {
        var name = $"transfer-{blob.Hex}";
        for (var wait = s_shortest; ; wait = wait * 2 < s_longest ? wait * 2 : s_longest)
        {
            cancellationToken.ThrowIfCancellationRequested();
            FileAt.TryOpen(directories.Drafts, name, OpenFlags.O_RDWR | OpenFlags.O_CREAT | OpenFlags.O_NOFOLLOW, out _, 0x180)?.Dispose();
            if (FileLock.TryExisting(directories.Drafts, name, shared: false, wait: false) is { } held) return new TransferClaim(directories, name, held);
            await Task.Delay(wait, cancellationToken).ConfigureAwait(false);
        }
    }
}
