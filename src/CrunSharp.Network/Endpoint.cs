using System.Net;

namespace CrunSharp.Network;

/// <summary>What <see cref="BridgeNetwork.Connect"/> is asked for.</summary>
public sealed record EndpointRequest
{
    /// <summary>The container's id.</summary>
    public required string ContainerId { get; init; }

    /// <summary>A process in the container's network namespace, which is not the caller's.</summary>
    public required int Pid { get; init; }

    /// <summary>The container's host name; informative.</summary>
    public string Hostname { get; init; } = "";

    /// <summary>The names by which other containers of the network find it, the container's own first.</summary>
    public IReadOnlyList<string> Names { get; init; } = [];
}

/// <summary>An address that belongs to a container from now on, before its processes exist.</summary>
public sealed record EndpointLease
{
    /// <summary>The network's name.</summary>
    public required string NetworkName { get; init; }

    /// <summary>The container's id.</summary>
    public required string ContainerId { get; init; }

    /// <summary>The container's address.</summary>
    public required IPAddress Address { get; init; }

    /// <summary>The length of the network's prefix in bits.</summary>
    public required int PrefixLength { get; init; }

    /// <summary>The bridge's address, the container's way out and the host's address for the container.</summary>
    public required IPAddress Gateway { get; init; }

    /// <summary>The Ethernet address of the container's interface, made from its IP address.</summary>
    public required string MacAddress { get; init; }

    /// <summary>The name of the interface on the host's side; random, so it also tells one lease from another.</summary>
    public required string HostInterface { get; init; }

    /// <summary>Whether there is no way out of the network.</summary>
    public bool IsInternal { get; init; }
}

/// <summary>A container's place in a network: all that is needed to take it away again, in any process.</summary>
public sealed record EndpointRecord
{
    /// <summary>The network's name.</summary>
    public required string NetworkName { get; init; }

    /// <summary>The network's id; empty for a predefined one.</summary>
    public string NetworkId { get; init; } = "";

    /// <summary>The container's id.</summary>
    public required string ContainerId { get; init; }

    /// <summary>The container's address.</summary>
    public required IPAddress Address { get; init; }

    /// <summary>The length of the network's prefix in bits.</summary>
    public required int PrefixLength { get; init; }

    /// <summary>The bridge's address.</summary>
    public required IPAddress Gateway { get; init; }

    /// <summary>The Ethernet address of the container's interface.</summary>
    public required string MacAddress { get; init; }

    /// <summary>The name of the interface on the host's side.</summary>
    public required string HostInterface { get; init; }

    /// <summary>The published ports with the host ports that were chosen.</summary>
    public required IReadOnlyList<PortForward> Ports { get; init; }

    /// <summary>The boot of the host in which the container was connected.</summary>
    public required string BootId { get; init; }

    /// <summary>The process in the container's network namespace.</summary>
    public required int Pid { get; init; }

    /// <summary>When that process started, in clock ticks since boot.</summary>
    public required ulong PidStartTime { get; init; }

    /// <summary>The container's host name.</summary>
    public string Hostname { get; init; } = "";

    /// <summary>The names by which other containers of the network find it, the container's own first.</summary>
    public IReadOnlyList<string> Names { get; init; } = [];

    /// <summary>Whether there is no way out of the network.</summary>
    public bool IsInternal { get; init; }

    /// <summary>Whether the process still lives.</summary>
    internal bool IsAlive => Addresses.Boot.IsAlive(BootId, Pid, PidStartTime);
}
