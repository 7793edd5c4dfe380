using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Commands.Disk;
using CrunSharp.Cli.Options;
using CrunSharp.Oci;
using CrunSharp.Storage;

namespace CrunSharp.Cli.Commands.Images;

/// <summary><c>image prune</c>: removes images that nothing uses.</summary>
internal sealed class PruneImagesCommand() : PruningCommand("dangling", "label", "label!", "until")
{
    private static readonly Option[] Table = TableOf<PruneImagesCommand>("Only those with label=name[=value], label!=name[=value] or until=time",
        new Flag<PruneImagesCommand>("all", 'a', "Also those that have a name", static (o, v) => o._all = v));

    private bool _all;

    public override Option[] Options => Table;

    protected override string Warning => _all
        ? "This will remove all images without at least one container associated to them."
        : "This will remove all dangling images.";

    protected override void Check(CommandContext context)
    {
        base.Check(context);
        if (Filters.Truth("dangling") is { } dangling) _all = !dangling;
    }

    protected override long Remove(CommandContext context)
    {
        using var store = StoreAccess.Open(context);
        return Run(context, store, _all, Wanted(context, Filters), () => StoreAccess.LayersToKeep(context));
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
