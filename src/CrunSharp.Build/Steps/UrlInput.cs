using CrunSharp.Build.Cache;
using CrunSharp.Build.Dockerfile;
using CrunSharp.Build.Graph;
using CrunSharp.Build.Remote;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci;
using CrunSharp.Storage;

namespace CrunSharp.Build.Steps;

/// <summary>A file that comes by HTTP: owned by root, and nobody else may read it.</summary>
/// <param name="Downloads">Fetches it.</param>
/// <param name="Address">Where it is.</param>
/// <param name="Content">The digest that it has, or has to have.</param>
/// <param name="Unpacks">Whether it is unpacked if it is an archive.</param>
/// <param name="Show">Shows that it is fetched, until the result is disposed.</param>
internal sealed record UrlInput(Downloads Downloads, Uri Address, Digest Content, bool Unpacks, Func<string, IDisposable> Show) : ICopyInput
{
    private const uint Mode = 0x180;

    private string Name => WebAddress.NameOf(Address);

    /// <summary>Finds out what content an address has, unless it is said; it is fetched for that if it changed.</summary>
    /// <exception cref="CrunException">It cannot be had.</exception>
    public static async Task<UrlInput> FindAsync(Downloads downloads, Uri address, Digest? expected, bool unpacks, Func<string, IDisposable> show, CancellationToken cancellationToken)
    {
        var content = expected ?? (await downloads.GetAsync(address, null, () => show(Shown(address)), cancellationToken).ConfigureAwait(false)).Content;
        return new UrlInput(downloads, address, content, unpacks, show);
    }

    public void AppendTo(KeyHash hash, CopyRules rules)
    {
        hash.Append(Unpacks ? "unpacked" : "file");
        Node(new FileStatus { Kind = FileKind.Regular }, default).AppendTo(hash, Name, rules);
    }

    public async Task WriteAsync(CopyTarget target, CancellationToken cancellationToken)
    {
        var download = await Downloads.GetAsync(Address, Content, () => Show(Shown(Address)), cancellationToken).ConfigureAwait(false);
        var tree = new SourceTree(LayerView.OfDirectory(download.Directory), DockerIgnore.None, Index: null, MayChange: false);
        var file = new CopySource(Node(FileAt.Status(download.Directory, Content.Hex), download.Modified), "/", Name);
        await new TreeInput(tree, file, Unpacks && ArchiveUnpacker.IsArchive(tree, file)).WriteAsync(target, cancellationToken).ConfigureAwait(false);
    }

    private static string Shown(Uri address) => WebAddress.Redact(address.OriginalString);

    private CopyNode Node(in FileStatus status, FileTime modified)
    {
        var node = new CopyTree().Add(Content.Hex, default, status with { Mode = Mode, Uid = 0, Gid = 0, Links = 1, Modified = modified }, "", []);
        node.Content = ContentHash.Of(Content);
        return node;
    }
}
