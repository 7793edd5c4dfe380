using System.Globalization;

namespace CrunSharp.Runtime.Cgroups.Stats;

/// <summary>Reads the counters of a container's cgroups, from whichever version has them.</summary>
internal static class StatsReader
{
    private const ulong Microsecond = 1000;

    /// <param name="unified">Reads a file of version 2; null when there is no such file.</param>
    /// <param name="v1">Reads a file of a controller of version 1; null when there is no such tree or file.</param>
    /// <param name="pageSizes">The sizes of huge pages that the host has.</param>
    public static CgroupStats Read(Func<string, string?> unified, Func<string, string, string?> v1, IReadOnlyList<string> pageSizes) => new()
    {
        Cpu = v1("cpuacct", "cpuacct.usage") is { } usage ? CpuV1(usage, v1) : CpuV2(unified),
        CpuSet = v1("cpuset", "cpuset.cpus") is not null ? CpusetV1(v1) : new CpusetStats
        {
            Cpus = StatsText.List(unified("cpuset.cpus.effective")),
            Mems = StatsText.List(unified("cpuset.mems.effective")),
        },
        Memory = v1("memory", "memory.stat") is { } stat ? MemoryV1(stat, v1) : MemoryV2(unified),
        Pids = Pids(v1("pids", "pids.current") ?? unified("pids.current"), v1("pids", "pids.max") ?? unified("pids.max")),
        Blkio = v1("blkio", "blkio.throttle.io_service_bytes_recursive") is { } bytes
            ? new BlkioStats { IoServiceBytesRecursive = BlkioV1(bytes), IoServicedRecursive = BlkioV1(v1("blkio", "blkio.throttle.io_serviced_recursive") ?? "") }
            : BlkioV2(unified("io.stat") ?? ""),
        Hugetlb = Hugetlb(unified, v1, pageSizes),
    };

    private static CpuStats CpuV1(string usage, Func<string, string, string?> v1)
    {
        var throttling = StatsText.Table(v1("cpu", "cpu.stat"));
        return new CpuStats
        {
            Usage = new CpuUsage
            {
                Total = StatsText.Number(usage),
                Percpu = Numbers(v1("cpuacct", "cpuacct.usage_percpu")),
                PercpuKernel = Numbers(v1("cpuacct", "cpuacct.usage_percpu_sys")),
                PercpuUser = Numbers(v1("cpuacct", "cpuacct.usage_percpu_user")),
                Kernel = StatsText.Number(v1("cpuacct", "cpuacct.usage_sys")),
                User = StatsText.Number(v1("cpuacct", "cpuacct.usage_user")),
            },
            Throttling = new Throttling
            {
                Periods = throttling.GetValueOrDefault("nr_periods"),
                ThrottledPeriods = throttling.GetValueOrDefault("nr_throttled"),
                ThrottledTime = throttling.GetValueOrDefault("throttled_time"),
            },
        };
    }

    private static CpuStats CpuV2(Func<string, string?> unified)
    {
        var stat = StatsText.Table(unified("cpu.stat"));
        return new CpuStats
        {
            Usage = new CpuUsage
            {
                Total = stat.GetValueOrDefault("usage_usec") * Microsecond,
                Kernel = stat.GetValueOrDefault("system_usec") * Microsecond,
                User = stat.GetValueOrDefault("user_usec") * Microsecond,
            },
            Throttling = new Throttling
            {
                Periods = stat.GetValueOrDefault("nr_periods"),
                ThrottledPeriods = stat.GetValueOrDefault("nr_throttled"),
                ThrottledTime = stat.GetValueOrDefault("throttled_usec") * Microsecond,
            },
        };
    }

    private static CpusetStats CpusetV1(Func<string, string, string?> v1)
    {
        ulong Number(string name) => StatsText.Number(v1("cpuset", "cpuset." + name));
        return new CpusetStats
        {
            Cpus = StatsText.List(v1("cpuset", "cpuset.cpus")),
            CpuExclusive = Number("cpu_exclusive"),
            Mems = StatsText.List(v1("cpuset", "cpuset.mems")),
            MemHardwall = Number("mem_hardwall"),
            MemExclusive = Number("mem_exclusive"),
            MemoryMigrate = Number("memory_migrate"),
            MemorySpreadPage = Number("memory_spread_page"),
            MemorySpreadSlab = Number("memory_spread_slab"),
            MemoryPressure = Number("memory_pressure"),
            SchedLoadBalance = Number("sched_load_balance"),
            SchedRelaxDomainLevel = long.TryParse(v1("cpuset", "cpuset.sched_relax_domain_level"), CultureInfo.InvariantCulture, out var level) ? level : 0,
        };
    }

