using CrunSharp.Engine.Containers;
using CrunSharp.Engine.Specs;
using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;
using CrunSharp.Runtime.Cgroups;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Engine.Supervision;

/// <summary>
/// A container's cgroup. A host without cgroup v2 gets none; a limit that was asked for and that this host cannot keep
/// is refused, one that is only a default is left out.
/// </summary>
internal sealed class ContainerCgroup
{
    private readonly Cgroup _cgroup;
    private readonly IReadOnlyList<DeviceRule>? _devices;

    private ContainerCgroup(Cgroup cgroup, IReadOnlyList<DeviceRule>? devices) => (_cgroup, _devices) = (cgroup, devices);

    /// <summary>Its directory, which processes are born into.</summary>
    public SafeFileHandle Directory => _cgroup.Directory;

    /// <summary>Refuses limits that this host cannot keep.</summary>
    /// <exception cref="CrunException">One line for the first of them.</exception>
    public static void Check(HostOptions host)
    {
        if (host is { Memory: 0, NanoCpus: 0, PidsLimit: <= 0 }) return;
        Check(SpecGenerator.ResourcesOf(host));
    }

    /// <summary>Refuses limits that this host cannot keep.</summary>
    /// <exception cref="CrunException">One line for the first of them.</exception>
    public static void Check(ResourcesSpec resources)
    {
        using var tree = CgroupV2.TryFind() ?? throw CrunException.Unsupported("limits need cgroup v2, which this host has not mounted");
        foreach (var missing in tree.MissingFor(resources))
        {
            throw CrunException.Unsupported($"{OptionOf(missing.Resource)} cannot be enforced: the {missing.Controller} controller is not "
                + $"available in cgroup v2 on this host ({tree.MountPoint})");
        }
    }

    /// <summary>Makes the cgroup with its limits; <see cref="RestrictDevices"/> comes before the container's program starts.</summary>
    public static ContainerCgroup? Create(Container container, RuntimeSpec spec, CleanupStack cleanup, string parent = "/")
    {
        if (CgroupV2.TryFind() is not { } found) return null;
        var tree = cleanup.Owns(found);
        var resources = spec.Linux?.Resources ?? new ResourcesSpec();
        var cgroup = cleanup.Owns(tree.Create(PathOf(container.Id, parent), resources));
        cleanup.Push(() =>
        {
            // What the container left behind in other pid namespaces (exec) ends with it.
            cgroup.Kill();
            cgroup.Remove();
        });
        return new ContainerCgroup(cgroup, resources.Devices);
    }

    /// <summary>Puts its device rules in force, best while the container makes its mounts: the kernel takes some tenths of a millisecond.</summary>
    public void RestrictDevices()
    {
        if (_devices is { } rules) DeviceFilter.Apply(_cgroup, rules);
    }

    /// <summary>The directory of a running container's cgroup; null when it has none.</summary>
    public static SafeFileHandle? TryOpenDirectory(Container container)
    {
        using var tree = CgroupV2.TryFind();
        return tree?.TryOpen(PathOf(container))?.Directory;
    }

    /// <summary>Removes the cgroup of a container whose supervisor was killed.</summary>
    public static void RemoveOf(Container container) => RemoveOf(container.Id);

    /// <summary>Removes the cgroup of a container or step whose keeper was killed, and ends what is in it.</summary>
    public static void RemoveOf(string id, string parent = "/")
    {
        using var tree = CgroupV2.TryFind();
        using var cgroup = tree?.TryOpen(PathOf(id, parent));
        cgroup?.Kill();
        cgroup?.Remove();
    }

    /// <summary>Whether the kernel ended a process in it for want of memory.</summary>
    public bool WasKilledForMemory() => _cgroup.OomKills > 0;

    // No common parent: nothing is left when the last container is gone.
    private static string PathOf(Container container) => PathOf(container.Id);

    private static string PathOf(string id, string parent = "/") => $"{parent.TrimEnd('/')}/crun-sharp-{id}";

    private static string OptionOf(string resource) =>
        resource.StartsWith("memory", StringComparison.Ordinal) ? "--memory"
        : resource is "cpu.cpus" or "cpu.mems" ? "--cpuset-" + resource[4..]
        : resource is "cpu.shares" ? "--cpu-shares"
        : resource.StartsWith("cpu", StringComparison.Ordinal) ? "--cpus"
        : resource.StartsWith("pids", StringComparison.Ordinal) ? "--pids-limit"
        : resource;
}
