using System.Globalization;
using System.Text;
using CrunSharp.Build.History;
using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Options;
using CrunSharp.Cli.Output;
using CrunSharp.Cli.Templates;
using CrunSharp.Oci;

namespace CrunSharp.Cli.Commands.Builds;

/// <summary><c>builder history ls</c>: lists the builds that have ended.</summary>
internal sealed class ListBuildsCommand : Command
{
    private static readonly Option[] Table =
    [
        new Value<ListBuildsCommand>("filter", '\0', "filter", "Only those with status=completed, error or canceled, ref=…, name=…, until=time", static (o, v) => o._filters.Add(v)),
        new Value<ListBuildsCommand>("format", '\0', "string", "table, json, or a Go template", static (o, v) => o._format = v),
        new Flag<ListBuildsCommand>("no-trunc", '\0', "Do not shorten names", static (o, v) => o._full = v),
        new Flag<ListBuildsCommand>("quiet", 'q', "Only show ids", static (o, v) => o._quiet = v),
    ];

    private readonly Filters _filters = new("name", "ref", "status", "until");
    private string? _format;
    private bool _full, _quiet;

    public override string Synopsis => "[OPTIONS]";
    public override Option[] Options => Table;
    public override int MostOperands => 0;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        var until = _filters.Until(context.Clock);
        var records = BuildHistory.List(context.Global.RootOf(context)).Where(record => _filters.Holds("ref", text => record.Id.StartsWith(text, StringComparison.Ordinal))
            && _filters.Holds("name", text => record.Name.Contains(text, StringComparison.Ordinal)) && _filters.Holds("status", text => record.Status.Equals(text, StringComparison.OrdinalIgnoreCase))
            && !(until is { } moment && BuildTimes.Started(record) >= moment)).ToList();
        if (!_quiet || _format is not null) new ListFormat<BuildRecord>(ColumnsOf(context.Clock.GetUtcNow(), _full)).Write(context.Out, records, _format, ["Ref", "Name", "Status", "CreatedAt", "Duration"]);
        else foreach (var record in records) context.Out.WriteLine(record.Id);
        return ExitCodes.Success;
    }

    private static Column<BuildRecord>[] ColumnsOf(DateTimeOffset now, bool full) =>
    [
        new("Ref", "BUILD ID", static r => r.Id),
        new("Name", "NAME", r => full || r.Name.Length <= 40 ? r.Name : r.Name[..39] + "…"),
        new("Status", "STATUS", static r => r.Status),
        new("CreatedAt", "CREATED AT", r => Human.Ago(BuildTimes.Started(r), now)),
        new("Duration", "DURATION", BuildTimes.Duration),
        new("CompletedAt", "COMPLETED AT", r => Human.Ago(BuildTimes.Started(r).AddMilliseconds(r.Duration), now)),
        new("TotalSteps", "STEPS", static r => r.Steps),
        new("CompletedSteps", "COMPLETED", static r => r.Done),
        new("CachedSteps", "CACHED", static r => r.Cached),
        new("Error", "ERROR", static r => r.Error ?? ""),
        new("Image", "IMAGE", static r => r.Image ?? ""),
    ];
}

/// <summary><c>builder history inspect</c>: shows what is known of a build.</summary>
internal sealed class InspectBuildCommand : Command
{
    private static readonly Option[] Table =
    [
        new Value<InspectBuildCommand>("format", '\0', "string", "pretty, json, or a Go template", static (o, v) => o._format = v) { Default = "\"pretty\"" },
    ];

    private string? _format;

