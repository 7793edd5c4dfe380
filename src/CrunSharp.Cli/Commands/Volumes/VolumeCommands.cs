using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Commands.Containers;
using CrunSharp.Cli.Options;
using CrunSharp.Cli.Output;
using CrunSharp.Cli.Templates;
using CrunSharp.Oci;

namespace CrunSharp.Cli.Commands.Volumes;

/// <summary><c>volume create</c>: makes a volume unless it is there.</summary>
internal sealed class CreateVolumeCommand : Command
{
    private static readonly Option[] Table =
    [
        new Value<CreateVolumeCommand>("driver", 'd', "string", "The driver: local", static (o, v) => o._driver = v) { Default = "\"local\"" },
        new Value<CreateVolumeCommand>("label", '\0', "list", "Set labels", static (o, v) => o._labels.Add(EnvironmentSyntax.Label(v))),
        new Value<CreateVolumeCommand>("opt", 'o', "map", "Settings of the driver (type, device, o)", static (o, v) => o._options.Add(ValueSyntax.Pair(v, "option"))),
    ];

    private readonly List<KeyValuePair<string, string>> _labels = [];
    private readonly List<KeyValuePair<string, string>> _options = [];
    private string _driver = "local";

    public override string Synopsis => "[OPTIONS] [VOLUME]";
    public override Option[] Options => Table;
    public override int MostOperands => 1;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        if (_driver != "local" || _options.Count > 0) throw CrunException.Unsupported("volumes have no drivers or options in this version");
        var labels = new Dictionary<string, string>();
        foreach (var (key, value) in _labels) labels[key] = value;
        context.Out.WriteLine(EngineAccess.Open(context).Volumes.Create(operands.Count > 0 ? operands[0] : null, labels).Name);
        return ExitCodes.Success;
    }
}

/// <summary>A volume as <c>volume ls</c> lists it.</summary>
internal sealed record VolumeRow(string Name, string Driver, string Mountpoint, IReadOnlyList<KeyValuePair<string, string>> Labels);

/// <summary><c>volume ls</c>: lists volumes.</summary>
internal sealed class ListVolumesCommand : Command
{
    private static readonly Option[] Table =
    [
        new Value<ListVolumesCommand>("filter", 'f', "filter", "Only those with name=value", static (o, v) => o._filters.Add(v)),
        new Value<ListVolumesCommand>("format", '\0', "string", "table, json, or a Go template", static (o, v) => o._format = v),
        new Flag<ListVolumesCommand>("quiet", 'q', "Only names", static (o, v) => o._quiet = v),
    ];

    private static readonly Column<VolumeRow>[] Columns =
    [
        new("Driver", "DRIVER", static v => v.Driver),
        new("Name", "VOLUME NAME", static v => v.Name),
        new("Scope", "SCOPE", static _ => "local"),
        new("Mountpoint", "MOUNTPOINT", static v => v.Mountpoint),
        new("Labels", "LABELS", static v => string.Join(',', v.Labels.Select(static l => $"{l.Key}={l.Value}"))),
        new("Links", "LINKS", static _ => "N/A"),
        new("Size", "SIZE", static _ => "N/A"),
        new("Label", "", static v => new DomFunction(a => v.Labels.FirstOrDefault(l => a is [string name] && name == l.Key).Value ?? "")),
    ];

    private readonly Filters _filters = new("dangling", "driver", "label", "name");
    private string? _format;
    private bool _quiet;

    public override string Synopsis => "[OPTIONS]";
    public override Option[] Options => Table;
    public override int MostOperands => 0;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        var volumes = Find(context);
        if (_quiet && _format is null) foreach (var volume in volumes) context.Out.WriteLine(volume.Name);
        else new ListFormat<VolumeRow>(Columns).Write(context.Out, volumes, _format, ["Driver", "Name"]);
        return ExitCodes.Success;
    }

    private List<VolumeRow> Find(CommandContext context)
    {
        var engine = EngineAccess.Open(context);
        var used = VolumeUse.Names(engine);
        var rows = new List<VolumeRow>();
        foreach (var volume in engine.Volumes.List())
        {
            if (_filters.Holds("name", value => volume.Name.Contains(value, StringComparison.Ordinal))
                && _filters.Holds("driver", static value => value == "local")
                && _filters.Holds("dangling", value => (value is "true" or "1") != used.Contains(volume.Name))
                && _filters.LabelsHold(volume.Labels)) rows.Add(VolumeDocument.RowOf(engine, volume));
        }
        return rows;
    }
}

/// <summary><c>volume rm</c>: removes volumes that no container has.</summary>
internal sealed class RemoveVolumesCommand : Command
{
    private static readonly Option[] Table =
    [
        new Flag<RemoveVolumesCommand>("force", 'f', "Do not mind those that do not exist", static (o, v) => o._force = v),
    ];

    private bool _force;

    public override string Synopsis => "[OPTIONS] VOLUME [VOLUME...]";
    public override Option[] Options => Table;
    public override int LeastOperands => 1;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        var engine = EngineAccess.Open(context);
        return Operands.ForEach(context, operands, name =>
        {
            try
            {
                engine.Volumes.Remove(name);
            }
            catch (CrunException error) when (_force && error.Kind == ErrorKind.NotFound)
            {
                // It is as it should be.
            }
            context.Out.WriteLine(name);
        });
    }
}

/// <summary><c>volume inspect</c>: shows all that is known of volumes.</summary>
internal sealed class InspectVolumesCommand : Command
{
    private static readonly Option[] Table =
    [
        new Value<InspectVolumesCommand>("format", 'f', "string", "json, or a Go template", static (o, v) => o._format = v),
    ];

    private string? _format;

    public override string Synopsis => "[OPTIONS] VOLUME [VOLUME...]";
    public override Option[] Options => Table;
    public override int LeastOperands => 1;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        return InspectFormat.WriteEach(context, operands, _format, name =>
            VolumeDocument.TryFind(context, name) ?? throw CrunException.NotFound($"get {name}: no such volume"));
    }

}

/// <summary>Which volumes containers have.</summary>
internal static class VolumeUse
{
    public static HashSet<string> Names(Engine.ContainerEngine engine)
    {
        var used = new HashSet<string>();
        foreach (var container in engine.Containers.List())
        {
            foreach (var mount in container.Config.Host.Mounts)
            {
                if (mount is { Type: "volume", Name: { } name }) used.Add(name);
            }
        }
        return used;
    }
}
