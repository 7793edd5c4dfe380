using CrunSharp.Oci.Json;
using static CrunSharp.Oci.Json.JsonKind;

namespace CrunSharp.Oci.Runtime;

/// <summary>Limits on resources as JSON.</summary>
/// <seealso href="https://github.com/opencontainers/runtime-spec/tree/main/schema"/>
internal static class ResourcesJson
{
    private static readonly JsonRecord<DeviceRule> DeviceRuleKind = new JsonRecord<DeviceRule>(new DeviceRule())
        .OptionalValue("allow", Flag, static s => (bool?)s.Allow, static (s, v) => s with { Allow = v ?? default })
        .Optional("type", Text, static s => s.Type, static (s, v) => s with { Type = v })
        .OptionalValue("major", Long, static s => s.Major, static (s, v) => s with { Major = v })
        .OptionalValue("minor", Long, static s => s.Minor, static (s, v) => s with { Minor = v })
        .Optional("access", Text, static s => s.Access, static (s, v) => s with { Access = v });

    private static readonly JsonRecord<MemorySpec> MemoryKind = new JsonRecord<MemorySpec>(new MemorySpec())
        .OptionalValue("limit", Long, static s => s.Limit, static (s, v) => s with { Limit = v })
        .OptionalValue("reservation", Long, static s => s.Reservation, static (s, v) => s with { Reservation = v })
        .OptionalValue("swap", Long, static s => s.Swap, static (s, v) => s with { Swap = v })
        .OptionalValue("kernel", Long, static s => s.Kernel, static (s, v) => s with { Kernel = v })
        .OptionalValue("kernelTCP", Long, static s => s.KernelTCP, static (s, v) => s with { KernelTCP = v })
        .OptionalValue("swappiness", ULong, static s => s.Swappiness, static (s, v) => s with { Swappiness = v })
        .OptionalValue("disableOOMKiller", Flag, static s => s.DisableOOMKiller, static (s, v) => s with { DisableOOMKiller = v })
        .OptionalValue("useHierarchy", Flag, static s => s.UseHierarchy, static (s, v) => s with { UseHierarchy = v })
        .OptionalValue("checkBeforeUpdate", Flag, static s => s.CheckBeforeUpdate, static (s, v) => s with { CheckBeforeUpdate = v });

    private static readonly JsonRecord<CpuSpec> CpuKind = new JsonRecord<CpuSpec>(new CpuSpec())
        .OptionalValue("shares", ULong, static s => s.Shares, static (s, v) => s with { Shares = v })
        .OptionalValue("quota", Long, static s => s.Quota, static (s, v) => s with { Quota = v })
        .OptionalValue("burst", ULong, static s => s.Burst, static (s, v) => s with { Burst = v })
        .OptionalValue("period", ULong, static s => s.Period, static (s, v) => s with { Period = v })
        .OptionalValue("realtimeRuntime", Long, static s => s.RealtimeRuntime, static (s, v) => s with { RealtimeRuntime = v })
        .OptionalValue("realtimePeriod", ULong, static s => s.RealtimePeriod, static (s, v) => s with { RealtimePeriod = v })
        .Optional("cpus", Text, static s => s.Cpus, static (s, v) => s with { Cpus = v })
        .Optional("mems", Text, static s => s.Mems, static (s, v) => s with { Mems = v })
        .OptionalValue("idle", Long, static s => s.Idle, static (s, v) => s with { Idle = v });

    private static readonly JsonRecord<PidsSpec> PidsKind = new JsonRecord<PidsSpec>(new PidsSpec())
        .OptionalValue("limit", Long, static s => s.Limit, static (s, v) => s with { Limit = v });

    private static readonly JsonRecord<WeightDevice> WeightDeviceKind = new JsonRecord<WeightDevice>(new WeightDevice())
        .OptionalValue("major", Long, static s => (long?)s.Major, static (s, v) => s with { Major = v ?? default })
        .OptionalValue("minor", Long, static s => (long?)s.Minor, static (s, v) => s with { Minor = v ?? default })
        .OptionalValue("weight", UShort, static s => s.Weight, static (s, v) => s with { Weight = v })
        .OptionalValue("leafWeight", UShort, static s => s.LeafWeight, static (s, v) => s with { LeafWeight = v });

