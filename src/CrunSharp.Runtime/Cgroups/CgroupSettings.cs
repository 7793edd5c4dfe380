using System.Globalization;
using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;

namespace CrunSharp.Runtime.Cgroups;

/// <summary>Turns limits in the specification's words, which are those of cgroup v1, into the files of cgroup v2.</summary>
/// <seealso href="https://docs.kernel.org/admin-guide/cgroup-v2.html"/>
public static class CgroupSettings
{
    private const string Section = "config-linux.md#control-groups";

    /// <summary>The files to write, in an order that the kernel accepts. Device rules are not among them.</summary>
    /// <param name="resources">The limits; those that are null stay as they are.</param>
    /// <param name="current">
    /// Reads a file of the cgroup, for limits that are one file's and only partly given; null for a new cgroup.
    /// </param>
    /// <exception cref="CrunException">A value is out of range, or there is nothing like it in cgroup v2.</exception>
    public static IReadOnlyList<CgroupSetting> From(ResourcesSpec resources, Func<string, string?>? current = null)
    {
        var settings = new List<CgroupSetting>();
        if (resources.Memory is { } memory) AddMemory(settings, memory, current);
        if (resources.Cpu is { } cpu) AddCpu(settings, cpu, current);
        if (resources.Pids?.Limit is { } tasks)
            // The first process counts, so 0 and 1 are the same.
            settings.Add(new CgroupSetting("pids.limit", "pids", "pids.max", tasks < 0 ? "max" : Number(Math.Max(tasks, 1))));
        if (resources.BlockIO is { } blocks) AddBlockIO(settings, blocks);
        foreach (var limit in resources.HugepageLimits ?? []) AddHugePages(settings, limit);
        if (resources.Network is { } network)
        {
            Refuse(network.ClassID is not (null or 0), "network.classID");
            Refuse(network.Priorities is { Count: > 0 }, "network.priorities");
        }
        foreach (var (device, limit) in resources.Rdma ?? new Dictionary<string, RdmaLimit>()) AddRdma(settings, device, limit);
        foreach (var (file, value) in resources.Unified ?? new Dictionary<string, string>()) settings.Add(Unified(file, value));
        return settings;
    }

    /// <summary>The weight in cgroup v2 that a share of v1 is: 2, 1024 and 262144 are 1, 100 and 10000.</summary>
    /// <param name="shares">2 to 262144; what is outside counts as the nearer end.</param>
    public static ulong WeightOf(ulong shares)
    {
        if (shares <= 2) return 1;
        if (shares >= 262144) return 10000;
        // A quadratic through the logarithms of the three points, as runc has it since 1.3.
        var log = Math.Log2(shares);
        var exponent = (log * log + 125 * log) / 612 - 7.0 / 34;
        return (ulong)Math.Ceiling(Math.Pow(10, exponent) - 1e-9);
    }

    private static void AddMemory(List<CgroupSetting> settings, MemorySpec memory, Func<string, string?>? current)
    {
        Refuse(memory.Kernel is not (null or 0 or -1), "memory.kernel");
        Refuse(memory.KernelTCP is not (null or 0 or -1), "memory.kernelTCP");
        // Engines write -1 for unset.
        Refuse(memory.Swappiness is not (null or ulong.MaxValue), "memory.swappiness");
        Refuse(memory.DisableOOMKiller == true, "memory.disableOOMKiller");
        if (memory.Limit is { } limit and not 0)
            settings.Add(new CgroupSetting("memory.limit", "memory", "memory.max", Limit("memory.limit", limit)));
        // Without a limit on memory, one on the sum with swap makes no sense.
        var swap = memory.Swap is null or 0 && memory.Limit == -1 ? -1 : memory.Swap;
        if (swap is { } sum and not 0)
        {
            var alone = SwapAlone(sum, memory.Limit is { } given and not 0 ? given : Bytes(current?.Invoke("memory.max")));
            settings.Add(new CgroupSetting("memory.swap", "memory", "memory.swap.max", alone) { IsOptional = sum == -1 || HostHasNoSwap() });
        }
        if (memory.Reservation is { } reservation and not 0)
            settings.Add(new CgroupSetting("memory.reservation", "memory", "memory.low", Limit("memory.reservation", reservation)));
    }

