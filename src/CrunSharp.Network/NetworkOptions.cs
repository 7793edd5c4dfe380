using System.Globalization;
using CrunSharp.Oci;

namespace CrunSharp.Network;

/// <summary>The options of the driver <c>bridge</c>, by Docker's names.</summary>
internal static class NetworkOptions
{
    /// <summary>The name of the bridge.</summary>
    public const string BridgeName = "com.docker.network.bridge.name";

    /// <summary>Whether what leaves the host gets its address.</summary>
    public const string Masquerade = "com.docker.network.bridge.enable_ip_masquerade";

    private const string Mtu = "com.docker.network.driver.mtu";
    private const int MostNameBytes = 15;

    /// <summary>Checks options.</summary>
    /// <exception cref="CrunException">One is unknown, or its value makes no sense.</exception>
    public static void Check(IReadOnlyDictionary<string, string> options)
    {
        foreach (var (name, value) in options)
        {
            var isValid = name switch
            {
                BridgeName => value.Length <= MostNameBytes && !value.AsSpan().ContainsAnyExcept("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") && value is not ("." or ".."),
                Masquerade => value is "true" or "false" or "1" or "0",
                Mtu => uint.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var mtu) && mtu is 0 or (>= 68 and <= 65535),
                _ => throw CrunException.Unsupported($"the option {name} of the driver bridge is not supported ({BridgeName}, {Masquerade} and {Mtu} are)"),
            };
            if (!isValid) throw CrunException.Invalid($"invalid value {value} of option {name}");
        }
    }

    /// <summary>Whether an option that is on by default is on.</summary>
    public static bool Flag(IReadOnlyDictionary<string, string> options, string name) => options.GetValueOrDefault(name) is not ("false" or "0");

    /// <summary>The largest packet in bytes; null for that of the host's way out.</summary>
    public static uint? MtuOf(IReadOnlyDictionary<string, string> options) =>
        options.TryGetValue(Mtu, out var text) && uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var mtu) && mtu > 0 ? mtu : null;
}
