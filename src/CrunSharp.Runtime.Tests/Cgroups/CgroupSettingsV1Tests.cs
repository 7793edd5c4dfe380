using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;
using CrunSharp.Runtime.Cgroups;

namespace CrunSharp.Runtime.Tests.Cgroups;

public class CgroupSettingsV1Tests
{
    private static IEnumerable<TestCaseData> Settings()
    {
        yield return Case("nothing", new ResourcesSpec());
        yield return Case("memory", Memory(new MemorySpec { Limit = 1000 }), "memory memory.limit_in_bytes = 1000");
        yield return Case("memory without limit", Memory(new MemorySpec { Limit = -1 }),
            "memory memory.limit_in_bytes = -1", "memory memory.memsw.limit_in_bytes = -1");
        yield return Case("all of memory", Memory(new MemorySpec
        {
            Limit = 1000,
            Swap = 3000,
            Reservation = 500,
            Kernel = 700,
            KernelTCP = 600,
            Swappiness = 50,
            DisableOOMKiller = true,
            UseHierarchy = true,
        }), "memory memory.limit_in_bytes = 1000", "memory memory.memsw.limit_in_bytes = 3000", "memory memory.soft_limit_in_bytes = 500",
            "memory memory.kmem.limit_in_bytes = 700", "memory memory.kmem.tcp.limit_in_bytes = 600", "memory memory.use_hierarchy = 1",
            "memory memory.swappiness = 50", "memory memory.oom_control = 1");
        yield return Case("unset as engines write it", Memory(new MemorySpec { Limit = 0, Swap = 0, Kernel = -1, Swappiness = ulong.MaxValue }));
        yield return Case("cpu", new ResourcesSpec { Cpu = new CpuSpec { Shares = 512, Quota = 50000, Period = 100000, Burst = 1000, Cpus = "0-1", Mems = "0" } },
            "cpu cpu.shares = 512", "cpu cpu.cfs_burst_us = 1000", "cpu cpu.cfs_period_us = 100000", "cpu cpu.cfs_quota_us = 50000",
            "cpuset cpuset.cpus = 0-1", "cpuset cpuset.mems = 0");
        yield return Case("no quota", new ResourcesSpec { Cpu = new CpuSpec { Quota = -1 } }, "cpu cpu.cfs_quota_us = -1");
        yield return Case("real time", new ResourcesSpec { Cpu = new CpuSpec { RealtimePeriod = 1000000, RealtimeRuntime = 950000 } },
            "cpu cpu.rt_period_us = 1000000", "cpu cpu.rt_runtime_us = 950000");
        yield return Case("idle", new ResourcesSpec { Cpu = new CpuSpec { Idle = 1, Shares = 5 } }, "cpu cpu.idle = 1");
        yield return Case("tasks", new ResourcesSpec { Pids = new PidsSpec { Limit = 100 } }, "pids pids.max = 100");
        yield return Case("any number of tasks", new ResourcesSpec { Pids = new PidsSpec { Limit = -1 } }, "pids pids.max = max");
        yield return Case("no task but the first", new ResourcesSpec { Pids = new PidsSpec { Limit = 0 } }, "pids pids.max = 1");
        yield return Case("block devices", new ResourcesSpec
        {
            BlockIO = new BlockIoSpec
            {
                Weight = 500,
                LeafWeight = 300,
                WeightDevice = [new WeightDevice { Major = 8, Minor = 0, Weight = 1000, LeafWeight = 10 }],
                ThrottleReadBpsDevice = [new ThrottleDevice { Major = 8, Minor = 0, Rate = 1048576 }],
                ThrottleWriteBpsDevice = [new ThrottleDevice { Major = 8, Minor = 0, Rate = ulong.MaxValue }],
                ThrottleReadIOPSDevice = [new ThrottleDevice { Major = 8, Minor = 16, Rate = 7 }],
                ThrottleWriteIOPSDevice = [new ThrottleDevice { Major = 8, Minor = 16, Rate = 0 }],
            },
        }, "blkio blkio.bfq.weight = 500", "blkio blkio.leaf_weight = 300", "blkio blkio.bfq.weight_device = 8:0 1000", "blkio blkio.leaf_weight_device = 8:0 10",
            "blkio blkio.throttle.read_bps_device = 8:0 1048576", "blkio blkio.throttle.write_bps_device = 8:0 18446744073709551615",
            "blkio blkio.throttle.read_iops_device = 8:16 7", "blkio blkio.throttle.write_iops_device = 8:16 0");
        yield return Case("huge pages", new ResourcesSpec { HugepageLimits = [new HugepageLimit { PageSize = "2MB", Limit = 4194304 }] },
            "hugetlb hugetlb.2MB.rsvd.limit_in_bytes = 4194304", "hugetlb hugetlb.2MB.limit_in_bytes = 4194304");
        yield return Case("rdma", new ResourcesSpec { Rdma = new Dictionary<string, RdmaLimit> { ["mlx5_1"] = new() { HcaHandles = 3 } } },
            "rdma rdma.max = mlx5_1 hca_handle=3");
        yield return Case("network", new ResourcesSpec
        {
            Network = new NetworkSpec { ClassID = 0x100001, Priorities = [new InterfacePriority { Name = "eth0", Priority = 500 }] },
        }, "net_cls net_cls.classid = 1048577", "net_prio net_prio.ifpriomap = eth0 500");

        static TestCaseData Case(string name, ResourcesSpec resources, params string[] lines) =>
            new TestCaseData(resources, lines).SetArgDisplayNames(name);
    }

