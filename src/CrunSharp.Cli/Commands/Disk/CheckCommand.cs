using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Commands.Containers;
using CrunSharp.Cli.Commands.Images;
using CrunSharp.Cli.Output;
using CrunSharp.Storage;

namespace CrunSharp.Cli.Commands.Disk;

/// <summary><c>system check</c>: compares the store with what it says of itself, and mends it.</summary>
internal sealed class CheckCommand : Command
{
    private static readonly Option[] Table =
    [
        new Value<CheckCommand>("format", '\0', "string", "table, json, or a Go template", static (o, v) => o._format = v),
        new Flag<CheckCommand>("quick", '\0', "Only records and sizes, no content", static (o, v) => o._quick = v),
        new Flag<CheckCommand>("repair", '\0', "Make anew, or remove, what is damaged", static (o, v) => o._repair = v),
    ];

    private static readonly Column<Finding>[] Columns =
    [
        new("Kind", "KIND", static f => f.Kind.ToString().ToLowerInvariant()),
        new("Name", "NAME", static f => f.Name),
        new("Problem", "PROBLEM", static f => f.Problem),
        new("Repair", "REPAIR", static f => f.Repair ?? ""),
        new("Mended", "MENDED", static f => f.IsMended),
    ];

    private string? _format;
    private bool _quick;
    private bool _repair;

    public override string Synopsis => "[OPTIONS]";
    public override Option[] Options => Table;
    public override int MostOperands => 0;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        EngineAccess.Open(context).Tidy();
        CheckReport report;
        using (var store = StoreAccess.Open(context))
        {
            var isShown = context.OutputIsTerminal();
            report = StoreCheck.Run(store, new CheckOptions
            {
                Quick = _quick,
                Repair = _repair,
                Uses = () => StoreAccess.LayerUses(context),
                Progress = isShown ? (done, total) => context.Error.Write($"\rchecked {Human.Size(done)} of {Human.Size(total)} \x1b[K") : null,
            });
            if (isShown) context.Error.Write("\r\x1b[K");
        }
        List<Finding> findings = [.. report.Findings, .. Damaged(context)];
        if (findings.Count > 0 || _format is not null)
            new ListFormat<Finding>(Columns).Write(context.Out, findings, _format, _repair ? ["Kind", "Name", "Problem", "Repair"] : ["Kind", "Name", "Problem"]);
        // What nothing refers to is no damage: a pull that did not come to its end leaves it for the next one, or for a prune.
        var unused = findings.Count(static f => !f.IsMended && f.Kind == FindingKind.Unused);
        var left = findings.Count(static f => !f.IsMended) - unused;
        if (_format is null or "" or "table")
            context.Out.WriteLine(Summary(report, findings.Count - unused, left) + (unused > 0 ? $", {unused} unused" : ""));
        return left == 0 ? ExitCodes.Success : ExitCodes.Failure;
    }

    private string Summary(CheckReport report, int found, int left)
    {
        var what = $"{Count(report.Images, "image")}, {Count(report.Names, "name")}, {Count(report.Layers, "layer")}, {Count(report.Contents, "file")} of content";
        var outcome = found == 0 ? "all right" : !_repair ? Count(found, "finding") : left == 0 ? $"{Count(found, "finding")}, all mended" : $"{Count(found, "finding")}, {left} not mended";
        return $"{what}, {Human.Size(report.Bytes)} read: {outcome}";
    }

    // Containers whose records cannot be read. What they wrote may be of use still: only who owns them removes them.
    private IEnumerable<Finding> Damaged(CommandContext context)
    {
        foreach (var container in EngineAccess.Open(context).Containers.List())
        {
            if (container.Damage is { } damage)
                yield return new Finding(FindingKind.Container, $"container {container.ShortId}", damage.Message) { Repair = _repair ? "can only be removed" : null };
        }
    }

    private static string Count(int count, string what) => count == 1 ? $"1 {what}" : $"{count} {what}s";
}
