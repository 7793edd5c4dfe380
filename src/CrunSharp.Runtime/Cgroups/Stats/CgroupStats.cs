using System.Text.Json;
using System.Text.Json.Serialization;

namespace CrunSharp.Runtime.Cgroups.Stats;

/// <summary>What a container uses, in the shape that runc prints and that monitoring programs read.</summary>
public sealed record CgroupStats
{
    /// <summary>Processor time.</summary>
    public CpuStats Cpu { get; init; } = new();

    /// <summary>Processors and memory nodes.</summary>
    [JsonPropertyName("cpuset")]
    public CpusetStats CpuSet { get; init; } = new();

    /// <summary>Memory.</summary>
    public MemoryStats Memory { get; init; } = new();

    /// <summary>Tasks.</summary>
    public PidsStats Pids { get; init; } = new();

    /// <summary>Block devices.</summary>
    public BlkioStats Blkio { get; init; } = new();

    /// <summary>Huge pages, by their size (<c>2MB</c>).</summary>
    public IReadOnlyDictionary<string, HugetlbStats> Hugetlb { get; init; } = new Dictionary<string, HugetlbStats>();

    /// <summary>Cache allocation, which is not measured.</summary>
    [JsonPropertyName("intel_rdt")]
    public EmptyStats IntelRdt { get; init; } = new();

    /// <summary>Network interfaces, which are not measured here.</summary>
    [JsonPropertyName("network_interfaces"), JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public IReadOnlyList<string>? NetworkInterfaces { get; init; }

    /// <summary>One line of JSON: <c>{"type":"stats","id":ID,"data":…}</c>.</summary>
    public string ToEvent(string id) => JsonSerializer.Serialize(new StatsEvent("stats", id, this), StatsJson.Default.StatsEvent);

    /// <summary>One line of JSON that tells that memory ran out: <c>{"type":"oom","id":ID}</c>.</summary>
    public static string OomEvent(string id) => JsonSerializer.Serialize(new StatsEvent("oom", id, null), StatsJson.Default.StatsEvent);
}

/// <summary>Nothing.</summary>
public sealed record EmptyStats;

/// <summary>Processor time.</summary>
public sealed record CpuStats
{
    /// <summary>What was used.</summary>
    public CpuUsage Usage { get; init; } = new();

    /// <summary>How often a quota was used up.</summary>
    public Throttling Throttling { get; init; } = new();
}

/// <summary>Processor time used, in nanoseconds.</summary>
public sealed record CpuUsage
{
    /// <summary>All.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public ulong Total { get; init; }

    /// <summary>By processor; only in cgroup v1.</summary>
    public IReadOnlyList<ulong>? Percpu { get; init; }

    /// <summary>In the kernel, by processor; only in cgroup v1.</summary>
    [JsonPropertyName("percpu_kernel")]
    public IReadOnlyList<ulong>? PercpuKernel { get; init; }

    /// <summary>In programs, by processor; only in cgroup v1.</summary>
    [JsonPropertyName("percpu_user")]
    public IReadOnlyList<ulong>? PercpuUser { get; init; }

    /// <summary>In the kernel.</summary>
    public ulong Kernel { get; init; }

    /// <summary>In programs.</summary>
    public ulong User { get; init; }
}

/// <summary>How often a quota was used up.</summary>
public sealed record Throttling
{
    /// <summary>Periods that have passed.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public ulong Periods { get; init; }

    /// <summary>Those in which the quota was used up.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public ulong ThrottledPeriods { get; init; }

    /// <summary>Nanoseconds of waiting for the next period.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public ulong ThrottledTime { get; init; }
}

/// <summary>Processors and memory nodes.</summary>
public sealed record CpusetStats
{
    /// <summary>The processors that may be used.</summary>
    public IReadOnlyList<int>? Cpus { get; init; }

    /// <summary>1 when nobody else may use them.</summary>
    [JsonPropertyName("cpu_exclusive")]
    public ulong CpuExclusive { get; init; }

    /// <summary>The memory nodes that may be used.</summary>
    public IReadOnlyList<int>? Mems { get; init; }