    public override string Synopsis => "[OPTIONS] [REF]";
    public override Option[] Options => Table;
    public override int MostOperands => 1;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        var record = BuildHistory.Find(context.Global.RootOf(context), operands.Count > 0 ? operands[0] : "");
        if (_format is null or "" or "pretty") context.Out.Write(Pretty(record, context.Program));
        else InspectFormat.Write(context.Out, [Document(record)], _format);
        return ExitCodes.Success;
    }

    private static string Pretty(BuildRecord record, string program)
    {
        var text = new StringBuilder();
        Rows(text, ("Name", record.Name), ("Context", record.Context), ("Dockerfile", record.Dockerfile), ("Target", record.Target),
            ("Platform", string.Join(", ", record.Platforms)), ("Names", string.Join(", ", record.Tags)), ("Image", record.Image));
        text.Append('\n');
        Rows(text, ("Status", record.Status), ("Started", Human.Moment(BuildTimes.Started(record))), ("Duration", BuildTimes.Duration(record)), ("Build Steps", StepsOf(record)));
        if (record.Error is { } error) text.Append(CultureInfo.InvariantCulture, $"\nError: {VisibleText.Of(error, hasLines: true)}\n");
        Values(text, "BUILD ARG\tVALUE", record.Arguments.Select(static argument => $"{VisibleText.Of(argument.Key)}\t{VisibleText.Of(argument.Value)}"));
        Values(text, "OPTION\tVALUE", record.Options.Select(static option => VisibleText.Of(option).Split('=', 2) is [var name, var value] ? $"{name}\t{value}" : $"{VisibleText.Of(option)}\ttrue"));
        return text.Append(CultureInfo.InvariantCulture, $"\nPrint build logs: {program} builder history logs {record.Id}\n").ToString();
    }

    private static void Rows(StringBuilder text, params ReadOnlySpan<(string Name, string? Value)> rows)
    {
        var table = new StringBuilder();
        foreach (var (name, value) in rows)
            if (!string.IsNullOrEmpty(value)) table.Append(CultureInfo.InvariantCulture, $"{name}:\t{VisibleText.Of(value)}\n");
        text.Append(TabWriter.Align(table.ToString()));
    }

    private static void Values(StringBuilder text, string head, IEnumerable<string> rows)
    {
        var lines = rows.ToList();
        if (lines.Count > 0) text.Append('\n').Append(TabWriter.Align($"{head}\n{string.Join('\n', lines)}\n"));
    }

    private static string StepsOf(BuildRecord record) => string.Create(CultureInfo.InvariantCulture,
        $"{record.Done}/{record.Steps}{(record.Cached > 0 && record.Steps > 0 ? $" ({record.Cached * 100L / record.Steps}% cached)" : "")}");

    private static DomObject Document(BuildRecord record)
    {
        var arguments = new List<object?>();
        foreach (var (name, value) in record.Arguments) arguments.Add(new DomObject { ["Name"] = name, ["Value"] = value });
        return new DomObject
        {
            ["Name"] = record.Name,
            ["Ref"] = record.Id,
            ["Context"] = record.Context,
            ["Dockerfile"] = record.Dockerfile ?? "Dockerfile",
            ["Target"] = record.Target ?? "",
            ["Platform"] = new List<object?>(record.Platforms),
            ["Names"] = new List<object?>(record.Tags),
            ["Image"] = record.Image ?? "",
            ["StartedAt"] = BuildTimes.Format(BuildTimes.Started(record)),
            ["CompletedAt"] = BuildTimes.Format(BuildTimes.Started(record).AddMilliseconds(record.Duration)),
            ["Duration"] = record.Duration * 1_000_000,
            ["Status"] = record.Status.ToLowerInvariant(),
            ["Error"] = record.Error ?? "",
            ["NumTotalSteps"] = record.Steps,
            ["NumCompletedSteps"] = record.Done,
            ["NumCachedSteps"] = record.Cached,
            ["BuildArgs"] = arguments,
            ["Options"] = new List<object?>(record.Options),
            ["LogSize"] = record.LogSize,
        };
    }
}

/// <summary><c>builder history logs</c>: prints what a build showed.</summary>
internal sealed class BuildLogsCommand : Command
{
    public override string Synopsis => "[REF]";
    public override int MostOperands => 1;

    // What escape sequences there are can be seen, and do nothing.
    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        var root = context.Global.RootOf(context);
        BuildHistory.WriteLog(root, BuildHistory.Find(root, operands.Count > 0 ? operands[0] : ""), new VisibleWriter(context.Out));
        return ExitCodes.Success;
    }
}

/// <summary><c>builder history rm</c>: forgets builds.</summary>
internal sealed class RemoveBuildsCommand : Command
{
    private static readonly Option[] Table =
    [
        new Flag<RemoveBuildsCommand>("all", '\0', "Forget all", static (o, v) => o._all = v),
    ];

    private bool _all;

    public override string Synopsis => "[OPTIONS] [REF...]";
    public override Option[] Options => Table;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        var root = context.Global.RootOf(context);
        if (_all && operands.Count > 0) throw CrunException.Invalid("cannot specify refs when using --all");
        if (!_all && operands.Count == 0) throw CrunException.Invalid("a build is wanted, or --all");
        if (_all)
        {
            foreach (var id in BuildHistory.Remove(root, null)) context.Out.WriteLine(id);
            return ExitCodes.Success;
        }
        // Places are those of before any is gone.
        var found = new Dictionary<string, string>(StringComparer.Ordinal);
        return Operands.ForEach(context, [.. operands], reference =>
        {
            if (found.Count == 0)
                foreach (var (place, record) in BuildHistory.List(root).Index()) found[$"^{place}"] = record.Id;
            var id = BuildHistory.Find(root, found.GetValueOrDefault(reference, reference)).Id;
            BuildHistory.Remove(root, record => record.Id == id);
            context.Out.WriteLine(id);
        });
    }
}

/// <summary>The times of a build for people.</summary>
internal static class BuildTimes
{
    public static DateTimeOffset Started(BuildRecord record) => DateTimeOffset.FromUnixTimeMilliseconds(Math.Clamp(record.Started, 0, 253402300799999));

    public static string Format(DateTimeOffset moment) => moment.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);

    /// <summary>As buildx: <c>1.4s</c>, <c>2m  5s</c>.</summary>
    public static string Duration(BuildRecord record)
    {
        var seconds = Math.Clamp(record.Duration, 0, int.MaxValue) / 1000.0;
        return seconds < 60 ? string.Create(CultureInfo.InvariantCulture, $"{seconds:0.0}s") : string.Create(CultureInfo.InvariantCulture, $"{(int)seconds / 60}m {(int)seconds % 60,2}s");
    }
}
