using CrunSharp.Build.Dockerfile;
using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Options;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;
using CrunSharp.Storage;

namespace CrunSharp.Cli.Commands.Images;

/// <summary><c>import</c>: makes an image of a root file system's tar.</summary>
internal sealed class ImportCommand : Command
{
    private static readonly Option[] Table =
    [
        new Value<ImportCommand>("change", 'c', "list", "Apply an instruction of Dockerfiles to the image", static (o, v) => o._changes.Add(v)),
        new Value<ImportCommand>("message", 'm', "string", "A note in the image's history", static (o, v) => o._message = v),
        new Value<ImportCommand>("platform", '\0', "string", "The image's platform (os[/architecture[/variant]])", static (o, v) => o._platform = v == "" ? null : ValueSyntax.Platform(v)),
    ];

    private readonly List<string> _changes = [];
    private string? _message;
    private string? _platform;

    public override string Synopsis => "[OPTIONS] FILE|URL|- [REPOSITORY[:TAG]]";
    public override Option[] Options => Table;
    public override int LeastOperands => 1;
    public override int MostOperands => 2;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        var address = RootfsDownload.AddressOf(operands[0]);
        var name = operands.Count > 1 ? ImageReference.Parse(operands[1]) : null;
        if (name?.Digest is not null) throw CrunException.Invalid("cannot import digest reference");
        var config = ConfigChanges.Apply(_changes);
        if (operands[0] == "-" && context.InputIsTerminal()) throw CrunException.Invalid("a tar is wanted on standard input, which is a terminal");
        using var store = StoreAccess.Open(context);
        using var download = address is null ? null : RootfsDownload.Fetch(store, address);
        var input = download is not null ? download.Content : operands[0] == "-" ? context.OpenInput() : InputFile.Open(operands[0]);
        var message = _message ?? (address is null ? null : $"Imported from {RootfsDownload.Redact(address)}");
        var image = RootfsImport.Import(store, input, name, config, message, Split(_platform), context.Clock.GetUtcNow());
        store.Sync();
        context.Out.WriteLine(image.Id.ToString());
        return ExitCodes.Success;
    }

    private static Platform? Split(string? text)
    {
        if (text is null) return null;
        var parts = text.Split('/');
        return new Platform
        {
            Os = parts[0].ToLowerInvariant(),
            Architecture = parts.Length > 1 ? parts[1].ToLowerInvariant() : Platform.Host.Architecture,
            Variant = parts.Length > 2 ? parts[2].ToLowerInvariant() : null,
        };
    }
}
