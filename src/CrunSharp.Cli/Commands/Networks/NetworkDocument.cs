using System.Text;
using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Commands.Containers;
using CrunSharp.Cli.Templates;
using CrunSharp.Engine;
using CrunSharp.Network;
using CrunSharp.Oci;

namespace CrunSharp.Cli.Commands.Networks;

/// <summary>A network as <c>inspect</c> shows it, in docker's schema.</summary>
internal static class NetworkDocument
{
    private const string Always = "0001-01-01T00:00:00Z";

    public static DomObject? TryFind(CommandContext context, string name)
    {
        var engine = EngineAccess.Open(context);
        return engine.Networks.TryFind(name) is { } network ? Of(engine, network) : null;
    }

    /// <summary>The id of a container's place in a network: made of what is unique to it.</summary>
    public static string EndpointIdOf(EndpointRecord endpoint) =>
        Digest.Of(Encoding.UTF8.GetBytes($"{endpoint.ContainerId} {endpoint.HostInterface}")).Hex;

    private static DomObject Of(ContainerEngine engine, NetworkRecord network)
    {
        // The default network has its addresses from the first time that somebody asks.
        if (network.Name == BridgeNetwork.DefaultName) network = engine.Networks.Default();
        return new DomObject
        {
            ["Name"] = network.Name,
            ["Id"] = network.Id,
            ["Created"] = network.Created.Length > 0 ? network.Created : Always,
            ["Scope"] = "local",
            ["Driver"] = network.Driver,
            ["EnableIPv4"] = true,
            ["EnableIPv6"] = false,
            ["IPAM"] = new DomObject
            {
                ["Driver"] = "default",
                ["Options"] = network.IsPredefined ? null : new DomObject { IsMap = true },
                ["Config"] = network.Subnet.Length == 0 ? null : new List<object?> { AddressesOf(network) },
            },
            ["Internal"] = network.IsInternal,
            ["Attachable"] = network.IsAttachable,
            ["Ingress"] = false,
            ["ConfigFrom"] = new DomObject { ["Network"] = "" },
            ["ConfigOnly"] = false,
            ["Containers"] = ContainersOf(engine, network),
            ["Options"] = Map(OptionsOf(network)),
            ["Labels"] = Map(network.Labels),
        };
    }

    private static DomObject AddressesOf(NetworkRecord network)
    {
        var config = new DomObject { ["Subnet"] = network.Subnet };
        if (network.IpRange.Length > 0) config["IPRange"] = network.IpRange;
        config["Gateway"] = network.GatewayAddress.ToString();
        if (network.AuxAddresses.Count > 0) config["AuxiliaryAddresses"] = Map(network.AuxAddresses);
        return config;
    }

    private static DomObject ContainersOf(ContainerEngine engine, NetworkRecord network)
    {
        var containers = new DomObject { IsMap = true };
        foreach (var endpoint in engine.Networks.EndpointsOf(network))
        {
            containers[endpoint.ContainerId] = new DomObject
            {
                ["Name"] = engine.Containers.TryFind(endpoint.ContainerId)?.Config.Name ?? "",
                ["EndpointID"] = EndpointIdOf(endpoint),
                ["MacAddress"] = endpoint.MacAddress,
                ["IPv4Address"] = $"{endpoint.Address}/{endpoint.PrefixLength}",
                ["IPv6Address"] = "",
            };
        }
        // Those in the networks without addresses have no endpoints.
        if (network.Bridge.Length == 0)
        {
            foreach (var container in engine.Containers.List())
            {
                if (container.Config.Host.Network != network.Name || !container.IsRunning) continue;
                containers[container.Id] = new DomObject { ["Name"] = container.Config.Name, ["EndpointID"] = "", ["MacAddress"] = "", ["IPv4Address"] = "", ["IPv6Address"] = "" };
            }
        }
        return containers;
    }

    private static IEnumerable<KeyValuePair<string, string>> OptionsOf(NetworkRecord network) => network.Name != BridgeNetwork.DefaultName ? network.Options :
    [
        new("com.docker.network.bridge.default_bridge", "true"),
        new("com.docker.network.bridge.name", network.Bridge),
    ];

    private static DomObject Map(IEnumerable<KeyValuePair<string, string>> values)
    {
        var map = new DomObject { IsMap = true };
        foreach (var (name, value) in values) map[name] = value;
        return map;
    }
}
