using System.Globalization;
using System.Text.Json;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;

namespace CrunSharp.Runtime.Tests.Cgroups;

/// <summary>Limits and counters on the trees that this host has: version 1, 2 or both.</summary>
public class LimitsTests
{
    private const long Mebibyte = 1 << 20;

    private TestContainerCgroups _test = null!;

    [SetUp]
    public void Begin() => _test = new TestContainerCgroups();

    [TearDown]
    public void End() => _test.Dispose();

    private void Need(string v1, string v2)
    {
        if (!_test.Has(v1, v2)) Assert.Ignore($"this host has no {v2} controller");
    }

    private string? Memory => _test.Read("memory", "memory.limit_in_bytes", "memory.max");

    private static ResourcesSpec Limit(long? limit, long? swap = null, bool check = false) =>
        new() { Memory = new MemorySpec { Limit = limit, Swap = swap, CheckBeforeUpdate = check } };

    [Test]
    public void Memory_is_limited_up_and_down_and_not_at_all()
    {
        Need("memory", "memory");
        using var cgroups = _test.Create(Limit(64 * Mebibyte, 128 * Mebibyte));
        Assert.That(Memory, Is.EqualTo("67108864"));
        // Up and down across the old sum with swap, in an order that the kernel takes.
        cgroups.Update(Limit(512 * Mebibyte, 1024 * Mebibyte));
        Assert.That((Memory, Swap()), Is.EqualTo(("536870912", 1024 * Mebibyte)));
        cgroups.Update(Limit(32 * Mebibyte, 32 * Mebibyte));
        Assert.That((Memory, Swap()), Is.EqualTo(("33554432", 32 * Mebibyte)));
        cgroups.Update(Limit(null, 48 * Mebibyte));
        Assert.That((Memory, Swap()), Is.EqualTo(("33554432", 48 * Mebibyte)));
        cgroups.Update(Limit(-1));
        Assert.That(Memory, Is.EqualTo(_test.Host.HasInV1("memory") ? "9223372036854771712" : "max"));

        long Swap() => _test.Host.HasInV1("memory")
            ? long.Parse(_test.Read("memory", "memory.memsw.limit_in_bytes", "")!, CultureInfo.InvariantCulture)
            : long.Parse(_test.Read("memory", "", "memory.swap.max")!, CultureInfo.InvariantCulture) + long.Parse(Memory!, CultureInfo.InvariantCulture);
    }

    [Test]
    public void A_limit_below_what_is_used_is_refused_when_it_is_to_be_checked()
    {
        Need("memory", "memory");
        using var cgroups = _test.Create(Limit(64 * Mebibyte));
        var shell = _test.Shell(cgroups);
        TestCgroup.Say(shell, "a=$(head -c 300000 /dev/zero | tr '\\0' a); echo done");
        Assert.Multiple(() =>
        {
            Assert.That(() => cgroups.Update(Limit(8192, check: true)), Throws.TypeOf<CrunException>().With.Message.Match("^memory.limit of 8192 is less than the [0-9]+ bytes in use"));
            Assert.That(Memory, Is.EqualTo("67108864"));
        });
    }

    [Test]
    public void A_change_that_fails_changes_nothing()
    {
        Need("memory", "memory");
        Need("cpu", "cpu");
        Need("cpuset", "cpuset");
        using var cgroups = _test.Create(new ResourcesSpec
        {
            Memory = new MemorySpec { Limit = 64 * Mebibyte, Swap = 64 * Mebibyte },
            Cpu = new CpuSpec { Quota = 50000, Period = 100000, Shares = 512 },
        });
        string?[] Values() => [Memory, _test.Read("cpu", "cpu.cfs_quota_us", "cpu.max"), _test.Read("cpu", "cpu.shares", "cpu.weight"), _test.Read("cpuset", "cpuset.cpus", "cpuset.cpus")];
        var before = Values();
        Assert.Multiple(() =>
        {
            Assert.That(() => cgroups.Update(new ResourcesSpec
            {
                Memory = new MemorySpec { Limit = 128 * Mebibyte, Swap = 256 * Mebibyte },
                Cpu = new CpuSpec { Quota = 20000, Shares = 100, Cpus = "4000" },
            }), Throws.TypeOf<CrunException>().With.Message.StartsWith("set cpu.cpus of cgroup"));
            Assert.That(Values(), Is.EqualTo(before));
        });
    }

