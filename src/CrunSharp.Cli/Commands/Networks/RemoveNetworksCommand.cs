using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Commands.Containers;
using CrunSharp.Cli.Output;
using CrunSharp.Oci;

namespace CrunSharp.Cli.Commands.Networks;

/// <summary><c>network rm</c>: removes networks that no container is connected to.</summary>
internal sealed class RemoveNetworksCommand : Command
{
    private static readonly Option[] Table =
    [
        new Flag<RemoveNetworksCommand>("force", 'f', "Do not mind those that do not exist", static (o, v) => o._force = v),
    ];

    private bool _force;

    public override string Synopsis => "[OPTIONS] NETWORK [NETWORK...]";
    public override Option[] Options => Table;
    public override int LeastOperands => 1;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        var engine = EngineAccess.Open(context);
        engine.Networks.Sweep();
        return Operands.ForEach(context, operands, name =>
        {
            if (engine.Networks.TryFind(name) is not { } network)
            {
                if (_force) return; // it is as it should be
                throw CrunException.NotFound($"network {name} not found");
            }
            engine.Networks.Remove(network);
            context.Out.WriteLine(name);
        });
    }
}

/// <summary><c>network inspect</c>: shows all that is known of networks.</summary>
internal sealed class InspectNetworksCommand : Command
{
    private static readonly Option[] Table =
    [
        new Value<InspectNetworksCommand>("format", 'f', "string", "json, or a Go template", static (o, v) => o._format = v),
        new Flag<InspectNetworksCommand>("verbose", 'v', "Accepted: there is no more to show", static (_, _) => { }) { Hidden = true },
    ];

    private string? _format;

    public override string Synopsis => "[OPTIONS] NETWORK [NETWORK...]";
    public override Option[] Options => Table;
    public override int LeastOperands => 1;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands) => InspectFormat.WriteEach(context, operands, _format,
        name => NetworkDocument.TryFind(context, name) ?? throw CrunException.NotFound($"network {name} not found"));
}
