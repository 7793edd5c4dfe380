using CrunSharp.Kernel.Files;

namespace CrunSharp.Kernel;

/// <summary>The run of the kernel since it was booted.</summary>
public static class Boot
{
    /// <summary>The kernel's random id of this boot: what was written under another one is of a host that was restarted.</summary>
    public static string Id => field ??= KernelFile.Read(null, "/proc/sys/kernel/random/boot_id").Trim();
}
