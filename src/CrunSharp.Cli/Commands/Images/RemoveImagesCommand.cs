using CrunSharp.Cli.CommandLine;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;
using CrunSharp.Storage;

namespace CrunSharp.Cli.Commands.Images;

/// <summary><c>rmi</c>: takes names from images, and removes those that have none left.</summary>
internal sealed class RemoveImagesCommand : Command
{
    private static readonly Option[] Table =
    [
        new Flag<RemoveImagesCommand>("force", 'f', "Remove all names, and do not mind stopped containers", static (o, v) => o._force = v),
        new Flag<RemoveImagesCommand>("no-prune", '\0', "Accepted; parents are not kept as images", static (_, _) => { }) { Hidden = true },
        ImagePlatform.Option<RemoveImagesCommand>("Only if the image is for this platform", static (o, v) => o._platform = v),
    ];

    private bool _force;
    private Platform? _platform;

    public override string Synopsis => "[OPTIONS] IMAGE [IMAGE...]";
    public override Option[] Options => Table;
    public override int LeastOperands => 1;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        using var store = StoreAccess.Open(context);
        return Operands.ForEach(context, operands, operand =>
        {
            var chosen = _platform is null ? null : ImagePlatform.Resolve(store, operand, _platform);
            // One of several is removed by its id; the first with the name.
            var which = chosen is { Names.Count: 0 } ? chosen.Id.ToString() : operand;
            var lines = ImageRemoval.Remove(store, which, _force, () => StoreAccess.Uses(context), () => StoreAccess.LayersToKeep(context));
            foreach (var line in lines) context.Out.WriteLine(line);
        }, error => _force && error.Kind == ErrorKind.NotFound);
    }
}
