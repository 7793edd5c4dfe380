using CrunSharp.Kernel.Files;
using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;

namespace CrunSharp.Runtime.Cgroups;

/// <summary>
/// The trees of cgroups that a host has: version 2 alone, version 1 alone, or both (a hybrid), where each controller is
/// in one of them.
/// </summary>
public sealed class CgroupHost : IDisposable
{
    private CgroupHost(CgroupV2? unified, IReadOnlyList<CgroupHierarchy> hierarchies) => (Unified, Hierarchies) = (unified, hierarchies);

    /// <summary>The tree of version 2; null when there is none.</summary>
    public CgroupV2? Unified { get; }

    /// <summary>The trees of version 1.</summary>
    public IReadOnlyList<CgroupHierarchy> Hierarchies { get; }

    /// <summary>Looks at what is mounted. Where version 2 is at the usual place the host has nothing else, as all engines take it.</summary>
    /// <exception cref="CrunException">The table of mounts cannot be read.</exception>
    public static CgroupHost Find()
    {
        if (CgroupV2.TryOpenUsual() is { } tree) return new CgroupHost(tree, []);
        var mounts = KernelFile.Read(null, "/proc/self/mountinfo");
        return new CgroupHost(CgroupV2.TryFind(mounts), CgroupHierarchy.Mounted(mounts));
    }

    /// <summary>Whether a controller is in a tree of version 1.</summary>
    public bool HasInV1(string controller)
    {
        foreach (var hierarchy in Hierarchies)
        {
            if (hierarchy.Has(controller)) return true;
        }
        return false;
    }

    /// <summary>Tells apart the limits for the trees of version 1 from those for version 2.</summary>
    /// <exception cref="CrunException">There is no tree that could take one of them.</exception>
    internal (ResourcesSpec V1, ResourcesSpec V2) Split(ResourcesSpec all)
    {
        bool In1(string controller) => Unified is null || HasInV1(controller);
        var (cpu, sets) = (In1("cpu"), In1("cpuset"));
        return (
            new ResourcesSpec
            {
                Memory = In1("memory") ? all.Memory : null,
                Cpu = CpuPart(all.Cpu, cpu, sets),
                Pids = In1("pids") ? all.Pids : null,
                BlockIO = In1("blkio") ? all.BlockIO : null,
                HugepageLimits = In1("hugetlb") ? all.HugepageLimits : null,
                Rdma = In1("rdma") ? all.Rdma : null,
                Network = NetworkPart(all.Network, In1("net_cls"), In1("net_prio")),
                Unified = Unified is null ? all.Unified : null,
            },
            new ResourcesSpec
            {
                Memory = In1("memory") ? null : all.Memory,
                Cpu = CpuPart(all.Cpu, !cpu, !sets),
                Pids = In1("pids") ? null : all.Pids,
                BlockIO = In1("blkio") ? null : all.BlockIO,
                HugepageLimits = In1("hugetlb") ? null : all.HugepageLimits,
                Rdma = In1("rdma") ? null : all.Rdma,
                Network = NetworkPart(all.Network, !In1("net_cls"), !In1("net_prio")),
                Unified = Unified is null ? null : all.Unified,
            });
    }

    /// <summary>The settings that have a tree of version 1; those that only say what holds anyway need none.</summary>
    /// <exception cref="CrunException">One of the others has none.</exception>
    internal List<CgroupSetting> RequireInV1(IReadOnlyList<CgroupSetting> settings)
    {
        var kept = new List<CgroupSetting>(settings.Count);
        foreach (var setting in settings)
        {
            if (HasInV1(setting.Controller)) kept.Add(setting);
            else if (!setting.IsUnlimited)
                throw CrunException.Unsupported($"{setting.Resource} cannot be enforced: the {setting.Controller} controller is not available on this host");
        }
        return kept;
    }

    /// <inheritdoc/>
    public void Dispose() => Unified?.Dispose();

    private static CpuSpec? CpuPart(CpuSpec? cpu, bool time, bool sets) => (cpu, time, sets) switch
    {
        (null, _, _) or (_, false, false) => null,
        (_, true, true) => cpu,
        (_, true, false) => cpu with { Cpus = null, Mems = null },
        _ => new CpuSpec { Cpus = cpu.Cpus, Mems = cpu.Mems },
    };

    private static NetworkSpec? NetworkPart(NetworkSpec? network, bool classes, bool priorities) =>
        network is null || !(classes || priorities) ? null : new NetworkSpec
        {
            ClassID = classes ? network.ClassID : null,
            Priorities = priorities ? network.Priorities : null,
        };
}
