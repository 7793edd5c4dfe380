using System.Net;

namespace CrunSharp.Network;

/// <summary>The transport of a published port.</summary>
public enum PortProtocol
{
    /// <summary>TCP.</summary>
    Tcp,

    /// <summary>UDP.</summary>
    Udp,

    /// <summary>SCTP.</summary>
    Sctp,
}

/// <summary>A port of the host that leads to a port of a container.</summary>
public sealed record PortForward
{
    /// <summary>The host's address on which the port is published.</summary>
    /// <value>Null for all addresses, IPv4 and IPv6; 0.0.0.0 for all of IPv4.</value>
    public IPAddress? HostIp { get; init; }

    /// <summary>The host's port.</summary>
    /// <value>1 to 65535; 0 lets <see cref="BridgeNetwork.Reserve"/> choose.</value>
    public ushort HostPort { get; init; }

    /// <summary>The last of the host's ports to choose from; <see cref="HostPort"/> is the first.</summary>
    /// <value>Null when there is no choice, and after <see cref="BridgeNetwork.Reserve"/> has chosen.</value>
    public ushort? LastHostPort { get; init; }

    /// <summary>The container's port.</summary>
    /// <value>1 to 65535.</value>
    public ushort ContainerPort { get; init; }

    /// <summary>The transport.</summary>
    public PortProtocol Protocol { get; init; }

    /// <summary>Whether IPv4 clients are led to the container.</summary>
    internal bool HasIPv4 => HostIp is null or { AddressFamily: System.Net.Sockets.AddressFamily.InterNetwork };

    /// <summary>Whether IPv6 clients are led to the container.</summary>
    internal bool HasIPv6 => HostIp is null or { AddressFamily: System.Net.Sockets.AddressFamily.InterNetworkV6 };

    /// <summary>The number of the protocol in IP headers.</summary>
    internal byte ProtocolNumber => Protocol switch { PortProtocol.Tcp => 6, PortProtocol.Udp => 17, _ => 132 };

    /// <summary>The address in which the port is published, <c>0.0.0.0</c> for all.</summary>
    internal IPAddress BindAddress => HostIp ?? IPAddress.Any;
}
