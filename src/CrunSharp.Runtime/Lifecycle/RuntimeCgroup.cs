using CrunSharp.Kernel.Processes;
using CrunSharp.Oci.Runtime;
using CrunSharp.Runtime.Cgroups;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Runtime.Lifecycle;

/// <summary>The cgroup of a container of an OCI runtime.</summary>
internal static class RuntimeCgroup
{
    /// <summary>The path of a container's cgroup; null when it is to have none.</summary>
    public static string? PathOf(CreateOptions options, RuntimeSpec spec) =>
        options.CgroupManager == "disabled" ? null
        : spec.Linux?.CgroupsPath is { Length: > 0 } path ? path.StartsWith('/') ? path : "/" + path
        : "/" + options.Id;

    /// <summary>Makes it; null on a host that has none.</summary>
    public static SafeFileHandle? Create(RuntimeContainer container, RuntimeSpec spec)
    {
        if (container.Record.CgroupPath is not { } path || CgroupV2.TryFind() is not { } tree) return null;
        var cgroup = tree.Create(path, spec.Linux?.Resources);
        if (spec.Linux?.Resources?.Devices is { } rules) DeviceFilter.Apply(cgroup, rules);
        return cgroup.Directory;
    }

    /// <summary>Opens its directory; null when it has none.</summary>
    public static SafeFileHandle? TryOpen(RuntimeContainer container, string? below)
    {
        if (container.Record.CgroupPath is not { } path || CgroupV2.TryFind() is not { } tree) return null;
        return tree.TryOpen(below is null ? path : $"{path}/{below}")?.Directory;
    }

    public static bool IsFrozen(RuntimeContainer container) => false;

    public static void Thaw(RuntimeContainer container) { }

    public static bool TryKillAll(RuntimeContainer container, Signal signal) => false;

    public static void Remove(RuntimeContainer container)
    {
        if (container.TryRecord()?.CgroupPath is not { } path || CgroupV2.TryFind() is not { } tree) return;
        using var cgroup = tree.TryOpen(path);
        cgroup?.Kill();
        cgroup?.Remove();
    }
}
