using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Commands.Images;
using CrunSharp.Cli.Options;
using CrunSharp.Cli.Output;

namespace CrunSharp.Cli.Commands.Builds;

/// <summary><c>builder du</c>: shows what builds keep, and what it takes.</summary>
internal sealed class BuilderDiskCommand : Command
{
    private const int IdWidth = 25;

    private static readonly Option[] Table =
    [
        new Value<BuilderDiskCommand>("filter", '\0', "filter", "Only those with id=…, type=…, until=time, shared=true, private=true, inuse=true or description=…", static (o, v) => o._filters.Add(v)),
        new Value<BuilderDiskCommand>("format", '\0', "string", "table, json, or a Go template", static (o, v) => o._format = v),
        new Flag<BuilderDiskCommand>("verbose", '\0', "Show all that is known of each", static (o, v) => o._verbose = v),
    ];

    private readonly Filters _filters = new(BuilderItem.Filters);
    private string? _format;
    private bool _verbose;

    public override string Synopsis => "[OPTIONS]";
    public override Option[] Options => Table;
    public override int MostOperands => 0;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        var until = _filters.Until(context.Clock);
        List<BuilderItem> items;
        using (var store = StoreAccess.Open(context)) items = BuilderSpace.Of(context, store).FindAll(item => item.IsSelected(_filters, until));
        if (_verbose && string.IsNullOrEmpty(_format)) WriteAll(context, items);
        else new ListFormat<BuilderItem>(ColumnsOf(context.Clock.GetUtcNow())).Write(context.Out, items, _format, ["ID", "Type", "Reclaimable", "Size", "LastUsedSince"]);
        if (!string.IsNullOrEmpty(_format) && _format != "table") return ExitCodes.Success;
        var total = items.Sum(static i => i.Size);
        var shared = items.Where(static i => i.Shared).Sum(static i => i.Size);
        if (shared > 0) context.Out.Write($"Shared:\t\t{Human.Size(shared, 4)}\nPrivate:\t{Human.Size(total - shared, 4)}\n");
        context.Out.Write($"Reclaimable:\t{Human.Size(items.Where(static i => !i.Shared && !i.InUse).Sum(static i => i.Size), 4)}\nTotal:\t\t{Human.Size(total, 4)}\n");
        return ExitCodes.Success;
    }

    private static Column<BuilderItem>[] ColumnsOf(DateTimeOffset now) =>
    [
        new("ID", "ID", static i => i.Id.Length > IdWidth && i.Layer is not null ? i.Id[..IdWidth] : i.Id),
        new("Type", "TYPE", static i => i.Type),
        new("Reclaimable", "RECLAIMABLE", static i => i.Shared || i.InUse ? "false" : "true"),
        new("Shared", "SHARED", static i => i.Shared ? "true" : "false"),
        new("InUse", "IN USE", static i => i.InUse ? "true" : "false"),
        new("Size", "SIZE", static i => Human.Size(i.Size)),
        new("Bytes", "BYTES", static i => i.Size),
        new("Description", "DESCRIPTION", static i => i.Description),
        new("UsageCount", "USAGE COUNT", static i => i.UsageCount),
        new("CreatedAt", "CREATED AT", static i => i.Created is { } time ? Human.Moment(time) : ""),
        new("LastUsedAt", "LAST ACCESSED AT", static i => i.LastUsed is { } time ? Human.Moment(time) : ""),
        new("LastUsedSince", "LAST ACCESSED", i => i.LastUsed is { } time ? Human.Ago(time, now) : ""),
    ];

    private static void WriteAll(CommandContext context, List<BuilderItem> items)
    {
        var now = context.Clock.GetUtcNow();
        foreach (var item in items)
        {
            context.Out.Write($"ID:\t\t{item.Id}\n");
            if (item.Created is { } created) context.Out.Write($"Created at:\t{Human.Moment(created)}\n");
            context.Out.Write($"Reclaimable:\t{(item.Shared || item.InUse ? "false" : "true")}\nShared:\t\t{(item.Shared ? "true" : "false")}\nSize:\t\t{Human.Size(item.Size)}\nDescription:\t{item.Description}\nUsage count:\t{item.UsageCount}\n");
            if (item.LastUsed is { } used) context.Out.Write($"Last used:\t{Human.Ago(used, now)}\n");
            context.Out.Write($"Type:\t\t{item.Type}\n\n");
        }
    }
}
