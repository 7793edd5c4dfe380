using System.Net;
using System.Net.Sockets;
using CrunSharp.Network.Addresses;
using CrunSharp.Oci;

namespace CrunSharp.Network;

/// <summary>Checks the addresses that a network is to have.</summary>
internal static class NetworkCheck
{
    /// <summary>The addresses that were asked for; null when they are to be chosen.</summary>
    /// <exception cref="CrunException">Something is malformed, or outside of the network.</exception>
    public static Subnet? AddressesOf(NetworkRequest request)
    {
        if (request.Subnet is null)
        {
            return request.IpRange is null && request.Gateway is null ? request.AuxAddresses.Count == 0 ? null
                : throw CrunException.Invalid($"no matching subnet for aux-address {request.AuxAddresses.Values.First()}")
                : throw CrunException.Invalid("every ip-range or gateway must have a corresponding subnet");
        }
        var subnet = SubnetOf(request.Subnet, "subnet");
        if (request.IpRange is { } range && !subnet.Contains(SubnetOf(range, "ip-range"))) throw CrunException.Invalid($"no matching subnet for range {range}");
        if (request.Gateway is { } gateway && !IsInside(subnet, gateway)) throw CrunException.Invalid($"no matching subnet for gateway {gateway}");
        foreach (var address in request.AuxAddresses.Values)
        {
            if (!IsInside(subnet, address)) throw CrunException.Invalid($"no matching subnet for aux-address {address}");
            if (address == (request.Gateway ?? Subnet.ToAddress(subnet.Gateway).ToString())) throw CrunException.Exists("failed to allocate secondary ip address: Address already in use");
        }
        return subnet;
    }

    private static Subnet SubnetOf(string text, string what)
    {
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        if (slash < 0 || !IPAddress.TryParse(text.AsSpan(0, slash), out var address)
            || !int.TryParse(text.AsSpan(slash + 1), System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var length)
            || length > (address.AddressFamily == AddressFamily.InterNetwork ? 32 : 128)) throw CrunException.Invalid($"invalid {what}: invalid CIDR address: {text}");
        if (address.AddressFamily != AddressFamily.InterNetwork) throw CrunException.Unsupported($"invalid {what} {text}: networks have IPv4 only in this version");
        if (Subnet.Of(Subnet.ToNumber(address), length) is var whole && whole.First != Subnet.ToNumber(address))
            throw CrunException.Invalid($"invalid network config: invalid {what} {text}: it should be {whole}");
        // A range may be one address.
        if (what == "subnet" ? length is < 8 or > 30 : length < 8) throw CrunException.Unsupported($"invalid {what} {text}: it must be of /8 to /30");
        return whole;
    }

    private static bool IsInside(Subnet subnet, string text) =>
        IPAddress.TryParse(text, out var address) && address.AddressFamily == AddressFamily.InterNetwork
        && Subnet.ToNumber(address) is var number && number > subnet.First && number < subnet.Last;
}
