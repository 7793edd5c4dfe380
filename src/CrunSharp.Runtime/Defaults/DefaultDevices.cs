using CrunSharp.Oci.Runtime;

namespace CrunSharp.Runtime.Defaults;

/// <summary>The devices that every container has.</summary>
/// <seealso href="https://github.com/opencontainers/runtime-spec/blob/main/config-linux.md#default-devices"/>
public static class DefaultDevices
{
    private const uint Everyone = 0x1b6; // 0666

    /// <summary>The nodes. <c>/dev/ptmx</c> is a link into the container's devpts, <c>/dev/console</c> its terminal.</summary>
    public static IReadOnlyList<DeviceSpec> Nodes { get; } =
    [
        Node("/dev/null", 1, 3),
        Node("/dev/zero", 1, 5),
        Node("/dev/full", 1, 7),
        Node("/dev/random", 1, 8),
        Node("/dev/urandom", 1, 9),
        Node("/dev/tty", 5, 0),
    ];

    /// <summary>
    /// What every container may do with devices: make any node, which by itself gives no access, and use the default
    /// ones and its terminals. To be put after a specification's own rules.
    /// </summary>
    public static IReadOnlyList<DeviceRule> Allowed { get; } =
    [
        Allow("c", null, null, "m"),
        Allow("b", null, null, "m"),
        Allow("c", 1, 3, "rwm"),
        Allow("c", 1, 5, "rwm"),
        Allow("c", 1, 7, "rwm"),
        Allow("c", 1, 8, "rwm"),
        Allow("c", 1, 9, "rwm"),
        Allow("c", 5, 0, "rwm"),
        Allow("c", 5, 1, "rwm"),
        Allow("c", 5, 2, "rwm"),
        Allow("c", 136, null, "rwm"),
    ];

    /// <summary>The rules of a container that asks for no other devices: nothing but <see cref="Allowed"/>.</summary>
    public static IReadOnlyList<DeviceRule> Rules { get; } = [new DeviceRule { Allow = false, Access = "rwm" }, .. Allowed];

    private static DeviceSpec Node(string path, long major, long minor) =>
        new() { Path = path, Type = "c", Major = major, Minor = minor, FileMode = Everyone, Uid = 0, Gid = 0 };

    private static DeviceRule Allow(string type, long? major, long? minor, string access) =>
        new() { Allow = true, Type = type, Major = major, Minor = minor, Access = access };
}
