using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;

namespace CrunSharp.Storage;

/// <summary>
/// What has arrived of a blob, in a file of <c>tmp</c> that stays when the process is killed or the way is cut, so that the
/// next one goes on where it ended. Nothing of it is believed: the blob's digest decides in the end.
/// </summary>
/// <remarks>
/// Who has the blob's <see cref="TransferClaim"/> writes it; its lock keeps others from sweeping it. When nobody goes on with
/// it, it is swept after a day, and by a prune at once.
/// </remarks>
public sealed class PartialBlob : IDisposable
{
    private const string Prefix = "partial-";

    // What is shorter is fetched again in less time than it takes to ask for the rest.
    private const long LeastKept = 64 * 1024;
    private const long LongestKept = 24 * 60 * 60; // s
    private readonly StoreDirectories _directories;
    private readonly Pins _pins;
    private readonly string _name;

    private PartialBlob(StoreDirectories directories, Pins pins, string name, BlobDraft draft) =>
        (_directories, _pins, _name, Draft) = (directories, pins, name, draft);

    /// <summary>How many of its first bytes are here.</summary>
    public long Count { get; private set; }

    /// <summary>Whether what is here is, or may be, of no use.</summary>
    public bool IsSpoilt { get; private set; }

    internal BlobDraft Draft { get; private set; }

    /// <summary>Forgets what is here, which was not right.</summary>
    public void Restart()
    {
        Remove();
        Draft.Dispose();
        (Draft, Count, IsSpoilt) = (Open(_directories, _pins, _name, 0), 0, false);
    }

    /// <summary>Notes what ended the transfer: what arrived is of use later when that was the way's fault, or somebody's wish.</summary>
    public void Blame(Exception cause) =>
        IsSpoilt = cause is not (OperationCanceledException or CrunException { Kind: ErrorKind.Network or ErrorKind.Denied });

    /// <summary>Lets go of it. It stays for the next attempt, unless it is of no use to it.</summary>
    public void Dispose()
    {
        if (!Draft.IsPublished && (IsSpoilt || Draft.Length < LeastKept)) Remove();
        Draft.Dispose();
    }

    internal static PartialBlob Open(StoreDirectories directories, Pins pins, Digest blob, long size)
    {
        var name = Prefix + blob.Hex;
        var draft = Open(directories, pins, name, size);
        return new PartialBlob(directories, pins, name, draft) { Count = draft.Length };
    }

    /// <summary>The blob's bytes: those that are here, and then the others.</summary>
    internal Stream Followed(Stream rest) => new FollowedStream(Draft.Arrived(Count), rest);

    /// <summary>Whether a file of <c>tmp</c> is what arrived of a blob.</summary>
    internal static bool IsName(string name) => name.StartsWith(Prefix, StringComparison.Ordinal);

    /// <summary>Whether a file of <c>tmp</c> waits for the next attempt.</summary>
    internal static bool IsAwaited(StoreDirectories directories, string name) =>
        IsName(name) && FileAt.TryStatus(directories.Drafts, name) is { Kind: FileKind.Regular, Size: >= LeastKept } status
        && Math.Abs(TimeProvider.System.GetUtcNow().ToUnixTimeSeconds() - status.Modified.Seconds) < LongestKept;

    private static BlobDraft Open(StoreDirectories directories, Pins pins, string name, long size)
    {
        for (; ; )
        {
            FileAt.Open(directories.Drafts, name, OpenFlags.O_RDONLY | OpenFlags.O_CREAT | OpenFlags.O_NOFOLLOW, 0x180).Dispose();
            // Another process may have swept it since.
            if (FileLock.TryExisting(directories.Drafts, name, shared: true, wait: true) is not { } held) continue;
            try
            {
                var file = FileAt.Open(directories.Drafts, name, OpenFlags.O_RDWR | OpenFlags.O_NOFOLLOW);
                if (FileAt.Status(file).Size > size) OpenFile.SetSize(file, 0);
                return new BlobDraft(directories, pins, file, name, held);
            }
            catch
            {
                held.Dispose();
                throw;
            }
        }
    }

    private void Remove() => FileAt.Remove(_directories.Drafts, _name);

    private sealed class FollowedStream(Stream first, Stream rest) : ReadStream
    {
        private bool _isFirstOver;

        public override int Read(Span<byte> buffer)
        {
            if (!_isFirstOver && first.Read(buffer) is var count && (count > 0 || buffer.IsEmpty)) return count;
            _isFirstOver = true;
            return rest.Read(buffer);
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                first.Dispose();
                rest.Dispose();
            }
            base.Dispose(disposing);
        }
    }
}
