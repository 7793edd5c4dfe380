using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using CrunSharp.Registry;
using CrunSharp.Storage;

namespace CrunSharp.Cli.Commands.Images;

/// <summary>A root file system's tar that was fetched by HTTP. It is among the store's drafts, and goes with this.</summary>
internal sealed class RootfsDownload : IDisposable
{
    private readonly LayerDraft _draft;

    private RootfsDownload(LayerDraft draft, Stream content) => (_draft, Content) = (draft, content);

    /// <summary>The tar, compressed or not.</summary>
    public Stream Content { get; }

    /// <summary>The address that a command was given; null for a file's path.</summary>
    /// <param name="source">The command's operand.</param>
    /// <exception cref="CrunException">It is an address of another kind, or none.</exception>
    public static Uri? AddressOf(string source)
    {
        if (!source.Contains("://", StringComparison.Ordinal) || File.Exists(source)) return null;
        return Uri.TryCreate(source, UriKind.Absolute, out var address) && address.Scheme is "http" or "https" && address.Host.Length > 0
            ? address : throw CrunException.Invalid("only http:// and https:// can be fetched");
    }

    /// <summary>An address without the user's name and password.</summary>
    public static string Redact(Uri address) => address.GetComponents(UriComponents.AbsoluteUri & ~UriComponents.UserInfo, UriFormat.UriEscaped);

    /// <summary>Fetches a file; what stalls or fails in passing is tried again.</summary>
    /// <param name="store">Where it is kept; its limit of bytes is the file's.</param>
    /// <param name="address">The address.</param>
    /// <exception cref="CrunException">The server cannot be reached, does not give it, or it is too large; nothing is left of it.</exception>
    public static RootfsDownload Fetch(Store store, Uri address)
    {
        var draft = store.Layers.Begin();
        try
        {
            var content = new FileStream(FileAt.Open(draft.Directory, "download", OpenFlags.O_RDWR | OpenFlags.O_CREAT | OpenFlags.O_EXCL, 0x180), FileAccess.ReadWrite, bufferSize: 1);
            try
            {
                using var client = new WebClient(new RegistryOptions { UserAgent = $"crun-sharp/{ProductVersion.Text}", MostAttempts = 4 });
                client.FetchAsync(address, null, content, store.Limits.Bytes, CancellationToken.None).GetAwaiter().GetResult();
                content.Position = 0;
                return new RootfsDownload(draft, content);
            }
            catch
            {
                content.Dispose();
                throw;
            }
        }
        catch
        {
            draft.Dispose();
            throw;
        }
    }

    /// <summary>Removes it.</summary>
    public void Dispose()
    {
        Content.Dispose();
        _draft.Dispose();
    }
}