    [Test]
    public void Processor_time_is_limited_and_counted()
    {
        Need("cpu", "cpu");
        using var cgroups = _test.Create(new ResourcesSpec { Cpu = new CpuSpec { Quota = 5000, Period = 50000 } });
        var shell = _test.Shell(cgroups);
        TestCgroup.Say(shell, "i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done; echo done");
        var stats = cgroups.ReadStats().Cpu;
        Assert.Multiple(() =>
        {
            Assert.That(stats.Usage.Total, Is.GreaterThan(1_000_000));
            Assert.That(stats.Throttling.Periods, Is.Positive);
            Assert.That(stats.Throttling.ThrottledPeriods, Is.Positive);
            Assert.That(stats.Throttling.ThrottledTime, Is.GreaterThan(1_000_000));
        });
        // Only what is given changes.
        cgroups.Update(new ResourcesSpec { Cpu = new CpuSpec { Period = 100000 } });
        Assert.That(Quota(), Is.EqualTo("5000 100000"));
        cgroups.Update(new ResourcesSpec { Cpu = new CpuSpec { Quota = 30000, Burst = 20000 } });
        Assert.That(Quota(), Is.EqualTo("30000 100000"));
        cgroups.Update(new ResourcesSpec { Cpu = new CpuSpec { Quota = 10000, Burst = 0 } });
        cgroups.Update(new ResourcesSpec { Cpu = new CpuSpec { Quota = -1 } });
        Assert.That(Quota(), Is.AnyOf("max 100000", "-1 100000"));

        string Quota() => _test.Host.HasInV1("cpu")
            ? _test.Read("cpu", "cpu.cfs_quota_us", "") + " " + _test.Read("cpu", "cpu.cfs_period_us", "")
            : _test.Read("cpu", "", "cpu.max")!;
    }

    [TestCase(2UL, "2", "1")]
    [TestCase(1024UL, "1024", "100")]
    [TestCase(262144UL, "262144", "10000")]
    public void Shares_are_shares_or_a_weight(ulong shares, string v1, string v2)
    {
        Need("cpu", "cpu");
        using var cgroups = _test.Create(new ResourcesSpec { Cpu = new CpuSpec { Shares = shares } });
        Assert.That(_test.Read("cpu", "cpu.shares", "cpu.weight"), Is.EqualTo(_test.Host.HasInV1("cpu") ? v1 : v2));
    }

    [Test]
    public void Shares_that_the_kernel_does_not_keep_are_refused()
    {
        if (!_test.Host.HasInV1("cpu")) Assert.Ignore("this host has no cpu controller in version 1");
        Assert.That(() => _test.Create(new ResourcesSpec { Cpu = new CpuSpec { Shares = 262145 } }), Throws.TypeOf<CrunException>()
            .With.Message.StartsWith("cpu.shares of 262145 cannot be enforced: the kernel makes it 262144"));
    }

    [Test]
    public void Processors_are_chosen_also_below_cgroups_that_are_new()
    {
        Need("cpuset", "cpuset");
        using var cgroups = _test.Create(new ResourcesSpec { Cpu = new CpuSpec { Cpus = "0", Mems = "0" } }, "/a/b");
        var shell = _test.Shell(cgroups);
        Assert.Multiple(() =>
        {
            Assert.That(_test.Read("cpuset", "cpuset.cpus", "cpuset.cpus", "/a/b"), Is.EqualTo("0"));
            Assert.That(File.ReadAllText($"/proc/{shell.Id}/status"), Does.Contain("Cpus_allowed_list:\t0\n"));
            Assert.That(cgroups.ReadStats().CpuSet.Cpus, Is.EqualTo(new[] { 0 }));
        });
    }

