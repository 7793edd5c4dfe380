using System.Globalization;
using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;

namespace CrunSharp.Runtime.Cgroups;

/// <summary>Turns limits in the specification's words into the files of cgroup v1.</summary>
/// <seealso href="https://docs.kernel.org/admin-guide/cgroup-v1/index.html"/>
public static class CgroupSettingsV1
{
    private const string Section = "config-linux.md#control-groups";

    /// <summary>The files to write, in an order that the kernel accepts. Device rules are not among them.</summary>
    /// <param name="resources">The limits; those that are null stay as they are.</param>
    /// <exception cref="CrunException">A value is out of range, or there is nothing like it in cgroup v1.</exception>
    public static IReadOnlyList<CgroupSetting> From(ResourcesSpec resources)
    {
        var settings = new List<CgroupSetting>();
        if (resources.Memory is { } memory) AddMemory(settings, memory);
        if (resources.Cpu is { } cpu) AddCpu(settings, cpu);
        if (resources.Pids?.Limit is { } tasks)
            settings.Add(new CgroupSetting("pids.limit", "pids", "pids.max", tasks < 0 ? "max" : Number(Math.Max(tasks, 1))));
        if (resources.BlockIO is { } blocks) AddBlockIO(settings, blocks);
        foreach (var limit in resources.HugepageLimits ?? []) AddHugePages(settings, limit);
        foreach (var (device, limit) in resources.Rdma ?? new Dictionary<string, RdmaLimit>()) CgroupSettings.AddRdma(settings, device, limit);
        if (resources.Network is { } network) AddNetwork(settings, network);
        if (resources.Unified is { Count: > 0 } unified)
        {
            foreach (var file in unified.Keys) throw CrunException.Unsupported($"unified.{file} cannot be enforced: this host has no cgroup v2", spec: Section);
        }
        return settings;
    }

    // The kernel keeps memory below the sum with swap at any moment: what it refuses at first is written again at the end.
    private static void AddMemory(List<CgroupSetting> settings, MemorySpec memory)
    {
        if (memory.Limit is { } limit and not 0)
            settings.Add(new CgroupSetting("memory.limit", "memory", "memory.limit_in_bytes", Bytes("memory.limit", limit)) { MayWait = true });
        var swap = memory.Swap is null or 0 && memory.Limit == -1 ? -1 : memory.Swap;
        if (swap is { } sum and not 0)
        {
            if (sum > 0 && sum < memory.Limit)
                throw CgroupSettings.Invalid($"memory.swap of {sum} is less than memory.limit of {memory.Limit}, which it includes");
            settings.Add(new CgroupSetting("memory.swap", "memory", "memory.memsw.limit_in_bytes", Bytes("memory.swap", sum))
            {
                MayWait = true,
                IsOptional = sum == -1,
            });
        }
        if (memory.Reservation is { } reservation and not 0)
            settings.Add(new CgroupSetting("memory.reservation", "memory", "memory.soft_limit_in_bytes", Bytes("memory.reservation", reservation)));
        // Later kernels take a limit on kernel memory without a word, and have none.
        if (memory.Kernel is { } kernel and not (0 or -1))
            settings.Add(new CgroupSetting("memory.kernel", "memory", "memory.kmem.limit_in_bytes", Bytes("memory.kernel", kernel)) { IsVerified = true });
        if (memory.KernelTCP is { } tcp and not 0)
            settings.Add(new CgroupSetting("memory.kernelTCP", "memory", "memory.kmem.tcp.limit_in_bytes", Bytes("memory.kernelTCP", tcp)) { IsVerified = tcp != -1 });
        if (memory.UseHierarchy == true) settings.Add(new CgroupSetting("memory.useHierarchy", "memory", "memory.use_hierarchy", "1"));
        if (memory.Swappiness is { } swappiness and not ulong.MaxValue)
        {
            if (swappiness > 100) throw CgroupSettings.Invalid($"memory.swappiness of {swappiness} is not in 0 to 100");
            settings.Add(new CgroupSetting("memory.swappiness", "memory", "memory.swappiness", Number((long)swappiness)));
        }
        if (memory.DisableOOMKiller is { } waits) settings.Add(new CgroupSetting("memory.disableOOMKiller", "memory", "memory.oom_control", waits ? "1" : "0"));
    }

    private static void AddCpu(List<CgroupSetting> settings, CpuSpec cpu)
    {
        if (cpu.Idle is { } idle) settings.Add(new CgroupSetting("cpu.idle", "cpu", "cpu.idle", Number(idle)));
        // The kernel takes any number and keeps the nearest that it allows.
        if (cpu.Shares is { } shares and not 0 && cpu.Idle is not 1)
            settings.Add(new CgroupSetting("cpu.shares", "cpu", "cpu.shares", Text(shares)) { IsVerified = true });
        if (cpu.Burst is { } burst) settings.Add(new CgroupSetting("cpu.burst", "cpu", "cpu.cfs_burst_us", Text(burst)) { MayWait = true });
        if (cpu.Period is { } period and not 0) settings.Add(new CgroupSetting("cpu.period", "cpu", "cpu.cfs_period_us", Text(period)) { MayWait = true });
        if (cpu.Quota is { } quota and not 0)
            settings.Add(new CgroupSetting("cpu.quota", "cpu", "cpu.cfs_quota_us", quota < 0 ? "-1" : Number(quota)) { MayWait = true });
        if (cpu.RealtimePeriod is { } realtimePeriod and not 0)
            settings.Add(new CgroupSetting("cpu.realtimePeriod", "cpu", "cpu.rt_period_us", Text(realtimePeriod)) { MayWait = true });
        if (cpu.RealtimeRuntime is { } realtime and not 0)
            settings.Add(new CgroupSetting("cpu.realtimeRuntime", "cpu", "cpu.rt_runtime_us", Number(realtime)) { MayWait = true });
        if (!string.IsNullOrEmpty(cpu.Cpus)) settings.Add(new CgroupSetting("cpu.cpus", "cpuset", "cpuset.cpus", cpu.Cpus));
        if (!string.IsNullOrEmpty(cpu.Mems)) settings.Add(new CgroupSetting("cpu.mems", "cpuset", "cpuset.mems", cpu.Mems));
    }

