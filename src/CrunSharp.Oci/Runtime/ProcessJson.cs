using CrunSharp.Oci.Json;
using static CrunSharp.Oci.Json.JsonKind;

namespace CrunSharp.Oci.Runtime;

/// <summary>A process as JSON.</summary>
/// <seealso href="https://github.com/opencontainers/runtime-spec/tree/main/schema"/>
internal static class ProcessJson
{
    private static readonly JsonRecord<ConsoleSize> ConsoleSizeKind = new JsonRecord<ConsoleSize>(new ConsoleSize(0, 0))
        .OptionalValue("height", Int, static s => (int?)s.Height, static (s, v) => s with { Height = v ?? default })
        .OptionalValue("width", Int, static s => (int?)s.Width, static (s, v) => s with { Width = v ?? default });

    private static readonly JsonRecord<UserSpec> UserKind = new JsonRecord<UserSpec>(new UserSpec())
        .OptionalValue("uid", UInt, static s => (uint?)s.Uid, static (s, v) => s with { Uid = v ?? default })
        .OptionalValue("gid", UInt, static s => (uint?)s.Gid, static (s, v) => s with { Gid = v ?? default })
        .OptionalValue("umask", UInt, static s => s.Umask, static (s, v) => s with { Umask = v })
        .Optional("additionalGids", List(UInt), static s => s.AdditionalGids, static (s, v) => s with { AdditionalGids = v });

    private static readonly JsonRecord<CapabilitiesSpec> CapabilitiesKind = new JsonRecord<CapabilitiesSpec>(new CapabilitiesSpec())
        .Optional("bounding", Texts, static s => s.Bounding, static (s, v) => s with { Bounding = v })
        .Optional("effective", Texts, static s => s.Effective, static (s, v) => s with { Effective = v })
        .Optional("inheritable", Texts, static s => s.Inheritable, static (s, v) => s with { Inheritable = v })
        .Optional("permitted", Texts, static s => s.Permitted, static (s, v) => s with { Permitted = v })
        .Optional("ambient", Texts, static s => s.Ambient, static (s, v) => s with { Ambient = v });

    private static readonly JsonRecord<RlimitSpec> RlimitKind = new JsonRecord<RlimitSpec>(new RlimitSpec { Type = "" })
        .Optional("type", Text, static s => s.Type, static (s, v) => s with { Type = v! })
        .OptionalValue("soft", ULong, static s => (ulong?)s.Soft, static (s, v) => s with { Soft = v ?? default })
        .OptionalValue("hard", ULong, static s => (ulong?)s.Hard, static (s, v) => s with { Hard = v ?? default });

    private static readonly JsonRecord<SchedulerSpec> SchedulerKind = new JsonRecord<SchedulerSpec>(new SchedulerSpec { Policy = "" })
        .Optional("policy", Text, static s => s.Policy, static (s, v) => s with { Policy = v! })
        .OptionalValue("nice", Int, static s => s.Nice, static (s, v) => s with { Nice = v })
        .OptionalValue("priority", Int, static s => s.Priority, static (s, v) => s with { Priority = v })
        .Optional("flags", Texts, static s => s.Flags, static (s, v) => s with { Flags = v })
        .OptionalValue("runtime", ULong, static s => s.Runtime, static (s, v) => s with { Runtime = v })
        .OptionalValue("deadline", ULong, static s => s.Deadline, static (s, v) => s with { Deadline = v })
        .OptionalValue("period", ULong, static s => s.Period, static (s, v) => s with { Period = v });

    private static readonly JsonRecord<IoPrioritySpec> IoPriorityKind = new JsonRecord<IoPrioritySpec>(new IoPrioritySpec { Class = "" })
        .Optional("class", Text, static s => s.Class, static (s, v) => s with { Class = v! })
        .OptionalValue("priority", Int, static s => (int?)s.Priority, static (s, v) => s with { Priority = v ?? default });

    private static readonly JsonRecord<ExecCpuAffinity> ExecCpuAffinityKind = new JsonRecord<ExecCpuAffinity>(new ExecCpuAffinity())
        .Optional("initial", Text, static s => s.Initial, static (s, v) => s with { Initial = v })
        .Optional("final", Text, static s => s.Final, static (s, v) => s with { Final = v });

    public static readonly JsonRecord<ProcessSpec> ProcessKind = new JsonRecord<ProcessSpec>(new ProcessSpec { Cwd = "" })
        .OptionalValue("terminal", Flag, static s => (bool?)s.Terminal, static (s, v) => s with { Terminal = v ?? default })
        .Optional("consoleSize", ConsoleSizeKind, static s => s.ConsoleSize, static (s, v) => s with { ConsoleSize = v })
        .Optional("user", UserKind, static s => s.User, static (s, v) => s with { User = v })
        .Optional("args", Texts, static s => s.Args, static (s, v) => s with { Args = v })
        .Optional("env", Texts, static s => s.Env, static (s, v) => s with { Env = v })
        .Optional("cwd", Text, static s => s.Cwd, static (s, v) => s with { Cwd = v! })
        .Optional("capabilities", CapabilitiesKind, static s => s.Capabilities, static (s, v) => s with { Capabilities = v })
        .Optional("rlimits", List(RlimitKind), static s => s.Rlimits, static (s, v) => s with { Rlimits = v })
        .OptionalValue("noNewPrivileges", Flag, static s => (bool?)s.NoNewPrivileges, static (s, v) => s with { NoNewPrivileges = v ?? default })
        .Optional("apparmorProfile", Text, static s => s.ApparmorProfile, static (s, v) => s with { ApparmorProfile = v })
        .Optional("selinuxLabel", Text, static s => s.SelinuxLabel, static (s, v) => s with { SelinuxLabel = v })
        .OptionalValue("oomScoreAdj", Int, static s => s.OomScoreAdj, static (s, v) => s with { OomScoreAdj = v })
        .Optional("scheduler", SchedulerKind, static s => s.Scheduler, static (s, v) => s with { Scheduler = v })
        .Optional("ioPriority", IoPriorityKind, static s => s.IoPriority, static (s, v) => s with { IoPriority = v })
        .Optional("execCPUAffinity", ExecCpuAffinityKind, static s => s.ExecCpuAffinity, static (s, v) => s with { ExecCpuAffinity = v });
}
