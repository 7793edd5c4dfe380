using System.Runtime.InteropServices;
using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Commands.Containers;
using CrunSharp.Cli.Commands.Images;
using CrunSharp.Cli.Options;
using CrunSharp.Cli.Output;
using CrunSharp.Cli.Templates;
using CrunSharp.Network;

namespace CrunSharp.Cli.Commands.Networks;

/// <summary><c>network ls</c>: lists networks.</summary>
internal sealed class ListNetworksCommand : Command
{
    private static readonly Option[] Table =
    [
        new Value<ListNetworksCommand>("filter", 'f', "filter", "Only those with name=value", static (o, v) => o._filters.Add(v)),
        new Value<ListNetworksCommand>("format", '\0', "string", "table, json, or a Go template", static (o, v) => o._format = v),
        new Flag<ListNetworksCommand>("no-trunc", '\0', "Do not shorten ids", static (o, v) => o._full = v),
        new Flag<ListNetworksCommand>("quiet", 'q', "Only ids", static (o, v) => o._quiet = v),
    ];

    private readonly Filters _filters = new("dangling", "driver", "id", "label", "name", "scope", "type");
    private string? _format;
    private bool _full;
    private bool _quiet;

    public override string Synopsis => "[OPTIONS]";
    public override Option[] Options => Table;
    public override int MostOperands => 0;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        var networks = Find(context);
        if (_quiet && _format is null) foreach (var network in networks) context.Out.WriteLine(IdOf(network));
        else new ListFormat<NetworkRecord>(Columns()).Write(context.Out, networks, _format, ["ID", "Name", "Driver", "Scope"]);
        return ExitCodes.Success;
    }

    private Column<NetworkRecord>[] Columns() =>
    [
        new("ID", "NETWORK ID", IdOf),
        new("Name", "NAME", static n => n.Name),
        new("Driver", "DRIVER", static n => n.Driver),
        new("Scope", "SCOPE", static _ => "local"),
        new("IPv4", "IPV4", static _ => "true"),
        new("IPv6", "IPV6", static _ => "false"),
        new("Internal", "INTERNAL", static n => n.IsInternal ? "true" : "false"),
        new("Labels", "LABELS", static n => string.Join(',', n.Labels.Select(static l => $"{l.Key}={l.Value}"))),
        new("CreatedAt", "CREATED AT", static n => ImageRow.Time(n.Created) is { } created ? Human.Moment(created) : "0001-01-01 00:00:00 +0000 UTC"),
        new("Label", "", static n => new DomFunction(a => a is [string name] && n.Labels.TryGetValue(name, out var value) ? value : "")),
    ];

    private string IdOf(NetworkRecord network) => _full ? network.Id : network.Id[..12];

    private List<NetworkRecord> Find(CommandContext context)
    {
        var networks = EngineAccess.Open(context).Networks;
        var found = networks.List().Where(network =>
            _filters.Holds("name", value => network.Name.Contains(value, StringComparison.Ordinal))
            && _filters.Holds("id", value => network.Id.StartsWith(value, StringComparison.Ordinal))
            && _filters.Holds("driver", value => network.Driver == value)
            && _filters.Holds("scope", static value => value == "local")
            && _filters.Holds("type", value => value == (network.IsPredefined ? "builtin" : "custom"))
            && _filters.Holds("dangling", value => Filters.IsTrue("dangling", value) == (!network.IsPredefined && networks.EndpointsOf(network).Count == 0))
            && _filters.LabelsHold(network.Labels)).ToList();
        CollectionsMarshal.AsSpan(found).Sort(static (a, b) => string.CompareOrdinal(a.Name, b.Name));
        return found;
    }
}
