using System.Net;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Network.Addresses;
using CrunSharp.Oci;

namespace CrunSharp.Network;

/// <summary>What is chosen once for a network.</summary>
public sealed record NetworkRecord
{
    /// <summary>The network's name.</summary>
    public required string Name { get; init; }

    /// <summary>Its id: 64 hexadecimal digits.</summary>
    public string Id { get; init; } = "";

    /// <summary>When it was created, RFC 3339; empty for the predefined ones.</summary>
    public string Created { get; init; } = "";

    /// <summary><c>bridge</c>, <c>host</c> or <c>null</c>.</summary>
    public string Driver { get; init; } = "bridge";

    /// <summary>The name of its bridge, at most 15 bytes; empty when it has none.</summary>
    public required string Bridge { get; init; }

    /// <summary>Its addresses, <c>10.88.0.0/16</c>; empty when it has none.</summary>
    public required string Subnet { get; init; }

    /// <summary>The bridge's address; empty for the first that a host can have.</summary>
    public string Gateway { get; init; } = "";

    /// <summary>The addresses that containers get which ask for none; empty for all.</summary>
    public string IpRange { get; init; } = "";

    /// <summary>Addresses that no container gets, by names that mean something to the user.</summary>
    public IReadOnlyDictionary<string, string> AuxAddresses { get; init; } = new Dictionary<string, string>();

    /// <summary>Whether the user chose the addresses, so that containers can ask for one of them.</summary>
    public bool HasChosenSubnet { get; init; }

    /// <summary>Whether nothing leads in or out, but to and from the host.</summary>
    public bool IsInternal { get; init; }

    /// <summary>Whether containers outside of swarms could be attached by hand: kept for <c>inspect</c>, as Docker does.</summary>
    public bool IsAttachable { get; init; }

    /// <summary>Labels.</summary>
    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();

    /// <summary>Options of the driver as the user gave them.</summary>
    public IReadOnlyDictionary<string, string> Options { get; init; } = new Dictionary<string, string>();

    /// <summary>The file that defines it; empty for the predefined ones.</summary>
    internal string Definition { get; init; } = "";

    /// <summary>Whether it is one of those that are always there.</summary>
    public bool IsPredefined => Definition.Length == 0;

    /// <summary>The directory of its run-time files.</summary>
    internal string Key => IsPredefined ? Name : Id;

    /// <summary>Whether it was not removed meanwhile.</summary>
    internal bool IsDefined => IsPredefined || TryReadFile(Definition)?.Id == Id;

    /// <summary>Whether what leaves the host through another interface gets the host's address.</summary>
    internal bool Masquerades => !IsInternal && NetworkOptions.Flag(Options, NetworkOptions.Masquerade);

    /// <summary>The largest packet in bytes; null for that of the host's way out.</summary>
    internal uint? Mtu => NetworkOptions.MtuOf(Options);

    /// <summary>Its addresses.</summary>
    /// <exception cref="CrunException">The record holds something else.</exception>
    internal Subnet ParseSubnet() => Addresses.Subnet.Parse(Subnet);

    /// <summary>The bridge's address: the host, as containers see it.</summary>
    /// <exception cref="CrunException">The network has none.</exception>
    public IPAddress GatewayAddress => Addresses.Subnet.ToAddress(ParseGateway());

    /// <summary>The bridge's address.</summary>
    /// <exception cref="CrunException">The record holds something else.</exception>
    internal uint ParseGateway() => Gateway.Length == 0 ? ParseSubnet().Gateway
        : IPAddress.TryParse(Gateway, out var address) && address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork ? Addresses.Subnet.ToNumber(address)
        : throw CrunException.Invalid($"\"{Gateway}\" is no IPv4 address");

    /// <summary>Refuses an address that no container can ask for here.</summary>
    /// <exception cref="CrunException">It is outside of the network, or the user did not choose the network's addresses.</exception>
    public void CheckAddress(IPAddress address)
    {
        if (!HasChosenSubnet) throw CrunException.Invalid("user specified IP address is supported only when connecting to networks with user configured subnets", $"invalid config for network {Name}");
        if (address.AddressFamily != System.Net.Sockets.AddressFamily.InterNetwork || !AddressPlan.Of(this).IsUsable(Addresses.Subnet.ToNumber(address)))
            throw CrunException.Invalid($"no configured subnet or ip-range contain the IP address {address}", $"invalid config for network {Name}");
    }

    /// <summary>The records of all networks that were in use since the boot.</summary>
    internal static List<NetworkRecord> All(NetworkPaths paths)
    {
        var all = new List<NetworkRecord>();
        using var directory = FileAt.TryOpen(null, paths.Run, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY, out _);
        if (directory is null) return all;
        foreach (var key in FileAt.List(directory))
            if (TryRead(paths, key) is { } record) all.Add(record);
        return all;
    }

    /// <summary>The record of a network that was in use since the boot; null when there is none, or a power cut or a hand spoiled it.</summary>
    internal static NetworkRecord? TryRead(NetworkPaths paths, string key) =>
        TryReadFile(paths.RecordOf(key)) is { } record && record.Key == key ? record : null;

    /// <summary>The record in a file; null when there is none, or a power cut or a hand spoiled it.</summary>
    internal static NetworkRecord? TryReadFile(string path)
    {
        try
        {
            var record = NetworkJson.TryRead(null, path, NetworkJson.Network);
            if (record is null || record.Bridge.Length is 0 or > 15) return null;
            AddressPlan.Of(record);
            return record;
        }
        catch (Exception error) when (error is CrunException { Kind: ErrorKind.Integrity or ErrorKind.InvalidInput } or FormatException)
        {
            return null;
        }
    }
}
