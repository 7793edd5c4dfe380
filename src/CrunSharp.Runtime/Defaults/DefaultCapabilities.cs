using CrunSharp.Kernel.Processes;
using CrunSharp.Oci.Runtime;

namespace CrunSharp.Runtime.Defaults;

/// <summary>The capabilities of a container that asks for nothing else (docs/decisions/0005).</summary>
public static class DefaultCapabilities
{
    /// <summary>The eleven that programs of ordinary images need to install and to drop privileges.</summary>
    public static CapabilitySet Set => CapabilitySet.Of(
        Capability.CAP_CHOWN,
        Capability.CAP_DAC_OVERRIDE,
        Capability.CAP_FOWNER,
        Capability.CAP_FSETID,
        Capability.CAP_KILL,
        Capability.CAP_NET_BIND_SERVICE,
        Capability.CAP_SETFCAP,
        Capability.CAP_SETGID,
        Capability.CAP_SETPCAP,
        Capability.CAP_SETUID,
        Capability.CAP_SYS_CHROOT);

    /// <summary>
    /// The five sets of a process that may use <paramref name="granted"/>: root has them all at once, another user
    /// only through programs that carry them. Nothing is inheritable or ambient.
    /// </summary>
    /// <param name="granted">What the container may use.</param>
    /// <param name="uid">Who the process runs as.</param>
    public static CapabilitiesSpec For(CapabilitySet granted, uint uid)
    {
        var names = granted.ToNames();
        IReadOnlyList<string> atOnce = uid == 0 ? names : [];
        return new CapabilitiesSpec
        {
            Bounding = names,
            Permitted = atOnce,
            Effective = atOnce,
            Inheritable = [],
            Ambient = [],
        };
    }
}
