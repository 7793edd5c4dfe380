using System.Text.Json;
using CrunSharp.Runtime.Cgroups.Stats;

namespace CrunSharp.Runtime.Tests.Cgroups;

public class StatsReaderTests
{
    private static readonly Dictionary<string, string> s_v1 = new()
    {
        ["cpuacct.usage"] = "3000\n",
        ["cpuacct.usage_percpu"] = "1000 2000 \n",
        ["cpuacct.usage_percpu_sys"] = "1 2 \n",
        ["cpuacct.usage_sys"] = "500\n",
        ["cpuacct.usage_user"] = "2500\n",
        ["cpu.stat"] = "nr_periods 10\nnr_throttled 2\nthrottled_time 77\n",
        ["cpuset.cpus"] = "0-1,4\n",
        ["cpuset.mems"] = "0\n",
        ["cpuset.sched_relax_domain_level"] = "-1\n",
        ["memory.stat"] = "cache 4096\nrss 8192\n",
        ["memory.limit_in_bytes"] = "9223372036854771712\n",
        ["memory.usage_in_bytes"] = "12288\n",
        ["memory.failcnt"] = "3\n",
        ["pids.current"] = "1\n",
        ["pids.max"] = "max\n",
        ["blkio.throttle.io_service_bytes_recursive"] = "254:0 Read 10\n254:0 Total 10\nTotal 10\n",
    };

    private static readonly Dictionary<string, string> s_v2 = new()
    {
        ["cpu.stat"] = "usage_usec 3\nuser_usec 2\nsystem_usec 1\nnr_periods 10\nnr_throttled 2\nthrottled_usec 7\n",
        ["cpuset.cpus.effective"] = "0-1\n",
        ["memory.stat"] = "anon 8192\nfile 4096\n",
        ["memory.max"] = "1000\n",
        ["memory.current"] = "500\n",
        ["memory.peak"] = "900\n",
        ["memory.events"] = "low 0\nmax 6\noom_kill 1\n",
        ["memory.swap.max"] = "2000\n",
        ["memory.swap.current"] = "11\n",
        ["pids.current"] = "4\n",
        ["pids.max"] = "9\n",
        ["io.stat"] = "8:0 rbytes=10 wbytes=20 rios=1 wios=2 dbytes=0 dios=0\nbroken\n",
        ["hugetlb.2MB.current"] = "2097152\n",
        ["hugetlb.2MB.events"] = "max 5\n",
    };

    private static string Text(CgroupStats stats)
    {
        using var json = JsonDocument.Parse(stats.ToEvent("x"));
        return json.RootElement.GetProperty("data").GetRawText();
    }

    [Test]
    public void Version_1_is_read() => Assert.That(
        Text(StatsReader.Read(_ => null, (_, file) => s_v1.GetValueOrDefault(file), [])),
        Is.EqualTo("""{"cpu":{"usage":{"total":3000,"percpu":[1000,2000],"percpu_kernel":[1,2],"kernel":500,"user":2500},"throttling":{"periods":10,"throttledPeriods":2,"throttledTime":77}}"""
            + ""","cpuset":{"cpus":[0,1,4],"cpu_exclusive":0,"mems":[0],"mem_hardwall":0,"mem_exclusive":0,"memory_migrate":0,"memory_spread_page":0,"memory_spread_slab":0,"memory_pressure":0,"sched_load_balance":0,"sched_relax_domain_level":-1}"""
            + ""","memory":{"cache":4096,"usage":{"limit":9223372036854771712,"usage":12288,"failcnt":3},"swap":{"limit":0,"failcnt":0},"kernel":{"limit":0,"failcnt":0},"kernelTCP":{"limit":0,"failcnt":0},"raw":{"cache":4096,"rss":8192}}"""
            + ""","pids":{"current":1},"blkio":{"ioServiceBytesRecursive":[{"major":254,"op":"Read","value":10},{"major":254,"op":"Total","value":10}]},"hugetlb":{},"intel_rdt":{},"network_interfaces":null}"""));

    [Test]
    public void Version_2_is_read_and_has_memory_and_swap_together() => Assert.That(
        Text(StatsReader.Read(s_v2.GetValueOrDefault, (_, _) => null, ["2MB", "1GB"])),
        Is.EqualTo("""{"cpu":{"usage":{"total":3000,"kernel":1000,"user":2000},"throttling":{"periods":10,"throttledPeriods":2,"throttledTime":7000}}"""
            + ""","cpuset":{"cpus":[0,1],"cpu_exclusive":0,"mem_hardwall":0,"mem_exclusive":0,"memory_migrate":0,"memory_spread_page":0,"memory_spread_slab":0,"memory_pressure":0,"sched_load_balance":0,"sched_relax_domain_level":0}"""
            + ""","memory":{"cache":4096,"usage":{"limit":1000,"usage":500,"max":900,"failcnt":6},"swap":{"limit":3000,"usage":511,"failcnt":0},"kernel":{"limit":0,"failcnt":0},"kernelTCP":{"limit":0,"failcnt":0},"raw":{"anon":8192,"file":4096}}"""
            + ""","pids":{"current":4,"limit":9},"blkio":{"ioServiceBytesRecursive":[{"major":8,"op":"Read","value":10},{"major":8,"op":"Write","value":20},{"major":8,"op":"Discard"}],"ioServicedRecursive":[{"major":8,"op":"Read","value":1},{"major":8,"op":"Write","value":2},{"major":8,"op":"Discard"}]},"hugetlb":{"2MB":{"usage":2097152,"failcnt":5}},"intel_rdt":{},"network_interfaces":null}"""));

    [Test]
    public void An_event_names_the_container() => Assert.That(CgroupStats.OomEvent("web"), Is.EqualTo("""{"type":"oom","id":"web"}"""));
}
