using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Options;
using CrunSharp.Cli.Output;
using CrunSharp.Engine;
using CrunSharp.Engine.Containers;
using CrunSharp.Network;

namespace CrunSharp.Cli.Commands.Containers;

/// <summary><c>ps</c>: lists containers.</summary>
internal sealed class ListCommand : Command
{
    private static readonly Option[] Table =
    [
        new Flag<ListCommand>("all", 'a', "Also those that do not run", static (o, v) => o._all = v),
        new Value<ListCommand>("filter", 'f', "filter", "Only those with name=value", static (o, v) => o._filters.Add(v)) ,
        new Value<ListCommand>("format", '\0', "string", "table, json, or a Go template", static (o, v) => o._format = v),
        new Value<ListCommand>("last", 'n', "int", "Only the last so many, whatever their state", static (o, v) => o._last = Numbers.Whole32(v)) { Default = "-1" },
        new Flag<ListCommand>("latest", 'l', "Only the last one, whatever its state", static (o, v) => o._last = v ? 1 : o._last),
        new Flag<ListCommand>("no-trunc", '\0', "Do not shorten", static (o, v) => o._full = v),
        new Flag<ListCommand>("quiet", 'q', "Only ids", static (o, v) => o._quiet = v),
        new Flag<ListCommand>("size", 's', "Show sizes", static (o, v) => o._size = v),
    ];

    private ContainerEngine? _engine;
    private IReadOnlyList<NetworkRecord>? _networks;
    private readonly Filters _filters = new("ancestor", "before", "exited", "expose", "health", "id", "label", "name", "network", "publish", "since", "status", "volume");
    private bool _all;
    private bool _full;
    private bool _quiet;
    private bool _size;
    private int _last = -1;
    private string? _format;

    public override string Synopsis => "[OPTIONS]";
    public override Option[] Options => Table;
    public override int MostOperands => 0;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        var containers = Find(context);
        var columns = ContainerColumns.All(context.Clock, !_full);
        if (_quiet && _format is null)
        {
            foreach (var container in containers) context.Out.WriteLine(_full ? container.Id : container.Id[..12]);
            return ExitCodes.Success;
        }
        string[] shown = _size ? [.. ContainerColumns.Shown, "Size"] : ContainerColumns.Shown;
        new ListFormat<ContainerRow>(columns).Write(context.Out, containers, _format, shown);
        return ExitCodes.Success;
    }

    private IReadOnlyList<ContainerRow> Find(CommandContext context)
    {
        var rows = new List<ContainerRow>();
        var engine = _engine = EngineAccess.Open(context);
        engine.Tidy();
        var all = engine.Containers.List();
        foreach (var container in all)
        {
            if (_last >= 0 && rows.Count == _last) break;
            var row = ContainerRows.Of(container);
            if ((_all || _last >= 0 || row.State == "running" || _filters.Names("status") || _filters.Names("exited")) && Matches(container, row, all)) rows.Add(row);
        }
        return rows;
    }

    // The name of a network that was named by its id.
    private string? NetworkOf(string id)
    {
        _networks ??= _engine!.Networks.List();
        return id.Length == 0 ? null : _networks.FirstOrDefault(network => network.Id.StartsWith(id, StringComparison.Ordinal))?.Name;
    }

    private bool Matches(Container container, ContainerRow row, IReadOnlyList<Container> all) =>
        _filters.Holds("id", value => row.Id.StartsWith(value, StringComparison.Ordinal))
        && _filters.Holds("name", value => NameHolds(row.Names[0], value))
        && _filters.Holds("status", value => row.State == value)
        && _filters.Holds("exited", value => row.State == "exited" && row.ExitCode.ToString() == value)
        && _filters.Holds("ancestor", value => row.Image == value || row.Image == value + ":latest" || row.ImageId == value || row.ImageId.StartsWith("sha256:" + value, StringComparison.Ordinal))
        && _filters.Holds("volume", value => container.Config.Host.Mounts.Any(m => m.Name == value || m.Source == value || m.Destination == value))
        && _filters.Holds("network", value => row.Networks.Contains(value) || row.Networks.Contains(NetworkOf(value)))
        && _filters.Holds("publish", value => row.Ports.Any(p => p.HostPort != 0 && (value == p.HostPort.ToString() || value == $"{p.HostPort}/{p.Protocol}")))
        && _filters.Holds("expose", value => row.Ports.Any(p => value == p.ContainerPort.ToString() || value == $"{p.ContainerPort}/{p.Protocol}"))
        && _filters.Holds("before", value => Find(all, value) is { } other && string.CompareOrdinal(container.Config.Created, other.Config.Created) < 0)
        && _filters.Holds("since", value => Find(all, value) is { } other && string.CompareOrdinal(container.Config.Created, other.Config.Created) > 0)
        && _filters.Holds("health", static value => value == "none")
        && _filters.LabelsHold(container.Config.Labels);

    // Docker takes an expression; of it what people write: a part of the name, and ^ and $ for its ends.
    private static bool NameHolds(string name, ReadOnlySpan<char> wanted)
    {
        var fromStart = wanted.StartsWith('^');
        if (fromStart) wanted = wanted[1..];
        if (wanted.StartsWith('/'))
        {
            wanted = wanted[1..];
            fromStart = true;
        }
        if (!wanted.EndsWith('$')) return fromStart ? name.AsSpan().StartsWith(wanted) : name.AsSpan().Contains(wanted, StringComparison.Ordinal);
        wanted = wanted[..^1];
        return fromStart ? name.AsSpan().SequenceEqual(wanted) : name.AsSpan().EndsWith(wanted);
    }

    private static Container? Find(IReadOnlyList<Container> all, string nameOrId) =>
        all.FirstOrDefault(c => c.Config.Name == nameOrId || c.Id.StartsWith(nameOrId, StringComparison.Ordinal));
}
