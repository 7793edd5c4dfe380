using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Output;
using CrunSharp.Oci.Images;

namespace CrunSharp.Cli.Commands.Images;

/// <summary><c>image inspect</c>: shows all that is known of images.</summary>
internal sealed class InspectImagesCommand : Command
{
    private static readonly Option[] Table =
    [
        new Value<InspectImagesCommand>("format", 'f', "string", "json, or a Go template", static (o, v) => o._format = v),
        ImagePlatform.Option<InspectImagesCommand>("The platform that images must be for", static (o, v) => o._platform = v),
    ];

    private string? _format;
    private Platform? _platform;

    public override string Synopsis => "[OPTIONS] IMAGE [IMAGE...]";
    public override Option[] Options => Table;
    public override int LeastOperands => 1;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        using var store = StoreAccess.Open(context);
        return InspectFormat.WriteEach(context, operands, _format, name => ImageDocument.Of(ImagePlatform.Resolve(store, name, _platform)));
    }
}