    private static MemoryStats MemoryV1(string stat, Func<string, string, string?> v1)
    {
        MemoryEntry Entry(string prefix) => new()
        {
            Limit = StatsText.Number(v1("memory", prefix + "limit_in_bytes")),
            Usage = StatsText.Number(v1("memory", prefix + "usage_in_bytes")),
            Max = StatsText.Number(v1("memory", prefix + "max_usage_in_bytes")),
            Failcnt = StatsText.Number(v1("memory", prefix + "failcnt")),
        };
        var raw = StatsText.Table(stat);
        return new MemoryStats
        {
            Cache = raw.GetValueOrDefault("cache"),
            Usage = Entry("memory."),
            Swap = Entry("memory.memsw."),
            Kernel = Entry("memory.kmem."),
            KernelTCP = Entry("memory.kmem.tcp."),
            Raw = raw,
        };
    }

    private static MemoryStats MemoryV2(Func<string, string?> unified)
    {
        if (unified("memory.stat") is not { } stat) return new MemoryStats();
        var raw = StatsText.Table(stat);
        var usage = new MemoryEntry
        {
            Limit = StatsText.Number(unified("memory.max")),
            Usage = StatsText.Number(unified("memory.current")),
            Max = StatsText.Number(unified("memory.peak")),
            Failcnt = StatsText.Table(unified("memory.events")).GetValueOrDefault("max"),
        };
        var swap = StatsText.Number(unified("memory.swap.max"));
        return new MemoryStats
        {
            Cache = raw.GetValueOrDefault("file"),
            Usage = usage,
            // Version 2 has swap alone; readers expect the sum.
            Swap = new MemoryEntry
            {
                Limit = swap == ulong.MaxValue || usage.Limit == ulong.MaxValue ? ulong.MaxValue : swap + usage.Limit,
                Usage = StatsText.Number(unified("memory.swap.current")) + usage.Usage,
                Failcnt = StatsText.Table(unified("memory.swap.events")).GetValueOrDefault("max"),
            },
            Raw = raw,
        };
    }

    private static PidsStats Pids(string? current, string? limit) => new()
    {
        Current = StatsText.Number(current),
        Limit = StatsText.Number(limit) is var most && most == ulong.MaxValue ? 0 : most,
    };

    // MAJOR:MINOR OPERATION NUMBER, and a line with the total
    private static List<BlkioEntry>? BlkioV1(string text)
    {
        var entries = new List<BlkioEntry>();
        foreach (var line in text.Split('\n'))
        {
            if (line.Split(' ') is [var name, var operation, var value] && StatsText.Device(name) is var (major, minor))
                entries.Add(new BlkioEntry { Major = major, Minor = minor, Op = operation, Value = StatsText.Number(value) });
        }
        return entries.Count == 0 ? null : entries;
    }

    // MAJOR:MINOR rbytes=N wbytes=N rios=N wios=N dbytes=N dios=N
    private static BlkioStats BlkioV2(string text)
    {
        var (bytes, requests) = (new List<BlkioEntry>(), new List<BlkioEntry>());
        foreach (var line in text.Split('\n'))
        {
            var words = line.Split(' ');
            if (StatsText.Device(words[0]) is not var (major, minor)) continue;
            foreach (var word in words)
            {
                var (list, operation) = word[..(word.IndexOf('=', StringComparison.Ordinal) + 1)] switch
                {
                    "rbytes=" => (bytes, "Read"),
                    "wbytes=" => (bytes, "Write"),
                    "dbytes=" => (bytes, "Discard"),
                    "rios=" => (requests, "Read"),
                    "wios=" => (requests, "Write"),
                    "dios=" => (requests, "Discard"),
                    _ => (null, ""),
                };
                list?.Add(new BlkioEntry { Major = major, Minor = minor, Op = operation, Value = StatsText.Number(word[(word.IndexOf('=', StringComparison.Ordinal) + 1)..]) });
            }
        }
        return new BlkioStats { IoServiceBytesRecursive = bytes.Count == 0 ? null : bytes, IoServicedRecursive = requests.Count == 0 ? null : requests };
    }

    private static Dictionary<string, HugetlbStats> Hugetlb(Func<string, string?> unified, Func<string, string, string?> v1, IReadOnlyList<string> pageSizes)
    {
        var stats = new Dictionary<string, HugetlbStats>();
        foreach (var size in pageSizes)
        {
            if (v1("hugetlb", $"hugetlb.{size}.usage_in_bytes") is { } usage)
            {
                stats[size] = new HugetlbStats
                {
                    Usage = StatsText.Number(usage),
                    Max = StatsText.Number(v1("hugetlb", $"hugetlb.{size}.max_usage_in_bytes")),
                    Failcnt = StatsText.Number(v1("hugetlb", $"hugetlb.{size}.failcnt")),
                };
            }
            else if (unified($"hugetlb.{size}.current") is { } current)
            {
                stats[size] = new HugetlbStats
                {
                    Usage = StatsText.Number(current),
                    Failcnt = StatsText.Table(unified($"hugetlb.{size}.events")).GetValueOrDefault("max"),
                };
            }
        }
        return stats;
    }

    private static List<ulong>? Numbers(string? text)
    {
        if (text is null) return null;
        var numbers = new List<ulong>();
        foreach (var word in text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)) numbers.Add(StatsText.Number(word));
        return numbers;
    }
}
