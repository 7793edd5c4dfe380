using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Commands.Images;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;

namespace CrunSharp.Cli.Commands.Manifests;

/// <summary><c>manifest create</c>: starts a list of images that are in a registry, one for each platform.</summary>
internal sealed class CreateManifestCommand : Command
{
    private static readonly Option[] Table =
    [
        new Flag<CreateManifestCommand>("amend", 'a', "Add to a list that is there", static (o, v) => o._amend = v),
        new Flag<CreateManifestCommand>("insecure", '\0', "Do without TLS, or without a check of its certificate", static (o, v) => o._verifyTls = !v),
        RegistryAccess.TlsOption<CreateManifestCommand>(static (o, v) => o._verifyTls = v),
    ];

    private bool _amend;
    private bool _verifyTls = true;

    public override string Synopsis => "[OPTIONS] MANIFEST_LIST MANIFEST...";
    public override Option[] Options => Table;
    public override int LeastOperands => 2;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        var name = ImageReference.Parse(operands[0]);
        if (name.Digest is not null) throw CrunException.Invalid("a list is named by a tag, not by a digest");
        var lists = new LocalLists(context);
        var known = lists.TryFind(name);
        if (known is not null && !_amend) throw CrunException.Exists("refusing to amend an existing manifest list with no --amend flag");
        var entries = (known?.Manifests ?? []).ToList();
        foreach (var operand in operands.Skip(1))
        {
            var entry = EntryAsync(context, ImageReference.Parse(operand)).GetAwaiter().GetResult();
            entries.RemoveAll(e => LocalLists.SourceOf(e) == LocalLists.SourceOf(entry));
            entries.Add(entry);
        }
        lists.Write(name, new ImageIndex { Manifests = entries });
        context.Out.WriteLine($"Created manifest list {name}");
        return ExitCodes.Success;
    }

    private async Task<Descriptor> EntryAsync(CommandContext context, ImageReference source)
    {
        using var client = RegistryAccess.Open(context, source.Host, _verifyTls);
        var repository = client.Repository(source);
        var manifest = await ManifestDocument.GetAsync(repository, source, CancellationToken.None);
        if (manifest.IsIndex) throw CrunException.Invalid($"{source.Familiar} is a manifest list");
        return LocalLists.EntryOf(source, manifest.Descriptor, await ManifestDocument.PlatformOfAsync(repository, manifest, CancellationToken.None));
    }
}