    private static void AddBlockIO(List<CgroupSetting> settings, BlockIoSpec blocks)
    {
        if (blocks.Weight is { } weight and not 0) settings.Add(Weight("blockIO.weight", "", weight));
        if (blocks.LeafWeight is { } leaf and not 0)
            settings.Add(new CgroupSetting("blockIO.leafWeight", "blkio", "blkio.leaf_weight", Checked("blockIO.leafWeight", leaf)));
        foreach (var device in blocks.WeightDevice ?? [])
        {
            var name = CgroupSettings.Device(device.Major, device.Minor) + " ";
            if (device.Weight is { } own and not 0) settings.Add(Weight("blockIO.weightDevice", name, own));
            if (device.LeafWeight is { } ownLeaf and not 0)
            {
                settings.Add(new CgroupSetting("blockIO.weightDevice.leafWeight", "blkio", "blkio.leaf_weight_device",
                    name + Checked("blockIO.weightDevice.leafWeight", ownLeaf))
                { Unset = name + "0" });
            }
        }
        AddRates(settings, "blockIO.throttleReadBpsDevice", "blkio.throttle.read_bps_device", blocks.ThrottleReadBpsDevice);
        AddRates(settings, "blockIO.throttleWriteBpsDevice", "blkio.throttle.write_bps_device", blocks.ThrottleWriteBpsDevice);
        AddRates(settings, "blockIO.throttleReadIOPSDevice", "blkio.throttle.read_iops_device", blocks.ThrottleReadIOPSDevice);
        AddRates(settings, "blockIO.throttleWriteIOPSDevice", "blkio.throttle.write_iops_device", blocks.ThrottleWriteIOPSDevice);
    }

    // The file of the scheduler that came last; before it, CFQ's.
    private static CgroupSetting Weight(string resource, string device, ushort weight)
    {
        var file = device.Length == 0 ? "weight" : "weight_device";
        return new CgroupSetting(resource, "blkio", "blkio.bfq." + file, device + Checked(resource, weight), "blkio." + file)
        {
            Unset = device.Length == 0 ? null : device + "0",
        };
    }

    private static string Checked(string resource, ushort weight) =>
        weight is < 10 or > 1000 ? throw CgroupSettings.Invalid($"{resource} of {weight} is not in 10 to 1000") : Number(weight);

    // A rate of 0 is no limit.
    private static void AddRates(List<CgroupSetting> settings, string resource, string file, IReadOnlyList<ThrottleDevice>? devices)
    {
        foreach (var device in devices ?? [])
        {
            var name = CgroupSettings.Device(device.Major, device.Minor);
            settings.Add(new CgroupSetting(resource, "blkio", file, $"{name} {Text(device.Rate)}") { Unset = name + " 0" });
        }
    }

    private static void AddHugePages(List<CgroupSetting> settings, HugepageLimit limit)
    {
        var size = CgroupSettings.PageSize(limit);
        settings.Add(new CgroupSetting("hugepageLimits", "hugetlb", $"hugetlb.{size}.rsvd.limit_in_bytes", Text(limit.Limit)) { IsOptional = true });
        settings.Add(new CgroupSetting("hugepageLimits", "hugetlb", $"hugetlb.{size}.limit_in_bytes", Text(limit.Limit)));
    }

    private static void AddNetwork(List<CgroupSetting> settings, NetworkSpec network)
    {
        if (network.ClassID is { } id and not 0) settings.Add(new CgroupSetting("network.classID", "net_cls", "net_cls.classid", Text(id)));
        foreach (var device in network.Priorities ?? [])
        {
            if (device.Name.Length == 0 || device.Name.AsSpan().ContainsAny(" \t\n")) throw CgroupSettings.Invalid($"network.priorities: \"{device.Name}\" is no interface");
            settings.Add(new CgroupSetting("network.priorities", "net_prio", "net_prio.ifpriomap", $"{device.Name} {Text(device.Priority)}")
            {
                Unset = device.Name + " 0",
            });
        }
    }

    private static string Bytes(string resource, long value) =>
        value < -1 ? throw CgroupSettings.Invalid($"{resource} of {value} is no number of bytes") : Number(value);

    private static string Number(long value) => CgroupSettings.Number(value);

    private static string Text(ulong value) => value.ToString(CultureInfo.InvariantCulture);
}
