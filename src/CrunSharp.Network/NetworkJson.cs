using System.Net;
using CrunSharp.Kernel.Files;
using CrunSharp.Network.Addresses;
using CrunSharp.Oci;
using CrunSharp.Oci.Json;
using Microsoft.Win32.SafeHandles;
using static CrunSharp.Oci.Json.JsonKind;

namespace CrunSharp.Network;

/// <summary>This project's records as JSON, for its own files and for documents that have them as parts.</summary>
public static class NetworkJson
{
    private const int MostBytes = 16 * 1024 * 1024;

    private static readonly JsonKind<IPAddress> Address = Word(
        static text => IPAddress.TryParse(text, out var address) ? address : throw CrunException.Invalid("this is no IP address"),
        static address => address.ToString());

    /// <summary>A published port.</summary>
    public static JsonRecord<PortForward> Port { get; } = new JsonRecord<PortForward>(new PortForward())
        .Optional("hostIp", Address, static p => p.HostIp, static (p, v) => p with { HostIp = v })
        .Field("hostPort", UShort, static p => p.HostPort, static (p, v) => p with { HostPort = v })
        .OptionalValue("lastHostPort", UShort, static p => p.LastHostPort, static (p, v) => p with { LastHostPort = v })
        .Field("containerPort", UShort, static p => p.ContainerPort, static (p, v) => p with { ContainerPort = v })
        .Field("protocol", Word(ToProtocol, ToWord), static p => p.Protocol, static (p, v) => p with { Protocol = v });

    /// <summary>A container's place in a network.</summary>
    public static JsonRecord<EndpointRecord> Endpoint { get; } = new JsonRecord<EndpointRecord>(new EndpointRecord
    {
        NetworkName = "",
        ContainerId = "",
        Address = IPAddress.None,
        PrefixLength = 0,
        Gateway = IPAddress.None,
        MacAddress = "",
        HostInterface = "",
        Ports = [],
        BootId = "",
        Pid = 0,
        PidStartTime = 0,
    })
        .Required("networkName", Text, static e => e.NetworkName, static (e, v) => e with { NetworkName = v })
        .Required("containerId", Text, static e => e.ContainerId, static (e, v) => e with { ContainerId = v })
        .Required("address", Address, static e => e.Address, static (e, v) => e with { Address = v })
        .Required("prefixLength", Int, static e => e.PrefixLength, static (e, v) => e with { PrefixLength = v })
        .Required("gateway", Address, static e => e.Gateway, static (e, v) => e with { Gateway = v })
        .Required("macAddress", Text, static e => e.MacAddress, static (e, v) => e with { MacAddress = v })
        .Required("hostInterface", Text, static e => e.HostInterface, static (e, v) => e with { HostInterface = v })
        .Required("ports", List(Port), static e => e.Ports, static (e, v) => e with { Ports = v })
        .Required("bootId", Text, static e => e.BootId, static (e, v) => e with { BootId = v })
        .Required("pid", Int, static e => e.Pid, static (e, v) => e with { Pid = v })
        .Required("pidStartTime", ULong, static e => e.PidStartTime, static (e, v) => e with { PidStartTime = v })
        .Field("hostname", Text, static e => e.Hostname, static (e, v) => e with { Hostname = v })
        .Field("networkId", Text, static e => e.NetworkId, static (e, v) => e with { NetworkId = v })
        .Field("names", Texts, static e => e.Names, static (e, v) => e with { Names = v })
        .Field("isInternal", Flag, static e => e.IsInternal, static (e, v) => e with { IsInternal = v });

    internal static JsonRecord<NetworkRecord> Network { get; } = new JsonRecord<NetworkRecord>(new NetworkRecord { Name = "", Bridge = "", Subnet = "" })
        .Required("name", Text, static n => n.Name, static (n, v) => n with { Name = v })
        .Required("bridge", Text, static n => n.Bridge, static (n, v) => n with { Bridge = v })
        .Required("subnet", Text, static n => n.Subnet, static (n, v) => n with { Subnet = v })
        .Field("id", Text, static n => n.Id, static (n, v) => n with { Id = v })
        .Field("created", Text, static n => n.Created, static (n, v) => n with { Created = v })
        .Field("gateway", Text, static n => n.Gateway, static (n, v) => n with { Gateway = v })
        .Field("ipRange", Text, static n => n.IpRange, static (n, v) => n with { IpRange = v })
        .Field("auxAddresses", TextMap, static n => n.AuxAddresses, static (n, v) => n with { AuxAddresses = v })
        .Field("hasChosenSubnet", Flag, static n => n.HasChosenSubnet, static (n, v) => n with { HasChosenSubnet = v })
        .Field("isInternal", Flag, static n => n.IsInternal, static (n, v) => n with { IsInternal = v })
        .Field("isAttachable", Flag, static n => n.IsAttachable, static (n, v) => n with { IsAttachable = v })
        .Field("labels", TextMap, static n => n.Labels, static (n, v) => n with { Labels = v })
        .Field("options", TextMap, static n => n.Options, static (n, v) => n with { Options = v })
        .Field("definition", Text, static n => n.Definition, static (n, v) => n with { Definition = v });

    internal static JsonRecord<LeaseRecord> Lease { get; } = new JsonRecord<LeaseRecord>(new LeaseRecord
    {
        ContainerId = "",
        HostInterface = "",
        BootId = "",
        Holder = 0,
        HolderStartTime = 0,
    })
        .Required("containerId", Text, static l => l.ContainerId, static (l, v) => l with { ContainerId = v })
        .Required("hostInterface", Text, static l => l.HostInterface, static (l, v) => l with { HostInterface = v })
        .Required("bootId", Text, static l => l.BootId, static (l, v) => l with { BootId = v })
        .Required("holder", Int, static l => l.Holder, static (l, v) => l with { Holder = v })
        .Required("holderStartTime", ULong, static l => l.HolderStartTime, static (l, v) => l with { HolderStartTime = v });

    /// <summary>A file's content; null when there is no such file.</summary>
    /// <exception cref="CrunException">The file is malformed.</exception>
    internal static T? TryRead<T>(SafeFileHandle? directory, string path, JsonKind<T> kind) where T : class =>
        AtomicFile.TryRead(directory, path, MostBytes) is { } json ? kind.Parse(json, "file", $"read {path}") : null;

    private static PortProtocol ToProtocol(string word) => word switch
    {
        "tcp" => PortProtocol.Tcp,
        "udp" => PortProtocol.Udp,
        "sctp" => PortProtocol.Sctp,
        _ => throw CrunException.Invalid("this is no protocol"),
    };

    private static string ToWord(PortProtocol protocol) => protocol switch
    {
        PortProtocol.Tcp => "tcp",
        PortProtocol.Udp => "udp",
        _ => "sctp",
    };
}
