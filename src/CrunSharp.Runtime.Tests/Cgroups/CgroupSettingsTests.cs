using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;
using CrunSharp.Runtime.Cgroups;

namespace CrunSharp.Runtime.Tests.Cgroups;

public class CgroupSettingsTests
{
    private static string[] Text(ResourcesSpec resources) =>
        [.. CgroupSettings.From(resources).Select(setting => $"{setting.Controller} {setting.File} = {setting.Value}")];

    private static IEnumerable<TestCaseData> Settings()
    {
        yield return Case("nothing", new ResourcesSpec());
        yield return Case("memory", Memory(1000), "memory memory.max = 1000");
        yield return Case("memory without limit", Memory(-1), "memory memory.max = max", "memory memory.swap.max = max");
        yield return Case("unset as engines write it", new ResourcesSpec
        {
            Memory = new MemorySpec { Limit = 0, Swap = 0, Reservation = 0, Kernel = -1, Swappiness = ulong.MaxValue },
            Cpu = new CpuSpec { Shares = 0, Quota = 0, Period = 0, Cpus = "", Mems = "" },
            BlockIO = new BlockIoSpec { Weight = 0 },
            Network = new NetworkSpec { ClassID = 0, Priorities = [] },
        });
        yield return Case("memory and swap", new ResourcesSpec { Memory = new MemorySpec { Limit = 1000, Swap = 3000, Reservation = 500 } },
            "memory memory.max = 1000", "memory memory.swap.max = 2000", "memory memory.low = 500");
        yield return Case("no swap", new ResourcesSpec { Memory = new MemorySpec { Limit = 1000, Swap = 1000 } },
            "memory memory.max = 1000", "memory memory.swap.max = 0");
        yield return Case("swap without limit", new ResourcesSpec { Memory = new MemorySpec { Swap = -1 } }, "memory memory.swap.max = max");
        yield return Case("cpu", new ResourcesSpec { Cpu = new CpuSpec { Shares = 512, Quota = 50000, Period = 100000, Cpus = "0-1", Mems = "0" } },
            "cpu cpu.weight = 59", "cpu cpu.max = 50000 100000", "cpuset cpuset.cpus = 0-1", "cpuset cpuset.mems = 0");
        yield return Case("quota alone", new ResourcesSpec { Cpu = new CpuSpec { Quota = 5000 } }, "cpu cpu.max = 5000");
        yield return Case("no quota", new ResourcesSpec { Cpu = new CpuSpec { Quota = -1, Period = 5000 } }, "cpu cpu.max = max 5000");
        yield return Case("period alone", new ResourcesSpec { Cpu = new CpuSpec { Period = 5000 } }, "cpu cpu.max = max 5000");
        yield return Case("burst", new ResourcesSpec { Cpu = new CpuSpec { Quota = 5000, Burst = 1000 } },
            "cpu cpu.max.burst = 1000", "cpu cpu.max = 5000");
        yield return Case("idle", new ResourcesSpec { Cpu = new CpuSpec { Idle = 1, Shares = 5 } }, "cpu cpu.idle = 1");
        yield return Case("tasks", new ResourcesSpec { Pids = new PidsSpec { Limit = 100 } }, "pids pids.max = 100");
        yield return Case("any number of tasks", new ResourcesSpec { Pids = new PidsSpec { Limit = -1 } }, "pids pids.max = max");
        yield return Case("no task but the first", new ResourcesSpec { Pids = new PidsSpec { Limit = 0 } }, "pids pids.max = 1");
        yield return Case("block devices", new ResourcesSpec
        {
            BlockIO = new BlockIoSpec
            {
                Weight = 500,
                WeightDevice = [new WeightDevice { Major = 8, Minor = 0, Weight = 1000 }],
                ThrottleReadBpsDevice = [new ThrottleDevice { Major = 8, Minor = 0, Rate = 1048576 }],
                ThrottleWriteIOPSDevice = [new ThrottleDevice { Major = 8, Minor = 16, Rate = 0 }],
            },
        }, "io io.bfq.weight = 500", "io io.bfq.weight = 8:0 1000", "io io.max = 8:0 rbps=1048576", "io io.max = 8:16 wiops=max");
        yield return Case("huge pages", new ResourcesSpec { HugepageLimits = [new HugepageLimit { PageSize = "2MB", Limit = 4194304 }] },
            "hugetlb hugetlb.2MB.rsvd.max = 4194304", "hugetlb hugetlb.2MB.max = 4194304");
        yield return Case("rdma", new ResourcesSpec { Rdma = new Dictionary<string, RdmaLimit> { ["mlx5_1"] = new() { HcaHandles = 3, HcaObjects = 10000 } } },
            "rdma rdma.max = mlx5_1 hca_handle=3 hca_object=10000");
        yield return Case("files", new ResourcesSpec { Unified = new Dictionary<string, string> { ["memory.high"] = "1G", ["cgroup.max.depth"] = "1" } },
            "memory memory.high = 1G", " cgroup.max.depth = 1");

        static TestCaseData Case(string name, ResourcesSpec resources, params string[] lines) =>
            new TestCaseData(resources, lines).SetArgDisplayNames(name);
    }

