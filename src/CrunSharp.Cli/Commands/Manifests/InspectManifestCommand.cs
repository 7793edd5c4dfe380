using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Commands.Images;
using CrunSharp.Cli.Output;
using CrunSharp.Oci;
using CrunSharp.Registry;

namespace CrunSharp.Cli.Commands.Manifests;

/// <summary><c>manifest inspect</c>: shows a manifest or a list of them as it is in the registry, or a list that is put together here; nothing is pulled.</summary>
internal sealed class InspectManifestCommand : Command
{
    private static readonly Option[] Table =
    [
        new Flag<InspectManifestCommand>("insecure", '\0', "Do without TLS, or without a check of its certificate", static (o, v) => o._verifyTls = !v),
        RegistryAccess.TlsOption<InspectManifestCommand>(static (o, v) => o._verifyTls = v),
        new Flag<InspectManifestCommand>("verbose", 'v', "Also the platforms, and the manifests of a list", static (o, v) => o._verbose = v),
    ];

    private bool _verbose;
    private bool _verifyTls = true;

    public override string Synopsis => "[OPTIONS] [MANIFEST_LIST] MANIFEST";
    public override Option[] Options => Table;
    public override int LeastOperands => 1;
    public override int MostOperands => 2;
    public override bool NeedsRoot => false;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        var name = ImageReference.Parse(operands[^1]);
        var lists = new LocalLists(context);
        if (operands.Count == 2) Require(lists, ImageReference.Parse(operands[0]), name);
        else if (!_verbose && Environment.IsPrivilegedProcess && lists.TryFind(name) is { } list)
        {
            context.Out.WriteLine(JsonText.Indent(LocalLists.Format(list).Bytes, "   "));
            return ExitCodes.Success;
        }
        using var client = RegistryAccess.Open(context, name.Host, _verifyTls);
        context.Out.WriteLine(TextAsync(client.Repository(name), name, CancellationToken.None).GetAwaiter().GetResult());
        return ExitCodes.Success;
    }

    private static void Require(LocalLists lists, ImageReference name, ImageReference source)
    {
        if (!lists.Find(name).Manifests.Any(entry => LocalLists.SourceOf(entry) == source))
            throw CrunException.NotFound($"manifest for image {source.Familiar} does not exist in {name.Familiar}");
    }

    // Docker indents manifests by a tab, and lists of them by three blanks.
    private async Task<string> TextAsync(Repository repository, ImageReference name, CancellationToken cancellationToken)
    {
        if (_verbose)
        {
            var (manifest, documents) = await ManifestDocument.GetAllAsync(repository, name, cancellationToken).ConfigureAwait(false);
            return JsonText.Indent(ManifestDocument.Format(documents, manifest.IsIndex), "\t");
        }
        var only = await ManifestDocument.GetAsync(repository, name, cancellationToken).ConfigureAwait(false);
        return JsonText.Indent(only.Bytes, only.IsIndex ? "   " : "\t");
    }
}
