using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Commands.Images;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;
using CrunSharp.Registry;

namespace CrunSharp.Cli.Commands.Manifests;

/// <summary><c>manifest push</c>: sends a list to the registry, and brings its images into the list's repository.</summary>
internal sealed class PushManifestCommand : Command
{
    private static readonly Option[] Table =
    [
        new Flag<PushManifestCommand>("insecure", '\0', "Do without TLS, or without a check of its certificate", static (o, v) => o._verifyTls = !v),
        new Flag<PushManifestCommand>("purge", 'p', "Forget the list here afterwards", static (o, v) => o._purge = v),
        RegistryAccess.TlsOption<PushManifestCommand>(static (o, v) => o._verifyTls = v),
    ];

    private bool _purge;
    private bool _verifyTls = true;

    public override string Synopsis => "[OPTIONS] MANIFEST_LIST";
    public override Option[] Options => Table;
    public override int LeastOperands => 1;
    public override int MostOperands => 1;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        var name = ImageReference.Parse(operands[0]);
        var lists = new LocalLists(context);
        var list = lists.Find(name);
        foreach (var entry in list.Manifests)
        {
            if (LocalLists.SourceOf(entry).Host != name.Host)
                throw CrunException.Invalid($"cannot use source images from a different registry than the target image: {LocalLists.SourceOf(entry).Host} != {name.Host}");
            if (entry.Platform is null) throw CrunException.Invalid($"{LocalLists.SourceOf(entry).Familiar} does not say its platform: use '{context.Program} manifest annotate'");
        }
        PushAsync(context, name, list).GetAwaiter().GetResult();
        if (_purge) lists.Remove(name);
        return ExitCodes.Success;
    }

    private async Task PushAsync(CommandContext context, ImageReference name, ImageIndex list)
    {
        using var client = RegistryAccess.Open(context, name.Host, _verifyTls);
        var target = client.Repository(name);
        foreach (var entry in list.Manifests)
        {
            await CopyAsync(client.Repository(LocalLists.SourceOf(entry)), target, entry, CancellationToken.None);
            var pushed = $"{name.Host}/{name.Path}@{entry.Digest}";
            context.Out.WriteLine($"Pushed ref {pushed} with digest: {entry.Digest}");
        }
        var (type, bytes) = LocalLists.Format(list);
        context.Out.WriteLine(await target.Manifests.PutAsync(name.Tag!, type, bytes, CancellationToken.None));
    }

    // Blobs are mounted; a registry that does not do that gets them once more.
    private static async Task CopyAsync(Repository source, Repository target, Descriptor entry, CancellationToken cancellationToken)
    {
        if (source.Path == target.Path) return;
        var manifest = await source.Manifests.GetAsync(entry.Digest, cancellationToken);
        var document = manifest.ReadManifest();
        foreach (var blob in document.Layers.Append(document.Config))
        {
            await target.Blobs.PushAsync(blob, async cancel => await source.Blobs.OpenAsync(blob, null, cancel),
                new PushOptions { MountFrom = [source.Path] }, cancellationToken);
        }
        await target.Manifests.PutAsync(entry.Digest.ToString(), manifest.MediaType, manifest.Bytes, cancellationToken);
    }
}
