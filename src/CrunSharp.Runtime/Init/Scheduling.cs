using CrunSharp.Kernel.Processes;
using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;

namespace CrunSharp.Runtime.Init;

/// <summary>When and where a process runs, and what kind of machine and memory it sees.</summary>
internal static class Scheduling
{
    private const string Spec = "config.md#linux-process";

    private static readonly (string Name, uint Number)[] Policies =
    [
        ("SCHED_OTHER", 0), ("SCHED_FIFO", 1), ("SCHED_RR", 2), ("SCHED_BATCH", 3), ("SCHED_ISO", 4), ("SCHED_IDLE", 5), ("SCHED_DEADLINE", 6),
    ];

    private static readonly (string Name, uint Number)[] SchedulerFlags =
    [
        ("SCHED_FLAG_RESET_ON_FORK", 0x01), ("SCHED_FLAG_RECLAIM", 0x02), ("SCHED_FLAG_DL_OVERRUN", 0x04), ("SCHED_FLAG_KEEP_POLICY", 0x08),
        ("SCHED_FLAG_KEEP_PARAMS", 0x10), ("SCHED_FLAG_UTIL_CLAMP_MIN", 0x20), ("SCHED_FLAG_UTIL_CLAMP_MAX", 0x40),
    ];

    private static readonly (string Name, uint Number)[] IoClasses = [("IOPRIO_CLASS_RT", 1), ("IOPRIO_CLASS_BE", 2), ("IOPRIO_CLASS_IDLE", 3)];

    // linux/mempolicy.h
    private static readonly (string Name, uint Number)[] MemoryModes =
    [
        ("MPOL_DEFAULT", 0), ("MPOL_PREFERRED", 1), ("MPOL_BIND", 2), ("MPOL_INTERLEAVE", 3), ("MPOL_LOCAL", 4), ("MPOL_PREFERRED_MANY", 5),
        ("MPOL_WEIGHTED_INTERLEAVE", 6),
    ];

    private static readonly (string Name, uint Number)[] MemoryFlags =
        [("MPOL_F_NUMA_BALANCING", 1 << 13), ("MPOL_F_RELATIVE_NODES", 1 << 14), ("MPOL_F_STATIC_NODES", 1 << 15)];

    /// <summary>Adds the steps.</summary>
    /// <exception cref="CrunException">A word is not known.</exception>
    public static void Write(StagePlan plan, ProcessSpec process, LinuxSpec? linux)
    {
        if (process.Scheduler is { } scheduler)
        {
            var flags = 0u;
            foreach (var flag in scheduler.Flags ?? []) flags |= Number(SchedulerFlags, flag, "flag of a scheduler");
            plan.For($"schedule as {scheduler.Policy}", Spec).SetScheduler(Number(Policies, scheduler.Policy, "scheduling policy"), flags, scheduler.Nice ?? 0,
                (uint)(scheduler.Priority ?? 0), scheduler.Runtime ?? 0, scheduler.Deadline ?? 0, scheduler.Period ?? 0);
        }
        if (process.IoPriority is { } io)
            plan.For($"set the I/O priority to {io.Class} {io.Priority}", Spec).SetIoPriority((int)Number(IoClasses, io.Class, "class of I/O priorities"), io.Priority);
        if (linux?.Personality is { } personality)
        {
            if (personality.Flags is { Count: > 0 } flags) throw CrunException.Invalid($"\"{flags[0]}\" is no flag of a personality", spec: "config-linux.md#personality");
            plan.For($"set the execution domain {personality.Domain}", "config-linux.md#personality")
                .SetPersonality(Number([("LINUX", 0), ("LINUX32", 8)], personality.Domain, "execution domain"));
        }
        if (linux?.MemoryPolicy is { } policy) WriteMemory(plan, policy);
    }

    /// <summary>The CPUs on which a process that joins a container runs.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="cpus">A list such as <c>0-3,7</c>; null or empty changes nothing.</param>
    /// <exception cref="CrunException">It is no list.</exception>
    public static void WriteAffinity(StagePlan plan, string? cpus)
    {
        if (!string.IsNullOrEmpty(cpus)) plan.For($"run on CPUs {cpus}", Spec).SetAffinity(NumberList.ToMask(cpus));
    }

    private static void WriteMemory(StagePlan plan, MemoryPolicySpec policy)
    {
        const string section = "config-linux.md#memory-policy";
        var mode = Number(MemoryModes, policy.Mode, "memory policy");
        foreach (var flag in policy.Flags ?? []) mode |= Number(MemoryFlags, flag, "flag of a memory policy");
        var nodes = string.IsNullOrEmpty(policy.Nodes) ? [] : NumberList.ToMask(policy.Nodes);
        plan.For($"set the memory policy {policy.Mode}", section).SetMemoryPolicy((int)mode, nodes);
    }

    private static uint Number((string Name, uint Number)[] words, string word, string what)
    {
        foreach (var (name, number) in words)
        {
            if (name == word) return number;
        }
        throw CrunException.Invalid($"\"{word}\" is no {what}", spec: Spec);
    }
}
