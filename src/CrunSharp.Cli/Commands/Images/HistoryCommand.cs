using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Output;
using CrunSharp.Oci.Images;
using CrunSharp.Storage;

namespace CrunSharp.Cli.Commands.Images;

/// <summary>A step of an image's making.</summary>
internal sealed record HistoryRow(string Id, DateTimeOffset? Created, string CreatedBy, long Size, string Comment)
{
    /// <summary>The steps of an image, the last first. Only the last has an id: the others' images are not kept.</summary>
    public static List<HistoryRow> Of(Image image)
    {
        var rows = new List<HistoryRow>();
        var layers = image.GetLayers();
        var next = 0;
        foreach (var entry in image.Config.History ?? [])
        {
            var size = entry.EmptyLayer is true || next >= layers.Count ? 0 : layers[next++].Size;
            rows.Add(new HistoryRow("<missing>", ImageRow.Time(entry.Created), entry.CreatedBy ?? "", size, entry.Comment ?? ""));
        }
        // Layers that the history does not tell of.
        for (; next < layers.Count; next++) rows.Add(new HistoryRow("<missing>", null, "", layers[next].Size, ""));
        rows.Reverse();
        if (rows.Count > 0) rows[0] = rows[0] with { Id = image.Id.ToString() };
        return rows;
    }
}

/// <summary><c>history</c>: shows what an image was made of.</summary>
internal sealed class HistoryCommand : Command
{
    private const int CreatedByWidth = 45;

    private static readonly Option[] Table =
    [
        new Value<HistoryCommand>("format", '\0', "string", "table, json, or a Go template", static (o, v) => o._format = v),
        new Flag<HistoryCommand>("human", 'H', "Sizes and times for people", static (o, v) => o._human = v) { Default = "true" },
        new Flag<HistoryCommand>("no-trunc", '\0', "Do not shorten", static (o, v) => o._full = v),
        ImagePlatform.Option<HistoryCommand>("The platform that the image must be for", static (o, v) => o._platform = v),
        new Flag<HistoryCommand>("quiet", 'q', "Only ids", static (o, v) => o._quiet = v),
    ];

    private bool _full;
    private bool _human = true;
    private bool _quiet;
    private string? _format;
    private Platform? _platform;

    public override string Synopsis => "[OPTIONS] IMAGE";
    public override Option[] Options => Table;
    public override int LeastOperands => 1;
    public override int MostOperands => 1;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        using var store = StoreAccess.Open(context);
        var rows = HistoryRow.Of(ImagePlatform.Resolve(store, operands[0], _platform));
        if (_quiet && _format is null)
        {
            foreach (var row in rows) context.Out.WriteLine(Id(row));
            return ExitCodes.Success;
        }
        string[] shown = ["ID", _human ? "CreatedSince" : "CreatedAt", "CreatedBy", "Size", "Comment"];
        new ListFormat<HistoryRow>(Columns(context.Clock)).Write(context.Out, rows, _format, shown);
        return ExitCodes.Success;
    }

    private Column<HistoryRow>[] Columns(TimeProvider clock) =>
    [
        new("ID", "IMAGE", Id),
        new("CreatedSince", "CREATED", r => Human.Ago(r.Created, clock.GetUtcNow())),
        new("CreatedAt", "CREATED AT", static r => r.Created?.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'") ?? "N/A"),
        new("CreatedBy", "CREATED BY", r => Shorten(r.CreatedBy.Replace('\t', ' ').Replace('\n', ' '))),
        new("Size", "SIZE", r => _human ? Human.Size(r.Size) : r.Size.ToString()),
        new("Comment", "COMMENT", static r => r.Comment),
    ];

    private string Id(HistoryRow row) => _full || row.Id.Length < 71 ? row.Id : row.Id[7..19];

    private string Shorten(string text) => _full || text.Length <= CreatedByWidth ? text : text[..(CreatedByWidth - 1)] + "…";
}
