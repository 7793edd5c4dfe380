using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Commands.Containers;
using CrunSharp.Cli.Options;
using CrunSharp.Network;
using CrunSharp.Oci;

namespace CrunSharp.Cli.Commands.Networks;

/// <summary><c>network create</c>: makes a network.</summary>
internal sealed class CreateNetworkCommand : Command
{
    private static readonly Option[] Table =
    [
        new Flag<CreateNetworkCommand>("attachable", '\0', "Accepted: containers can always be attached", static (o, v) => o._attachable = v),
        new Value<CreateNetworkCommand>("aux-address", '\0', "map", "Addresses that no container gets (name=address)", static (o, v) => o._auxiliary.Add(ValueSyntax.Pair(v, "auxiliary address"))),
        new Value<CreateNetworkCommand>("driver", 'd', "string", "The driver: bridge", static (o, v) => o._driver = v) { Default = "\"bridge\"" },
        new Value<CreateNetworkCommand>("gateway", '\0', "strings", "The bridge's address", static (o, v) => o._gateways.AddRange(v.Split(','))),
        new Flag<CreateNetworkCommand>("internal", '\0', "Nothing leads in or out", static (o, v) => o._internal = v),
        new Value<CreateNetworkCommand>("ip-range", '\0', "strings", "The part of the subnet that containers get their addresses from", static (o, v) => o._ranges.AddRange(v.Split(','))),
        new Value<CreateNetworkCommand>("label", '\0', "list", "Set labels", static (o, v) => o._labels.Add(EnvironmentSyntax.Label(v))),
        new Value<CreateNetworkCommand>("opt", 'o', "map", "Options of the driver", static (o, v) => o._options.Add(ValueSyntax.Pair(v, "option"))),
        new Value<CreateNetworkCommand>("subnet", '\0', "strings", "Its addresses (10.20.0.0/16)", static (o, v) => o._subnets.AddRange(v.Split(','))),
    ];

    private readonly List<KeyValuePair<string, string>> _auxiliary = [];
    private readonly List<KeyValuePair<string, string>> _labels = [];
    private readonly List<KeyValuePair<string, string>> _options = [];
    private readonly List<string> _subnets = [];
    private readonly List<string> _gateways = [];
    private readonly List<string> _ranges = [];
    private string _driver = "bridge";
    private bool _attachable;
    private bool _internal;

    public override string Synopsis => "[OPTIONS] NETWORK";
    public override Option[] Options => Table;
    public override int LeastOperands => 1;
    public override int MostOperands => 1;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        if (_subnets.Count < _gateways.Count || _subnets.Count < _ranges.Count) throw CrunException.Invalid("every ip-range or gateway must have a corresponding subnet");
        if (_subnets.Count > 1) throw CrunException.Unsupported("a network has one subnet only in this version");
        var request = new NetworkRequest
        {
            Name = operands[0],
            Driver = _driver,
            Subnet = _subnets.Count > 0 ? _subnets[0] : null,
            Gateway = _gateways.Count > 0 ? _gateways[0] : null,
            IpRange = _ranges.Count > 0 ? _ranges[0] : null,
            AuxAddresses = Repeated.Last(_auxiliary),
            IsInternal = _internal,
            IsAttachable = _attachable,
            Labels = Repeated.Last(_labels),
            Options = Repeated.Last(_options),
        };
        context.Out.WriteLine(EngineAccess.Open(context).Networks.Create(request, context.Clock).Id);
        return ExitCodes.Success;
    }
}
