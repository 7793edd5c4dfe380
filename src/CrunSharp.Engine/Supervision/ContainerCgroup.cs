using CrunSharp.Engine.Containers;
using CrunSharp.Oci.Runtime;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Engine.Supervision;

internal sealed class ContainerCgroup
{
    public SafeFileHandle? Directory => null;
    public static ContainerCgroup? Create(Container container, RuntimeSpec spec, CleanupStack cleanup) => null;
    public static SafeFileHandle? OpenDirectory(Container container) => null;
    public static void RemoveOf(Container container) { }
    public static void Check(HostOptions host) { }
    public bool WasKilledForMemory() => false;
}
