using CrunSharp.Oci.Runtime;

namespace CrunSharp.Runtime.Init;

/// <summary>Moves network devices of the host into a container.</summary>
/// <seealso href="https://github.com/opencontainers/runtime-spec/blob/main/config-linux.md#network-devices"/>
internal static class NetworkDevices
{
    /// <summary>Moves them.</summary>
    public static void Move(IReadOnlyDictionary<string, NetDeviceSpec?> devices, int pid) => throw new NotSupportedException();
}
