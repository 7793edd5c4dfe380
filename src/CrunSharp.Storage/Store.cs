using System.Text;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;

namespace CrunSharp.Storage;

/// <summary>
/// Images, layers and content of one host, in one directory that any number of processes use at once. Opening it costs
/// one object: what is on disk is looked at when it is asked for.
/// </summary>
public sealed class Store : IDisposable
{
    /// <summary>Where the store is unless another place is asked for.</summary>
    public const string DefaultRoot = "/var/lib/crun-sharp";

    private readonly StoreDirectories _directories;
    private readonly Pins _pins = new();
    private readonly Drafts _drafts;

    private Store(string root, LayerLimits limits)
    {
        (Root, Limits) = (root, limits);
        _directories = new StoreDirectories(root);
        _drafts = new Drafts(_directories);
        Content = new ContentStore(_directories, _pins, _drafts);
        Layers = new LayerStore(_directories, _pins, _drafts, Content, new Lazy<string>(ReadBootId), limits);
        Images = new ImageStore(_directories, Content, Layers);
    }

    /// <summary>The store's directory.</summary>
    public string Root { get; }

    /// <summary>How much what comes from elsewhere may unpack to.</summary>
    public LayerLimits Limits { get; }

    /// <summary>Content by its digest.</summary>
    public ContentStore Content { get; }

    /// <summary>Layers by their diffIDs.</summary>
    public LayerStore Layers { get; }

    /// <summary>Images by id and name.</summary>
    public ImageStore Images { get; }

    internal StoreDirectories Directories => _directories;

    internal Pins Pins => _pins;

    internal Drafts Drafts => _drafts;

    /// <summary>Opens a store; its directories are made when something is put into them.</summary>
    /// <param name="root">An absolute path.</param>
    /// <param name="limits">How much what comes from elsewhere may unpack to; null for the usual.</param>
    public static Store Open(string root = DefaultRoot, LayerLimits? limits = null)
    {
        if (!Path.IsPathRooted(root)) throw new ArgumentException("the store's path is not absolute", nameof(root));
        return new Store(root.Length > 1 ? root.TrimEnd('/') : root, limits ?? LayerLimits.Default);
    }

    /// <summary>
    /// Waits until the layers that were added would survive a power cut: once, before the image made of them is added.
    /// It costs nothing when no layer was added.
    /// </summary>
    public void Sync() => Layers.MarkSynced(() => OpenFile.SyncFileSystem(_directories.Root));

    /// <summary>
    /// Begins to write to the disk what was added, while something else is done: <see cref="Sync"/> then waits less. A little
    /// is not worth it; more than 256 MiB is left to the kernel, as a process that is stopped ends only when the write does.
    /// </summary>
    public void BeginSync() => Layers.BeginSync(() => OpenFile.SyncFileSystem(_directories.Root));

    /// <summary>Waits for the right to bring a blob into the store; who has it looks again whether the blob is needed still.</summary>
    /// <param name="blob">The blob's digest.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task<TransferClaim> ClaimAsync(Oci.Digest blob, CancellationToken cancellationToken) =>
        TransferClaim.TakeAsync(_directories, _pins, blob, cancellationToken);

    /// <summary>Takes the right to do a piece of work; null when another has it.</summary>
    /// <param name="work">The kind of work: a word.</param>
    /// <param name="on">What it is done on.</param>
    public Claim? TryClaim(string work, Oci.Digest on) => Claim.TryTake(_directories, work, on);

    /// <summary>Waits for the right to do a piece of work; who has it looks again whether it is to be done still.</summary>
    /// <param name="work">The kind of work: a word.</param>
    /// <param name="on">What it is done on.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task<Claim> ClaimAsync(string work, Oci.Digest on, CancellationToken cancellationToken) => Claim.TakeAsync(_directories, work, on, cancellationToken);

    /// <summary>Removes what processes that were killed left unfinished; the first draft of a process does this as well.</summary>
    /// <returns>How many drafts there were.</returns>
    public int Sweep() => _drafts.Sweep();

    /// <summary>Lets go of all that was pinned.</summary>
    public void Dispose()
    {
        _pins.Dispose();
        _directories.Dispose();
    }

    private static string ReadBootId()
    {
        const string path = "/proc/sys/kernel/random/boot_id";
        using var file = FileAt.Open(null, path, OpenFlags.O_RDONLY);
        Span<byte> text = stackalloc byte[64];
        return Encoding.ASCII.GetString(text[..OpenFile.Read(file, text)]).Trim();
    }
}
