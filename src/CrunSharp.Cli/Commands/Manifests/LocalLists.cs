using CrunSharp.Cli.CommandLine;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;

namespace CrunSharp.Cli.Commands.Manifests;

/// <summary>Lists of manifests that are being put together here, until they are pushed: each is a file, an index.</summary>
/// <param name="context">The command's world.</param>
internal sealed class LocalLists(CommandContext context)
{
    private const int MostBytes = 4 * 1024 * 1024;

    // Where an entry comes from; registries do not get to see it.
    private const string Source = "crun-sharp.source";

    private readonly string _folder = Path.Combine(context.Global.RootOf(context), "manifests");

    /// <summary>A list; null when there is none of that name.</summary>
    public ImageIndex? TryFind(ImageReference name) =>
        AtomicFile.TryRead(null, FileOf(name), MostBytes) is { } json ? ImageJson.ReadIndex(json) : null;

    /// <summary>A list.</summary>
    /// <exception cref="CrunException">There is none of that name.</exception>
    public ImageIndex Find(ImageReference name) => TryFind(name) ?? throw CrunException.NotFound($"No such manifest: {name.Familiar}");

    /// <summary>Keeps a list.</summary>
    public void Write(ImageReference name, ImageIndex list)
    {
        FileAt.MakeDirectories(_folder, 0x1c0);
        AtomicFile.Write(null, FileOf(name), ImageJson.Write(list));
    }

    /// <summary>Forgets a list; false when there is none of that name.</summary>
    public bool Remove(ImageReference name) => FileAt.Remove(null, FileOf(name));

    /// <summary>What an image's name is in a list.</summary>
    public static Descriptor EntryOf(ImageReference source, Descriptor manifest, Platform? platform) =>
        manifest with { Platform = platform, Annotations = new Dictionary<string, string> { [Source] = source.ToString() } };

    /// <summary>The name that an entry came from.</summary>
    /// <exception cref="CrunException">The file was changed.</exception>
    public static ImageReference SourceOf(Descriptor entry) => entry.Annotations?.GetValueOrDefault(Source) is { } text
        ? ImageReference.Parse(text) : throw CrunException.Integrity($"the entry {entry.Digest} says not where it comes from", "read manifest list");

    /// <summary>The list as registries get it.</summary>
    public static (string MediaType, byte[] Bytes) Format(ImageIndex list)
    {
        var isDockers = list.Manifests.All(static entry => entry.MediaType == MediaTypes.DockerManifest);
        var type = isDockers ? MediaTypes.DockerManifestList : MediaTypes.Index;
        return (type, ImageJson.Write(list with { MediaType = type, Manifests = [.. list.Manifests.Select(static entry => entry with { Annotations = null })] }));
    }

    private string FileOf(ImageReference name) => Path.Combine(_folder, Uri.EscapeDataString(name.ToString()) + ".json");
}