    private static readonly JsonRecord<ThrottleDevice> ThrottleDeviceKind = new JsonRecord<ThrottleDevice>(new ThrottleDevice())
        .OptionalValue("major", Long, static s => (long?)s.Major, static (s, v) => s with { Major = v ?? default })
        .OptionalValue("minor", Long, static s => (long?)s.Minor, static (s, v) => s with { Minor = v ?? default })
        .OptionalValue("rate", ULong, static s => (ulong?)s.Rate, static (s, v) => s with { Rate = v ?? default });

    private static readonly JsonRecord<BlockIoSpec> BlockIoKind = new JsonRecord<BlockIoSpec>(new BlockIoSpec())
        .OptionalValue("weight", UShort, static s => s.Weight, static (s, v) => s with { Weight = v })
        .OptionalValue("leafWeight", UShort, static s => s.LeafWeight, static (s, v) => s with { LeafWeight = v })
        .Optional("weightDevice", List(WeightDeviceKind), static s => s.WeightDevice, static (s, v) => s with { WeightDevice = v })
        .Optional("throttleReadBpsDevice", List(ThrottleDeviceKind), static s => s.ThrottleReadBpsDevice, static (s, v) => s with { ThrottleReadBpsDevice = v })
        .Optional("throttleWriteBpsDevice", List(ThrottleDeviceKind), static s => s.ThrottleWriteBpsDevice, static (s, v) => s with { ThrottleWriteBpsDevice = v })
        .Optional("throttleReadIOPSDevice", List(ThrottleDeviceKind), static s => s.ThrottleReadIOPSDevice, static (s, v) => s with { ThrottleReadIOPSDevice = v })
        .Optional("throttleWriteIOPSDevice", List(ThrottleDeviceKind), static s => s.ThrottleWriteIOPSDevice, static (s, v) => s with { ThrottleWriteIOPSDevice = v });

    private static readonly JsonRecord<HugepageLimit> HugepageLimitKind = new JsonRecord<HugepageLimit>(new HugepageLimit { PageSize = "" })
        .Optional("pageSize", Text, static s => s.PageSize, static (s, v) => s with { PageSize = v! })
        .OptionalValue("limit", ULong, static s => (ulong?)s.Limit, static (s, v) => s with { Limit = v ?? default });

    private static readonly JsonRecord<RdmaLimit> RdmaLimitKind = new JsonRecord<RdmaLimit>(new RdmaLimit())
        .OptionalValue("hcaHandles", UInt, static s => s.HcaHandles, static (s, v) => s with { HcaHandles = v })
        .OptionalValue("hcaObjects", UInt, static s => s.HcaObjects, static (s, v) => s with { HcaObjects = v });

    private static readonly JsonRecord<InterfacePriority> InterfacePriorityKind = new JsonRecord<InterfacePriority>(new InterfacePriority { Name = "" })
        .Optional("name", Text, static s => s.Name, static (s, v) => s with { Name = v! })
        .OptionalValue("priority", UInt, static s => (uint?)s.Priority, static (s, v) => s with { Priority = v ?? default });

    private static readonly JsonRecord<NetworkSpec> NetworkKind = new JsonRecord<NetworkSpec>(new NetworkSpec())
        .OptionalValue("classID", UInt, static s => s.ClassID, static (s, v) => s with { ClassID = v })
        .Optional("priorities", List(InterfacePriorityKind), static s => s.Priorities, static (s, v) => s with { Priorities = v });

    public static readonly JsonRecord<ResourcesSpec> ResourcesKind = new JsonRecord<ResourcesSpec>(new ResourcesSpec())
        .Optional("devices", List(DeviceRuleKind), static s => s.Devices, static (s, v) => s with { Devices = v })
        .Optional("memory", MemoryKind, static s => s.Memory, static (s, v) => s with { Memory = v })
        .Optional("cpu", CpuKind, static s => s.Cpu, static (s, v) => s with { Cpu = v })
        .Optional("pids", PidsKind, static s => s.Pids, static (s, v) => s with { Pids = v })
        .Optional("blockIO", BlockIoKind, static s => s.BlockIO, static (s, v) => s with { BlockIO = v })
        .Optional("hugepageLimits", List(HugepageLimitKind), static s => s.HugepageLimits, static (s, v) => s with { HugepageLimits = v })
        .Optional("network", NetworkKind, static s => s.Network, static (s, v) => s with { Network = v })
        .Optional("rdma", Map(RdmaLimitKind), static s => s.Rdma, static (s, v) => s with { Rdma = v })
        .Optional("unified", TextMap, static s => s.Unified, static (s, v) => s with { Unified = v });
}
