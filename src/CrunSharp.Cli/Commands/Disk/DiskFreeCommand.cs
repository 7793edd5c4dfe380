using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Commands.Containers;
using CrunSharp.Cli.Commands.Images;
using CrunSharp.Cli.Output;
using CrunSharp.Cli.Templates;

namespace CrunSharp.Cli.Commands.Disk;

/// <summary><c>system df</c>: shows what takes how much of the disk.</summary>
internal sealed class DiskFreeCommand : Command
{
    private const int IdWidth = 12;

    private static readonly Option[] Table =
    [
        new Value<DiskFreeCommand>("format", '\0', "string", "table, json, or a Go template", static (o, v) => o._format = v),
        new Flag<DiskFreeCommand>("verbose", 'v', "Show each image, container and volume", static (o, v) => o._verbose = v),
    ];

    private static readonly Column<SpaceOf>[] Sums =
    [
        new("Type", "TYPE", static s => s.Type),
        new("TotalCount", "TOTAL", static s => s.Count.ToString()),
        new("Active", "ACTIVE", static s => s.Active.ToString()),
        new("Size", "SIZE", static s => Human.Size(s.Size, 4)),
        new("Reclaimable", "RECLAIMABLE", static s => Reclaimable(s)),
    ];

    private static readonly Column<VolumeSpace>[] VolumeColumns =
    [
        new("Name", "VOLUME NAME", static v => v.Volume.Name),
        new("Links", "LINKS", static v => v.Links.ToString()),
        new("Size", "SIZE", static v => Human.Size(v.Size)),
        new("Driver", "DRIVER", static _ => "local"),
        new("Scope", "SCOPE", static _ => "local"),
        new("Labels", "LABELS", static v => string.Join(',', v.Volume.Labels.Select(static l => $"{l.Key}={l.Value}"))),
    ];

    private string? _format;
    private bool _verbose;

    public override string Synopsis => "[OPTIONS]";
    public override Option[] Options => Table;
    public override int MostOperands => 0;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        var space = DiskSpace.Of(context);
        if (!_verbose) new ListFormat<SpaceOf>(Sums).Write(context.Out, space.Kinds, _format, ["Type", "TotalCount", "Active", "Size", "Reclaimable"]);
        else if (string.IsNullOrEmpty(_format) || _format == "table") WriteAll(context, space);
        else InspectFormat.Write(context.Out, [Document(context, space)], _format);
        return ExitCodes.Success;
    }

    // Docker gives no share of the build cache.
    private static string Reclaimable(SpaceOf s) =>
        s.Size > 0 && s.Type != "Build Cache" ? $"{Human.Size(s.Reclaimable, 4)} ({s.Reclaimable * 100 / s.Size}%)" : Human.Size(s.Reclaimable, 4);

    private static void WriteAll(CommandContext context, DiskSpace space)
    {
        var output = context.Out;
        output.Write("Images space usage:\n\n");
        new ListFormat<ImageSpace>(ImageColumnsOf(context.Clock)).Write(output, space.Images, null, ["Repository", "Tag", "ID", "CreatedSince", "Size", "SharedSize", "UniqueSize", "Containers"]);
        output.Write("\nContainers space usage:\n\n");
        new ListFormat<ContainerRow>(ContainerColumnsOf(context.Clock)).Write(output, Rows(space), null, ["ID", "Image", "Command", "LocalVolumes", "Size", "RunningFor", "Status", "Names"]);
        output.Write("\nLocal Volumes space usage:\n\n");
        new ListFormat<VolumeSpace>(VolumeColumns).Write(output, space.Volumes, null, ["Name", "Links", "Size"]);
        output.Write($"\nBuild cache usage: {Human.Size(space.Kinds[^1].Size, 4)}\n\n");
        new ListFormat<CacheSpace>(CacheColumnsOf(context.Clock)).Write(output, space.Cache, null, ["ID", "CacheType", "Size", "CreatedSince", "LastUsedSince", "UsageCount", "Shared"]);
    }

    private static DomObject Document(CommandContext context, DiskSpace space) => new()
    {
        ["Images"] = new ListFormat<ImageSpace>(ImageColumnsOf(context.Clock)).Documents(space.Images),
        ["Containers"] = new ListFormat<ContainerRow>(ContainerColumnsOf(context.Clock)).Documents(Rows(space)),
        ["Volumes"] = new ListFormat<VolumeSpace>(VolumeColumns).Documents(space.Volumes),
        ["BuildCache"] = new ListFormat<CacheSpace>(CacheColumnsOf(context.Clock)).Documents(space.Cache),
    };

    private static List<ContainerRow> Rows(DiskSpace space) => [.. space.Containers.Select(static c => c.Row)];

    private static Column<ImageSpace>[] ImageColumnsOf(TimeProvider clock)
    {
        var own = ImageColumns.All(clock, truncate: true);
        return
        [
            .. own.Where(static c => c.Field is not ("Size" or "VirtualSize" or "SharedSize" or "UniqueSize" or "Containers" or "CreatedSince" or "CreatedAt"))
                .Select(static c => new Column<ImageSpace>(c.Field, c.Header, i => c.Value(Row(i)))),
            new("CreatedSince", "CREATED", i => Human.Ago(Created(i), clock.GetUtcNow())),
            new("CreatedAt", "CREATED AT", static i => Created(i) is { } time ? Human.Moment(time) : "N/A"),
            new("Size", "SIZE", static i => Human.Size(i.Usage.Size)),
            new("SharedSize", "SHARED SIZE", static i => Human.Size(i.Usage.Shared)),
            new("UniqueSize", "UNIQUE SIZE", static i => Human.Size(i.Usage.Size - i.Usage.Shared)),
            new("Containers", "CONTAINERS", static i => i.Containers.ToString()),
        ];
    }

    // Docker shows the first name only.
    private static ImageRow Row(ImageSpace i) => ImageRow.Of(i.Usage.Image).First();

    private static DateTimeOffset? Created(ImageSpace i) => i.Usage.Image.Damage is null ? ImageRow.CreatedOf(i.Usage.Image) : null;

    private static Column<ContainerRow>[] ContainerColumnsOf(TimeProvider clock) =>
        Array.ConvertAll(ContainerColumns.All(clock, truncate: true), static c => c.Field == "Size" ? c with { Value = static r => Human.Size(r.SizeWritten ?? 0) } : c);

    private static Column<CacheSpace>[] CacheColumnsOf(TimeProvider clock) =>
    [
        new("ID", "CACHE ID", static c => c.Entry.Key.Hex[..IdWidth]),
        new("CacheType", "CACHE TYPE", static _ => "regular"),
        new("Size", "SIZE", static c => Human.Size(c.Size)),
        new("CreatedSince", "CREATED", c => Human.Ago(ImageRow.Time(c.Entry.Created), clock.GetUtcNow())),
        new("LastUsedSince", "LAST USED", static _ => ""),
        new("UsageCount", "USAGE", static _ => "0"),
        new("Shared", "SHARED", static c => c.IsShared ? "true" : "false"),
    ];
}