    // 0 for none.
    private static long Bytes(string? text) =>
        long.TryParse(text.AsSpan().Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var bytes) ? bytes : 0;

    // In v1 it is memory and swap together.
    private static string SwapAlone(long swap, long limit)
    {
        if (swap == -1) return "max";
        if (swap < -1) throw Invalid($"memory.swap of {swap} is no number of bytes");
        if (limit <= 0) throw Invalid("memory.swap needs memory.limit, of which it is the sum with swap");
        if (swap < limit) throw Invalid($"memory.swap of {swap} is less than memory.limit of {limit}, which it includes");
        return Number(swap - limit);
    }

    private static bool HostHasNoSwap()
    {
        var text = Kernel.Files.KernelFile.TryRead(null, "/proc/swaps");
        // The first line has titles.
        return text is null || text.AsSpan().Trim().Count('\n') == 0;
    }

    private static void AddCpu(List<CgroupSetting> settings, CpuSpec cpu, Func<string, string?>? current)
    {
        Refuse(cpu.RealtimeRuntime is not (null or 0), "cpu.realtimeRuntime");
        Refuse(cpu.RealtimePeriod is not (null or 0), "cpu.realtimePeriod");
        if (cpu.Idle is { } idle) settings.Add(new CgroupSetting("cpu.idle", "cpu", "cpu.idle", Number(idle)));
        if (cpu.Shares is { } shares and not 0 && cpu.Idle is not 1)
            settings.Add(new CgroupSetting("cpu.shares", "cpu", "cpu.weight", Number((long)WeightOf(shares))));
        // A burst may not be more than the quota, whichever of them changes.
        if (cpu.Burst is { } burst)
            settings.Add(new CgroupSetting("cpu.burst", "cpu", "cpu.max.burst", burst.ToString(CultureInfo.InvariantCulture)) { MayWait = true });
        var hasPeriod = cpu.Period is not (null or 0);
        if (cpu.Quota is not (null or 0) || hasPeriod)
        {
            var quota = cpu.Quota switch
            {
                null or 0 => current?.Invoke("cpu.max")?.Split(' ')[0] ?? "max",
                < 0 => "max",
                { } some => Number(some),
            };
            var period = hasPeriod ? " " + cpu.Period!.Value.ToString(CultureInfo.InvariantCulture) : "";
            settings.Add(new CgroupSetting(cpu.Quota is null or 0 ? "cpu.period" : "cpu.quota", "cpu", "cpu.max", quota + period) { MayWait = true });
        }
        if (!string.IsNullOrEmpty(cpu.Cpus)) settings.Add(new CgroupSetting("cpu.cpus", "cpuset", "cpuset.cpus", cpu.Cpus));
        if (!string.IsNullOrEmpty(cpu.Mems)) settings.Add(new CgroupSetting("cpu.mems", "cpuset", "cpuset.mems", cpu.Mems));
    }

    private static void AddBlockIO(List<CgroupSetting> settings, BlockIoSpec blocks)
    {
        Refuse(blocks.LeafWeight is not (null or 0), "blockIO.leafWeight");
        if (blocks.Weight is { } weight and not 0) settings.Add(Weight("blockIO.weight", "", weight));
        foreach (var device in blocks.WeightDevice ?? [])
        {
            Refuse(device.LeafWeight is not (null or 0), "blockIO.weightDevice.leafWeight");
            if (device.Weight is { } own and not 0) settings.Add(Weight("blockIO.weightDevice", $"{Device(device.Major, device.Minor)} ", own));
        }
        AddRates(settings, "blockIO.throttleReadBpsDevice", "rbps", blocks.ThrottleReadBpsDevice);
        AddRates(settings, "blockIO.throttleWriteBpsDevice", "wbps", blocks.ThrottleWriteBpsDevice);
        AddRates(settings, "blockIO.throttleReadIOPSDevice", "riops", blocks.ThrottleReadIOPSDevice);
        AddRates(settings, "blockIO.throttleWriteIOPSDevice", "wiops", blocks.ThrottleWriteIOPSDevice);
    }