    [Test]
    public void Tasks_are_limited()
    {
        Need("pids", "pids");
        using var cgroups = _test.Create(new ResourcesSpec { Pids = new PidsSpec { Limit = 1 } });
        var shell = _test.Shell(cgroups);
        Assert.That((cgroups.ReadStats().Pids.Current, cgroups.ReadStats().Pids.Limit), Is.EqualTo((1UL, 1UL)));
        shell.StandardInput.WriteLine("/bin/true");
        Assert.That(shell.StandardError.ReadLine(), Does.Contain("fork"));
        cgroups.Update(new ResourcesSpec { Pids = new PidsSpec { Limit = -1 } });
        Assert.That((_test.Read("pids", "pids.max", "pids.max"), cgroups.ReadStats().Pids.Limit), Is.EqualTo(("max", 0UL)));
    }

    [Test]
    public void Block_devices_are_limited()
    {
        Need("blkio", "io");
        if (FirstDisk() is not var (major, minor)) return;
        ThrottleDevice Rate(ulong rate) => new() { Major = major, Minor = minor, Rate = rate };
        using var cgroups = _test.Create(new ResourcesSpec
        {
            BlockIO = new BlockIoSpec { ThrottleReadBpsDevice = [Rate(1048576)], ThrottleWriteIOPSDevice = [Rate(100)] },
        });
        Assert.That(_test.Read("blkio", "blkio.throttle.read_bps_device", "io.max"), Does.StartWith($"{major}:{minor} ").And.Contain("1048576"));
        cgroups.Update(new ResourcesSpec { BlockIO = new BlockIoSpec { ThrottleReadBpsDevice = [Rate(2097152)] } });
        Assert.Multiple(() =>
        {
            Assert.That(_test.Read("blkio", "blkio.throttle.read_bps_device", "io.max"), Does.Contain("2097152"));
            Assert.That(_test.Read("blkio", "blkio.throttle.write_iops_device", "io.max"), Does.Contain("100"));
            // The second device is none: what the first had stays.
            Assert.That(() => cgroups.Update(new ResourcesSpec
            {
                BlockIO = new BlockIoSpec { ThrottleReadBpsDevice = [Rate(7777), new ThrottleDevice { Major = 4000, Minor = 1, Rate = 1 }] },
            }), Throws.TypeOf<CrunException>().With.Message.StartsWith("set blockIO.throttleReadBpsDevice"));
            Assert.That(_test.Read("blkio", "blkio.throttle.read_bps_device", "io.max"), Does.Contain("2097152"));
        });
    }

    private static (long Major, long Minor)? FirstDisk()
    {
        foreach (var disk in Directory.Exists("/sys/block") ? Directory.GetDirectories("/sys/block") : [])
        {
            var name = Path.GetFileName(disk);
            if (name.StartsWith("loop", StringComparison.Ordinal) || name.StartsWith("ram", StringComparison.Ordinal)) continue;
            var numbers = File.ReadAllText(disk + "/dev").Trim().Split(':');
            return (long.Parse(numbers[0], CultureInfo.InvariantCulture), long.Parse(numbers[1], CultureInfo.InvariantCulture));
        }
        Assert.Ignore("this host has no disk");
        return null;
    }

    [Test]
    public void Version_1_takes_what_only_it_has()
    {
        if (!_test.Host.HasInV1("memory")) Assert.Ignore("this host has no memory controller in version 1");
        using var cgroups = _test.Create(new ResourcesSpec
        {
            Memory = new MemorySpec { Limit = 64 * Mebibyte, Reservation = 32 * Mebibyte, Swappiness = 30, DisableOOMKiller = true, KernelTCP = 16 * Mebibyte },
        });
        string? Read(string file) => _test.Read("memory", file, "")?.Split('\n')[0];
        Assert.That((Read("memory.soft_limit_in_bytes"), Read("memory.swappiness"), Read("memory.oom_control"), Read("memory.kmem.tcp.limit_in_bytes")),
            Is.EqualTo(("33554432", "30", "oom_kill_disable 1", "16777216")));
    }

