using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;

namespace CrunSharp.Storage;

/// <summary>
/// The right to do a piece of work that one process has at a time: whoever comes second waits, and then finds what the first
/// one has done, or does it. It is a file in <c>tmp</c> whose lock dies with its holder, and is swept like a draft.
/// </summary>
public sealed class Claim : IDisposable
{
    private static readonly TimeSpan s_shortest = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan s_longest = TimeSpan.FromMilliseconds(100);
    private readonly StoreDirectories _directories;
    private readonly string _name;
    private readonly FileLock _held;

    private Claim(StoreDirectories directories, string name, FileLock held) => (_directories, _name, _held) = (directories, name, held);

    /// <summary>Gives it back.</summary>
    public void Dispose()
    {
        FileAt.Remove(_directories.Drafts, _name);
        _held.Dispose();
    }

    internal static Claim? TryTake(StoreDirectories directories, string work, Digest on)
    {
        var name = $"{work}-{on.Hex}";
        FileAt.Open(directories.Drafts, name, OpenFlags.O_RDWR | OpenFlags.O_CREAT | OpenFlags.O_NOFOLLOW, 0x180).Dispose();
        return FileLock.TryExisting(directories.Drafts, name, shared: false, wait: false) is { } held ? new Claim(directories, name, held) : null;
    }

    internal static async Task<Claim> TakeAsync(StoreDirectories directories, string work, Digest on, CancellationToken cancellationToken)
    {
        for (var wait = s_shortest; ; wait = wait * 2 < s_longest ? wait * 2 : s_longest)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (TryTake(directories, work, on) is { } mine) return mine;
            await Task.Delay(wait, cancellationToken).ConfigureAwait(false);
        }
    }
}
