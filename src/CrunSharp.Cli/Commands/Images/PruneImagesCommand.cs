using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Options;
using CrunSharp.Cli.Output;
using CrunSharp.Oci;
using CrunSharp.Storage;

namespace CrunSharp.Cli.Commands.Images;

/// <summary><c>image prune</c>: removes images that nothing uses.</summary>
internal sealed class PruneImagesCommand : Command
{
    private static readonly Option[] Table =
    [
        new Flag<PruneImagesCommand>("all", 'a', "Also those that have a name", static (o, v) => o._all = v),
        new Value<PruneImagesCommand>("filter", '\0', "filter", "Only those with label=name[=value], label!=name[=value] or until=time", static (o, v) => o._filters.Add(v)),
        new Flag<PruneImagesCommand>("force", 'f', "Do not ask", static (o, v) => o._force = v),
    ];

    private readonly Filters _filters = new("dangling", "label", "label!", "until");
    private bool _all;
    private bool _force;

    public override string Synopsis => "[OPTIONS]";
    public override Option[] Options => Table;
    public override int MostOperands => 0;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        if (_filters.Single("dangling") is { } dangling) _all = dangling is "false" or "0";
        var wanted = Wanted(context, _filters);
        var question = _all
            ? "This will remove all images without at least one container associated to them."
            : "This will remove all dangling images.";
        if (!_force && !Question.Ask(context, question)) return ExitCodes.Success;
        using var store = StoreAccess.Open(context);
        var bytes = Run(context, store, _all, wanted, () => StoreAccess.LayersInUse(context));
        context.Out.WriteLine($"Total reclaimed space: {Human.Size(bytes, 4)}");
        return ExitCodes.Success;
    }

    /// <summary>Whether filters select an image: by its labels, and by when it was made.</summary>
    public static Func<Image, bool> Wanted(CommandContext context, Filters filters)
    {
        var until = filters.Until(context.Clock);
        return image => image.Damage is not null || (filters.LabelsHold(image.Config.Config?.Labels) && !(ImageRow.CreatedOf(image) >= until));
    }

    /// <summary>Removes images, and layers that nothing needs, and says so; how many bytes that were.</summary>
    public static long Run(CommandContext context, Store store, bool all, Func<Image, bool> wanted, Func<IEnumerable<Digest>> otherRoots)
    {
        var (lines, bytes) = ImageRemoval.Prune(store, all, wanted, () => StoreAccess.Uses(context), otherRoots);
        if (lines.Count == 0) return bytes;
        context.Out.WriteLine("Deleted Images:");
        foreach (var line in lines) context.Out.WriteLine(line.StartsWith("Deleted: ", StringComparison.Ordinal) ? $"deleted: {line[9..]}" : $"untagged: {line[10..]}");
        context.Out.WriteLine();
        return bytes;
    }
}
