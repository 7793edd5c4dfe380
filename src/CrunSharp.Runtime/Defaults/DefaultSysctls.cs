namespace CrunSharp.Runtime.Defaults;

/// <summary>Kernel parameters of a container with a network namespace of its own.</summary>
public static class DefaultSysctls
{
    /// <summary>
    /// What takes the place of capabilities that a container does not have: everyone may ping (without CAP_NET_RAW)
    /// and listen on any port of the container's own network.
    /// </summary>
    public static IReadOnlyDictionary<string, string> Network { get; } = new Dictionary<string, string>(2)
    {
        ["net.ipv4.ping_group_range"] = "0 2147483647",
        ["net.ipv4.ip_unprivileged_port_start"] = "0",
    };
}
