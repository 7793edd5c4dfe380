namespace CrunSharp.Oci.Runtime;

internal sealed partial class SpecCheck
{
    private static readonly string[] Policies =
        ["SCHED_OTHER", "SCHED_FIFO", "SCHED_RR", "SCHED_BATCH", "SCHED_ISO", "SCHED_IDLE", "SCHED_DEADLINE"];

    private static readonly string[] SchedulerFlags =
    [
        "SCHED_FLAG_RESET_ON_FORK", "SCHED_FLAG_RECLAIM", "SCHED_FLAG_DL_OVERRUN", "SCHED_FLAG_KEEP_POLICY",
        "SCHED_FLAG_KEEP_PARAMS", "SCHED_FLAG_UTIL_CLAMP_MIN", "SCHED_FLAG_UTIL_CLAMP_MAX",
    ];

    private static readonly string[] MemoryModes =
        ["MPOL_DEFAULT", "MPOL_BIND", "MPOL_INTERLEAVE", "MPOL_WEIGHTED_INTERLEAVE", "MPOL_PREFERRED", "MPOL_PREFERRED_MANY", "MPOL_LOCAL"];

    /// <summary>Checks a process.</summary>
    /// <param name="process">The process.</param>
    /// <param name="at">Where it is in the document.</param>
    /// <exception cref="CrunException">The first thing that is not allowed.</exception>
    public void Check(ProcessSpec process, string at)
    {
        const string section = "config.md#process";
        RequireAbsolute(process.Cwd, $"{at}.cwd", section);
        if (process.Args is not { Count: > 0 }) throw Invalid($"{at}.args", "it is missing", section);
        if (process.ConsoleSize is { Height: < 0 } or { Width: < 0 }) throw Invalid($"{at}.consoleSize", "a size is less than 0", section);
        CheckLimits(process.Rlimits ?? [], $"{at}.rlimits");
        if (process.OomScoreAdj is < -1000 or > 1000)
            throw Invalid($"{at}.oomScoreAdj", $"{process.OomScoreAdj} is not in -1000 to 1000", "config.md#linux-process");
        if (process.Scheduler is { } scheduler)
        {
            OneOf(scheduler.Policy, $"{at}.scheduler.policy", "config.md#linux-process", Policies);
            foreach (var flag in scheduler.Flags ?? []) OneOf(flag, $"{at}.scheduler.flags", "config.md#linux-process", SchedulerFlags);
        }
        if (process.IoPriority is { } priority)
        {
            OneOf(priority.Class, $"{at}.ioPriority.class", "config.md#linux-process", "IOPRIO_CLASS_RT", "IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE");
            if (priority.Priority is < 0 or > 7) throw Invalid($"{at}.ioPriority.priority", $"{priority.Priority} is not in 0 to 7", "config.md#linux-process");
        }
        if (process.ExecCpuAffinity is { } affinity)
        {
            CheckList(affinity.Initial, $"{at}.execCPUAffinity.initial", "config.md#linux-process");
            CheckList(affinity.Final, $"{at}.execCPUAffinity.final", "config.md#linux-process");
        }
    }

    private void CheckLimits(IReadOnlyList<RlimitSpec> limits, string at)
    {
        for (var i = 0; i < limits.Count; i++)
        {
            Require(limits[i].Type, $"{at}[{i}].type", "config.md#posix-process");
            if (limits[i].Soft > limits[i].Hard)
                throw Invalid($"{at}[{i}]", $"the soft limit {limits[i].Soft} is above the hard limit {limits[i].Hard}", "config.md#posix-process");
            for (var before = 0; before < i; before++)
            {
                if (limits[before].Type == limits[i].Type) throw Invalid($"{at}[{i}]", $"{limits[i].Type} is there twice", "config.md#posix-process");
            }
        }
    }

    private void CheckMemoryPolicy(MemoryPolicySpec? policy)
    {
        const string section = "config-linux.md#memory-policy";
        if (policy is null) return;
        OneOf(policy.Mode, "$.linux.memoryPolicy.mode", section, MemoryModes);
        foreach (var flag in policy.Flags ?? [])
            OneOf(flag, "$.linux.memoryPolicy.flags", section, "MPOL_F_NUMA_BALANCING", "MPOL_F_RELATIVE_NODES", "MPOL_F_STATIC_NODES");
        CheckList(policy.Nodes, "$.linux.memoryPolicy.nodes", section);
    }

    private void CheckList(string? list, string at, string section)
    {
        if (!string.IsNullOrEmpty(list) && !NumberList.TryParse(list, out _))
            throw Invalid(at, $"\"{list}\" is no list of numbers such as 0-3,7", section);
    }
}