    [Test]
    public void Devices_are_those_of_the_rules_and_the_default_ones()
    {
        using var cgroups = _test.Create(new ResourcesSpec
        {
            Devices = [new DeviceRule { Allow = false, Access = "rwm" }, new DeviceRule { Allow = true, Type = "c", Major = 10, Minor = 229, Access = "rw" }],
        });
        var nodes = Directory.CreateTempSubdirectory("crun-sharp-test-").FullName;
        try
        {
            using (var directory = FileAt.OpenDirectory(nodes)) FileAt.MakeNode(directory, "disk", FileKind.BlockDevice, 0x1b6, 240, 0);
            var shell = _test.Shell(cgroups);
            string? Open(string path) => TestCgroup.Say(shell, $"(: < {path} && echo opened) 2>&1 | tail -1");
            Assert.Multiple(() =>
            {
                Assert.That(Open("/dev/null"), Is.EqualTo("opened"));
                Assert.That(Open(nodes + "/disk"), Does.Contain("Operation not permitted"));
                if (_test.Host.HasInV1("devices"))
                    Assert.That(_test.Read("devices", "devices.list", ""), Does.Contain("c 10:229 rw").And.Contain("c 1:3 rwm").And.Contain("b *:* m"));
            });
        }
        finally
        {
            Directory.Delete(nodes, recursive: true);
        }
    }

    [Test]
    public void Huge_pages_are_limited()
    {
        Need("hugetlb", "hugetlb");
        if (!Directory.Exists("/sys/kernel/mm/hugepages/hugepages-2048kB")) Assert.Ignore("this host has no huge pages of 2 MB");
        using var cgroups = _test.Create(new ResourcesSpec { HugepageLimits = [new HugepageLimit { PageSize = "2MB", Limit = 4194304 }] });
        Assert.Multiple(() =>
        {
            Assert.That(_test.Read("hugetlb", "hugetlb.2MB.limit_in_bytes", "hugetlb.2MB.max"), Is.EqualTo("4194304"));
            Assert.That(cgroups.ReadStats().Hugetlb.Keys, Does.Contain("2MB"));
        });
    }

    [Test]
    public void Memory_that_runs_out_is_told()
    {
        Need("memory", "memory");
        using var cgroups = _test.Create(Limit(16 * Mebibyte, 16 * Mebibyte));
        using var watch = cgroups.WatchOom()!;
        var shell = _test.Shell(cgroups);
        Assert.That(watch.Wait(TimeSpan.Zero), Is.False);
        shell.StandardInput.WriteLine("tail /dev/zero; echo ended $?");
        Assert.Multiple(() =>
        {
            Assert.That(watch.Wait(TimeSpan.FromSeconds(20)), Is.True);
            Assert.That(shell.StandardOutput.ReadLine(), Is.EqualTo("ended 137"));
        });
        var memory = cgroups.ReadStats().Memory;
        Assert.That((memory.Usage.Limit, memory.Usage.Max > 0, memory.Raw!.Count > 5), Is.EqualTo((16UL << 20, true, true)));
        shell.Kill();
        shell.WaitForExit();
        cgroups.Remove();
        Assert.That(watch.Wait(TimeSpan.FromSeconds(5)), Is.False);
    }

    [Test]
    public void Counters_are_printed_as_readers_expect_them()
    {
        using var cgroups = _test.Create();
        _test.Shell(cgroups);
        using var json = JsonDocument.Parse(cgroups.ReadStats().ToEvent("web"));
        var root = json.RootElement;
        Assert.That((root.GetProperty("type").GetString(), root.GetProperty("id").GetString()), Is.EqualTo(("stats", "web")));
        var data = root.GetProperty("data");
        Assert.Multiple(() =>
        {
            Assert.That(data.EnumerateObject().Select(part => part.Name), Is.SupersetOf(new[] { "cpu", "cpuset", "memory", "pids", "blkio", "hugetlb", "intel_rdt" }));
            Assert.That(data.GetProperty("cpu").GetProperty("usage").GetProperty("kernel").ValueKind, Is.EqualTo(JsonValueKind.Number));
            Assert.That(data.GetProperty("memory").GetProperty("usage").TryGetProperty("limit", out _), Is.True);
            Assert.That(data.GetProperty("memory").TryGetProperty("kernelTCP", out _), Is.True);
            if (_test.Has("pids", "pids")) Assert.That(data.GetProperty("pids").GetProperty("current").GetInt64(), Is.EqualTo(1));
        });
    }
}