    private static ResourcesSpec Memory(long limit) => new() { Memory = new MemorySpec { Limit = limit } };

    [TestCaseSource(nameof(Settings))]
    public void A_limit_becomes_a_file(ResourcesSpec resources, string[] lines) => Assert.That(Text(resources), Is.EqualTo(lines));

    [Test]
    public void What_is_partly_given_is_completed_from_what_is()
    {
        string? Current(string file) => file switch { "cpu.max" => "20000 100000\n", "memory.max" => "1000\n", _ => null };
        string[] From(ResourcesSpec resources) => [.. CgroupSettings.From(resources, Current).Select(setting => $"{setting.File} = {setting.Value}")];
        Assert.Multiple(() =>
        {
            Assert.That(From(new ResourcesSpec { Cpu = new CpuSpec { Period = 50000 } }), Is.EqualTo(new[] { "cpu.max = 20000 50000" }));
            Assert.That(From(new ResourcesSpec { Cpu = new CpuSpec { Quota = 30000 } }), Is.EqualTo(new[] { "cpu.max = 30000" }));
            Assert.That(From(new ResourcesSpec { Memory = new MemorySpec { Swap = 1500 } }), Is.EqualTo(new[] { "memory.swap.max = 500" }));
            Assert.That(From(new ResourcesSpec { Memory = new MemorySpec { Limit = 1200, Swap = 1500 } }), Is.EqualTo(new[] { "memory.max = 1200", "memory.swap.max = 300" }));
        });
    }

    [TestCase(0UL, 1UL)]
    [TestCase(2UL, 1UL)]
    [TestCase(1024UL, 100UL)]
    [TestCase(262144UL, 10000UL)]
    [TestCase(999999UL, 10000UL)]
    public void Shares_become_a_weight(ulong shares, ulong weight) => Assert.That(CgroupSettings.WeightOf(shares), Is.EqualTo(weight));

    [Test]
    public void More_shares_are_never_less_weight()
    {
        var before = 0UL;
        for (var shares = 2UL; shares <= 262144; shares += 1 + shares / 50)
        {
            var weight = CgroupSettings.WeightOf(shares);
            Assert.That(weight, Is.InRange(Math.Max(1, before), 10000));
            before = weight;
        }
    }

    private static IEnumerable<TestCaseData> Refused()
    {
        yield return Case(Memory(-2), "memory.limit of -2 is no number of bytes");
        yield return Case(new ResourcesSpec { Memory = new MemorySpec { Swap = 5 } }, "memory.swap needs memory.limit");
        yield return Case(new ResourcesSpec { Memory = new MemorySpec { Limit = 10, Swap = 5 } }, "memory.swap of 5 is less than memory.limit of 10");
        yield return Case(new ResourcesSpec { Memory = new MemorySpec { Swappiness = 50 } }, "memory.swappiness cannot be enforced: there is nothing like it in cgroup v2");
        yield return Case(new ResourcesSpec { Memory = new MemorySpec { DisableOOMKiller = true } }, "memory.disableOOMKiller cannot be enforced");
        yield return Case(new ResourcesSpec { Network = new NetworkSpec { ClassID = 5 } }, "network.classID cannot be enforced");
        yield return Case(new ResourcesSpec { Cpu = new CpuSpec { RealtimeRuntime = 5 } }, "cpu.realtimeRuntime cannot be enforced");
        yield return Case(new ResourcesSpec { BlockIO = new BlockIoSpec { Weight = 5 } }, "blockIO.weight of 5 is not in 10 to 1000");
        yield return Case(new ResourcesSpec { HugepageLimits = [new HugepageLimit { PageSize = "../2MB" }] }, "hugepageLimits: \"../2MB\" is no size of pages");
        yield return Case(new ResourcesSpec { HugepageLimits = [new HugepageLimit { PageSize = "MB" }] }, "hugepageLimits: \"MB\" is no size of pages");
        yield return Case(new ResourcesSpec { Unified = new Dictionary<string, string> { ["../memory.max"] = "1" } }, "unified: \"../memory.max\" is no file");
        yield return Case(new ResourcesSpec { Unified = new Dictionary<string, string> { ["tasks"] = "1" } }, "unified: \"tasks\" is no file");
        yield return Case(new ResourcesSpec { Rdma = new Dictionary<string, RdmaLimit> { ["a\nb"] = new() } }, "rdma: \"a\nb\" is no device");

        static TestCaseData Case(ResourcesSpec resources, string message) => new TestCaseData(resources, message).SetArgDisplayNames(message);
    }

    [TestCaseSource(nameof(Refused))]
    public void What_cannot_be_is_refused(ResourcesSpec resources, string message) =>
        Assert.That(() => CgroupSettings.From(resources), Throws.TypeOf<CrunException>().With.Message.StartsWith(message));
}