    // The BFQ scheduler takes the weight of v1 as it is; the kernel's own has 1 to 10000.
    private static CgroupSetting Weight(string resource, string device, ushort weight)
    {
        if (weight is < 10 or > 1000) throw Invalid($"{resource} of {weight} is not in 10 to 1000");
        return new CgroupSetting(resource, "io", "io.bfq.weight", device + Number(weight), "io.weight")
        {
            FallbackValue = device + Number(1 + (weight - 10) * 9999 / 990),
        };
    }

    private static void AddRates(List<CgroupSetting> settings, string resource, string key, IReadOnlyList<ThrottleDevice>? devices)
    {
        foreach (var device in devices ?? [])
        {
            var rate = device.Rate == 0 ? "max" : device.Rate.ToString(CultureInfo.InvariantCulture);
            settings.Add(new CgroupSetting(resource, "io", "io.max", $"{Device(device.Major, device.Minor)} {key}={rate}")
            {
                Unset = $"{Device(device.Major, device.Minor)} {key}=max",
            });
        }
    }

    private static void AddHugePages(List<CgroupSetting> settings, HugepageLimit limit)
    {
        var size = PageSize(limit);
        var bytes = limit.Limit.ToString(CultureInfo.InvariantCulture);
        // What is reserved is refused to the program that asks; what is only counted when touched ends it with SIGBUS.
        settings.Add(new CgroupSetting("hugepageLimits", "hugetlb", $"hugetlb.{size}.rsvd.max", bytes) { IsOptional = true });
        settings.Add(new CgroupSetting("hugepageLimits", "hugetlb", $"hugetlb.{size}.max", bytes));
    }

    internal static string PageSize(HugepageLimit limit)
    {
        var size = limit.PageSize;
        var digits = size.AsSpan().TrimEnd("KMGB");
        return digits.IsEmpty || digits.ContainsAnyExceptInRange('0', '9') || size.Length - digits.Length != 2 || size[^1] != 'B'
            ? throw Invalid($"hugepageLimits: \"{size}\" is no size of pages, such as 2MB")
            : size;
    }

    internal static void AddRdma(List<CgroupSetting> settings, string device, RdmaLimit limit)
    {
        if (device.Length == 0 || device.AsSpan().ContainsAny(" \t\n")) throw Invalid($"rdma: \"{device}\" is no device");
        var value = device;
        if (limit.HcaHandles is { } handles) value += $" hca_handle={handles}";
        if (limit.HcaObjects is { } objects) value += $" hca_object={objects}";
        settings.Add(new CgroupSetting("rdma", "rdma", "rdma.max", value));
    }

    internal static CgroupSetting Unified(string file, string value)
    {
        var dot = file.IndexOf('.', StringComparison.Ordinal);
        if (dot <= 0 || file.Contains('/', StringComparison.Ordinal) || file.Contains('\0', StringComparison.Ordinal))
            throw Invalid($"unified: \"{file}\" is no file of a cgroup");
        var controller = file[..dot];
        return new CgroupSetting("unified." + file, controller == "cgroup" ? "" : controller, file, value);
    }

    private static string Limit(string resource, long value) =>
        value < -1 ? throw Invalid($"{resource} of {value} is no number of bytes") : value == -1 ? "max" : Number(value);

    internal static string Device(long major, long minor) => Number(major) + ":" + Number(minor);

    internal static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);

    private static void Refuse(bool isSet, string resource)
    {
        if (isSet) throw CrunException.Unsupported($"{resource} cannot be enforced: there is nothing like it in cgroup v2", spec: Section);
    }

    internal static CrunException Invalid(string reason) => CrunException.Invalid(reason, spec: Section);
}
