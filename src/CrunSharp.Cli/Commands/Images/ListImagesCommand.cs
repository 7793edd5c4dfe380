using CrunSharp.Build.Dockerfile;
using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Options;
using CrunSharp.Cli.Output;
using CrunSharp.Oci;
using CrunSharp.Storage;

namespace CrunSharp.Cli.Commands.Images;

/// <summary><c>images</c>: lists images.</summary>
internal sealed class ListImagesCommand : Command
{
    private static readonly Option[] Table =
    [
        new Flag<ListImagesCommand>("all", 'a', "All; there are none that are hidden", static (_, _) => { }),
        new Flag<ListImagesCommand>("digests", '\0', "Show digests of manifests", static (o, v) => o._digests = v),
        new Value<ListImagesCommand>("filter", 'f', "filter", "Only those with name=value", static (o, v) => o._filters.Add(v)),
        new Value<ListImagesCommand>("format", '\0', "string", "table, json, or a Go template", static (o, v) => o._format = v),
        new Flag<ListImagesCommand>("no-trunc", '\0', "Do not shorten", static (o, v) => o._full = v),
        new Flag<ListImagesCommand>("quiet", 'q', "Only ids", static (o, v) => o._quiet = v),
    ];

    private readonly Filters _filters = new("before", "dangling", "label", "reference", "since", "until");
    private bool _digests;
    private bool _full;
    private bool _quiet;
    private string? _format;

    public override string Synopsis => "[OPTIONS] [REPOSITORY[:TAG]]";
    public override Option[] Options => Table;
    public override int MostOperands => 1;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        using var store = StoreAccess.Open(context);
        var rows = Select(context, store, operands.Count > 0 ? operands[0] : null);
        if (_quiet && _format is null)
        {
            foreach (var row in rows) context.Out.WriteLine(_full ? row.Image.Id.ToString() : row.Image.Id.Short);
            return ExitCodes.Success;
        }
        string[] shown = _digests
            ? ["Repository", "Tag", "Digest", "ID", "CreatedSince", "Size"]
            : ["Repository", "Tag", "ID", "CreatedSince", "Size"];
        new ListFormat<ImageRow>(ImageColumns.All(context.Clock, !_full)).Write(context.Out, rows, _format, shown);
        return ExitCodes.Success;
    }

    private List<ImageRow> Select(CommandContext context, Store store, string? reference)
    {
        var before = Moment(store, "before");
        var since = Moment(store, "since");
        var until = _filters.Single("until") is { } text ? Moments.Parse(text, context.Clock.GetUtcNow()) : (DateTimeOffset?)null;
        var rows = new List<ImageRow>();
        foreach (var image in store.Images.List())
        {
            if (image.Damage is { } damage)
            {
                context.Complain($"image {image.Id.Short} is left out, as it can only be removed or made again: {damage.Message}");
                continue;
            }
            var created = ImageRow.CreatedOf(image) ?? DateTimeOffset.MinValue;
            if (created >= before || created <= since || created >= until) continue;
            if (!_filters.LabelsHold(image.Config.Config?.Labels)) continue;
            if (!_filters.Holds("dangling", value => Filters.IsTrue("dangling", value) == (image.Names.Count + image.OtherNames.Count == 0))) continue;
            foreach (var row in ImageRow.Of(image))
            {
                if ((reference is null || IsMatch(row, reference)) && _filters.Holds("reference", value => IsMatch(row, value))) rows.Add(row);
            }
        }
        return rows;
    }

    private DateTimeOffset? Moment(Store store, string filter) =>
        _filters.Single(filter) is { } name ? ImageRow.CreatedOf(store.Images.Resolve(name)) ?? DateTimeOffset.MinValue : null;

    // Docker matches the name with and without its tag; a star does not pass a slash.
    private static bool IsMatch(ImageRow row, string pattern)
    {
        if (row.Repository == "<none>") return false;
        var match = PathMatch.TryParse(pattern) ?? throw CrunException.Invalid($"invalid reference pattern '{pattern}'");
        return match.IsMatch(row.Repository) || match.IsMatch($"{row.Repository}:{row.Tag}");
    }
}