    private static ResourcesSpec Memory(MemorySpec memory) => new() { Memory = memory };

    [TestCaseSource(nameof(Settings))]
    public void A_limit_becomes_a_file(ResourcesSpec resources, string[] lines) =>
        Assert.That(CgroupSettingsV1.From(resources).Select(setting => $"{setting.Controller} {setting.File} = {setting.Value}"), Is.EqualTo(lines));

    private static IEnumerable<TestCaseData> Refused()
    {
        yield return Case(Memory(new MemorySpec { Limit = -2 }), "memory.limit of -2 is no number of bytes");
        yield return Case(Memory(new MemorySpec { Limit = 10, Swap = 5 }), "memory.swap of 5 is less than memory.limit of 10");
        yield return Case(Memory(new MemorySpec { Swappiness = 101 }), "memory.swappiness of 101 is not in 0 to 100");
        yield return Case(new ResourcesSpec { BlockIO = new BlockIoSpec { Weight = 5 } }, "blockIO.weight of 5 is not in 10 to 1000");
        yield return Case(new ResourcesSpec { HugepageLimits = [new HugepageLimit { PageSize = "../2MB" }] }, "hugepageLimits: \"../2MB\" is no size of pages");
        yield return Case(new ResourcesSpec { Unified = new Dictionary<string, string> { ["memory.high"] = "1" } },
            "unified.memory.high cannot be enforced: this host has no cgroup v2");
        yield return Case(new ResourcesSpec { Network = new NetworkSpec { Priorities = [new InterfacePriority { Name = "a b" }] } },
            "network.priorities: \"a b\" is no interface");

        static TestCaseData Case(ResourcesSpec resources, string message) => new TestCaseData(resources, message).SetArgDisplayNames(message);
    }

    [TestCaseSource(nameof(Refused))]
    public void What_cannot_be_is_refused(ResourcesSpec resources, string message) =>
        Assert.That(() => CgroupSettingsV1.From(resources), Throws.TypeOf<CrunException>().With.Message.StartsWith(message));

    private const string Mounts = """
        30 24 0:26 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
        31 30 0:27 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:5 - cgroup cgroup rw,cpu,cpuacct
        32 30 0:28 / /sys/fs/cgroup/a\040b rw,relatime - cgroup cgroup rw,memory
        33 30 0:29 / /sys/fs/cgroup/systemd rw,relatime - cgroup systemd rw,xattr,name=systemd
        34 30 0:30 / /sys/fs/cgroup/other rw,relatime - cgroup other rw,name=other
        35 30 0:28 / /mnt rw,relatime - cgroup cgroup rw,memory
        37 30 0:32 / /hidden rw,relatime - cgroup cgroup rw,pids
        36 30 0:31 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
        cut short
        """;

    [Test]
    public void Trees_are_found_among_the_mounts() =>
        Assert.That(CgroupHierarchy.From(Mounts, path => path != "/hidden").Select(tree => $"{tree.MountPoint} {string.Join('+', tree.Controllers)}"), Is.EqualTo(new[]
        {
            "/sys/fs/cgroup/cpu,cpuacct cpu+cpuacct",
            "/sys/fs/cgroup/a b memory",
            "/sys/fs/cgroup/systemd name=systemd",
        }));
}
