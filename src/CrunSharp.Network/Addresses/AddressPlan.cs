using System.Net;

namespace CrunSharp.Network.Addresses;

/// <summary>Which addresses of a network are whose.</summary>
/// <param name="Subnet">All of them.</param>
/// <param name="Gateway">The bridge's.</param>
/// <param name="Range">Those that containers get which ask for none.</param>
/// <param name="Reserved">Those that no container gets.</param>
internal sealed record AddressPlan(Subnet Subnet, uint Gateway, Subnet Range, IReadOnlyCollection<uint> Reserved)
{
    /// <summary>The plan of a network.</summary>
    /// <exception cref="Oci.CrunException">The record is of something else.</exception>
    public static AddressPlan Of(NetworkRecord network)
    {
        var subnet = network.ParseSubnet();
        var reserved = new HashSet<uint>();
        foreach (var address in network.AuxAddresses.Values) reserved.Add(Subnet.ToNumber(IPAddress.Parse(address)));
        return new AddressPlan(subnet, network.ParseGateway(), network.IpRange.Length > 0 ? Subnet.Parse(network.IpRange) : subnet, reserved);
    }

    /// <summary>Whether a container can have an address: neither network, broadcast, gateway nor a reserved one.</summary>
    public bool IsUsable(uint address) => address > Subnet.First && address < Subnet.Last && address != Gateway && !Reserved.Contains(address);

    /// <summary>The next address of the range that a container can have, after the last one the first; null when there is none.</summary>
    public uint? Next(uint after)
    {
        var next = after;
        for (ulong i = 0; i <= Range.Last - Range.First; i++)
        {
            next = next >= Range.First && next < Range.Last ? next + 1 : Range.First;
            if (IsUsable(next)) return next;
        }
        return null;
    }
}