    /// <summary>1 when kernel memory is from those nodes as well.</summary>
    [JsonPropertyName("mem_hardwall")]
    public ulong MemHardwall { get; init; }

    /// <summary>1 when nobody else may use the nodes.</summary>
    [JsonPropertyName("mem_exclusive")]
    public ulong MemExclusive { get; init; }

    /// <summary>1 when memory moves along with a change of nodes.</summary>
    [JsonPropertyName("memory_migrate")]
    public ulong MemoryMigrate { get; init; }

    /// <summary>1 when file pages are spread over the nodes.</summary>
    [JsonPropertyName("memory_spread_page")]
    public ulong MemorySpreadPage { get; init; }

    /// <summary>1 when slab objects are spread over the nodes.</summary>
    [JsonPropertyName("memory_spread_slab")]
    public ulong MemorySpreadSlab { get; init; }

    /// <summary>How hard memory is looked for.</summary>
    [JsonPropertyName("memory_pressure")]
    public ulong MemoryPressure { get; init; }

    /// <summary>1 when the scheduler balances load.</summary>
    [JsonPropertyName("sched_load_balance")]
    public ulong SchedLoadBalance { get; init; }

    /// <summary>How far the scheduler looks for work.</summary>
    [JsonPropertyName("sched_relax_domain_level")]
    public long SchedRelaxDomainLevel { get; init; }
}

/// <summary>Memory, in bytes.</summary>
public sealed record MemoryStats
{
    /// <summary>Files in memory.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public ulong Cache { get; init; }

    /// <summary>Memory.</summary>
    public MemoryEntry Usage { get; init; } = new();

    /// <summary>Memory and swap together.</summary>
    public MemoryEntry Swap { get; init; } = new();

    /// <summary>The kernel's part.</summary>
    public MemoryEntry Kernel { get; init; } = new();

    /// <summary>The kernel's part for TCP.</summary>
    [JsonPropertyName("kernelTCP")]
    public MemoryEntry KernelTCP { get; init; } = new();

    /// <summary>The counters of <c>memory.stat</c>.</summary>
    public IReadOnlyDictionary<string, ulong>? Raw { get; init; }
}

/// <summary>A kind of memory.</summary>
public sealed record MemoryEntry
{
    /// <summary>The limit; the greatest number without.</summary>
    public ulong Limit { get; init; }

    /// <summary>What is used.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public ulong Usage { get; init; }

    /// <summary>The most that was ever used.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public ulong Max { get; init; }

    /// <summary>How often the limit was reached.</summary>
    public ulong Failcnt { get; init; }
}

/// <summary>Tasks.</summary>
public sealed record PidsStats
{
    /// <summary>How many there are.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public ulong Current { get; init; }

    /// <summary>The limit; 0 without.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public ulong Limit { get; init; }
}

/// <summary>Block devices.</summary>
public sealed record BlkioStats
{
    /// <summary>Bytes.</summary>
    public IReadOnlyList<BlkioEntry>? IoServiceBytesRecursive { get; init; }

    /// <summary>Requests.</summary>
    public IReadOnlyList<BlkioEntry>? IoServicedRecursive { get; init; }
}

/// <summary>A counter of a block device.</summary>
public sealed record BlkioEntry
{
    /// <summary>The device's major number.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public ulong Major { get; init; }

    /// <summary>The device's minor number.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public ulong Minor { get; init; }

    /// <summary><c>Read</c>, <c>Write</c> and others.</summary>
    public string? Op { get; init; }

    /// <summary>Bytes or requests.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public ulong Value { get; init; }
}

/// <summary>Huge pages of one size, in bytes.</summary>
public sealed record HugetlbStats
{
    /// <summary>What is used.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public ulong Usage { get; init; }

    /// <summary>The most that was ever used.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public ulong Max { get; init; }

    /// <summary>How often the limit was reached.</summary>
    public ulong Failcnt { get; init; }
}

internal sealed record StatsEvent(string Type, string Id, CgroupStats? Data);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(StatsEvent))]
internal sealed partial class StatsJson : JsonSerializerContext;
