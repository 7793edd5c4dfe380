using CrunSharp.Oci.Json;
using static CrunSharp.Oci.Json.JsonKind;

namespace CrunSharp.Oci.Runtime;

/// <summary>A container as JSON.</summary>
/// <seealso href="https://github.com/opencontainers/runtime-spec/tree/main/schema"/>
internal static class ContainerJson
{
    private static readonly JsonRecord<RootSpec> RootKind = new JsonRecord<RootSpec>(new RootSpec { Path = "" })
        .Optional("path", Text, static s => s.Path, static (s, v) => s with { Path = v! })
        .OptionalValue("readonly", Flag, static s => (bool?)s.Readonly, static (s, v) => s with { Readonly = v ?? default });

    private static readonly JsonRecord<IdMapping> IdMappingKind = new JsonRecord<IdMapping>(new IdMapping())
        .OptionalValue("containerID", UInt, static s => (uint?)s.ContainerID, static (s, v) => s with { ContainerID = v ?? default })
        .OptionalValue("hostID", UInt, static s => (uint?)s.HostID, static (s, v) => s with { HostID = v ?? default })
        .OptionalValue("size", UInt, static s => (uint?)s.Size, static (s, v) => s with { Size = v ?? default });

    private static readonly JsonRecord<MountSpec> MountKind = new JsonRecord<MountSpec>(new MountSpec { Destination = "" })
        .Optional("destination", Text, static s => s.Destination, static (s, v) => s with { Destination = v! })
        .Optional("type", Text, static s => s.Type, static (s, v) => s with { Type = v })
        .Optional("source", Text, static s => s.Source, static (s, v) => s with { Source = v })
        .Optional("options", Texts, static s => s.Options, static (s, v) => s with { Options = v })
        .Optional("uidMappings", List(IdMappingKind), static s => s.UidMappings, static (s, v) => s with { UidMappings = v })
        .Optional("gidMappings", List(IdMappingKind), static s => s.GidMappings, static (s, v) => s with { GidMappings = v });

    private static readonly JsonRecord<NetDeviceSpec> NetDeviceKind = new JsonRecord<NetDeviceSpec>(new NetDeviceSpec())
        .Optional("name", Text, static s => s.Name, static (s, v) => s with { Name = v });

    private static readonly JsonRecord<MemoryPolicySpec> MemoryPolicyKind = new JsonRecord<MemoryPolicySpec>(new MemoryPolicySpec { Mode = "" })
        .Optional("mode", Text, static s => s.Mode, static (s, v) => s with { Mode = v! })
        .Optional("nodes", Text, static s => s.Nodes, static (s, v) => s with { Nodes = v })
        .Optional("flags", Texts, static s => s.Flags, static (s, v) => s with { Flags = v });

    private static readonly JsonRecord<TimeOffset> TimeOffsetKind = new JsonRecord<TimeOffset>(new TimeOffset())
        .OptionalValue("secs", Long, static s => (long?)s.Secs, static (s, v) => s with { Secs = v ?? default })
        .OptionalValue("nanosecs", UInt, static s => (uint?)s.Nanosecs, static (s, v) => s with { Nanosecs = v ?? default });

    private static readonly JsonRecord<DeviceSpec> DeviceKind = new JsonRecord<DeviceSpec>(new DeviceSpec { Type = "", Path = "" })
        .Optional("type", Text, static s => s.Type, static (s, v) => s with { Type = v! })
        .Optional("path", Text, static s => s.Path, static (s, v) => s with { Path = v! })
        .OptionalValue("major", Long, static s => s.Major, static (s, v) => s with { Major = v })
        .OptionalValue("minor", Long, static s => s.Minor, static (s, v) => s with { Minor = v })
        .OptionalValue("fileMode", UInt, static s => s.FileMode, static (s, v) => s with { FileMode = v })
        .OptionalValue("uid", UInt, static s => s.Uid, static (s, v) => s with { Uid = v })
        .OptionalValue("gid", UInt, static s => s.Gid, static (s, v) => s with { Gid = v });

    private static readonly JsonRecord<PersonalitySpec> PersonalityKind = new JsonRecord<PersonalitySpec>(new PersonalitySpec { Domain = "" })
        .Optional("domain", Text, static s => s.Domain, static (s, v) => s with { Domain = v! })
        .Optional("flags", Texts, static s => s.Flags, static (s, v) => s with { Flags = v });

    private static readonly JsonRecord<SeccompArg> SeccompArgKind = new JsonRecord<SeccompArg>(new SeccompArg { Op = "" })
        .OptionalValue("index", UInt, static s => (uint?)s.Index, static (s, v) => s with { Index = v ?? default })
        .OptionalValue("value", ULong, static s => (ulong?)s.Value, static (s, v) => s with { Value = v ?? default })
        .OptionalValue("valueTwo", ULong, static s => (ulong?)s.ValueTwo, static (s, v) => s with { ValueTwo = v ?? default })
        .Optional("op", Text, static s => s.Op, static (s, v) => s with { Op = v! });

    private static readonly JsonRecord<SeccompRule> SeccompRuleKind = new JsonRecord<SeccompRule>(new SeccompRule { Names = [], Action = "" })
        .Optional("names", Texts, static s => s.Names, static (s, v) => s with { Names = v! })
        .Optional("action", Text, static s => s.Action, static (s, v) => s with { Action = v! })
        .OptionalValue("errnoRet", UInt, static s => s.ErrnoRet, static (s, v) => s with { ErrnoRet = v })
        .Optional("args", List(SeccompArgKind), static s => s.Args, static (s, v) => s with { Args = v });

    public static readonly JsonRecord<SeccompSpec> SeccompKind = new JsonRecord<SeccompSpec>(new SeccompSpec { DefaultAction = "" })
        .Optional("defaultAction", Text, static s => s.DefaultAction, static (s, v) => s with { DefaultAction = v! })
        .OptionalValue("defaultErrnoRet", UInt, static s => s.DefaultErrnoRet, static (s, v) => s with { DefaultErrnoRet = v })
        .Optional("architectures", Texts, static s => s.Architectures, static (s, v) => s with { Architectures = v })
        .Optional("flags", Texts, static s => s.Flags, static (s, v) => s with { Flags = v })
        .Optional("listenerPath", Text, static s => s.ListenerPath, static (s, v) => s with { ListenerPath = v })
        .Optional("listenerMetadata", Text, static s => s.ListenerMetadata, static (s, v) => s with { ListenerMetadata = v })
        .Optional("syscalls", List(SeccompRuleKind), static s => s.Syscalls, static (s, v) => s with { Syscalls = v });

    private static readonly JsonRecord<LinuxSpec> LinuxKind = new JsonRecord<LinuxSpec>(new LinuxSpec())
        .Optional("namespaces", List(LaterJson.NamespaceKind), static s => s.Namespaces, static (s, v) => s with { Namespaces = v })
        .Optional("uidMappings", List(IdMappingKind), static s => s.UidMappings, static (s, v) => s with { UidMappings = v })
        .Optional("gidMappings", List(IdMappingKind), static s => s.GidMappings, static (s, v) => s with { GidMappings = v })
        .Optional("timeOffsets", Map(TimeOffsetKind), static s => s.TimeOffsets, static (s, v) => s with { TimeOffsets = v })
        .Optional("devices", List(DeviceKind), static s => s.Devices, static (s, v) => s with { Devices = v })
        .Optional("cgroupsPath", Text, static s => s.CgroupsPath, static (s, v) => s with { CgroupsPath = v })
        .Optional("resources", ResourcesJson.ResourcesKind, static s => s.Resources, static (s, v) => s with { Resources = v })
        .Optional("rootfsPropagation", Text, static s => s.RootfsPropagation, static (s, v) => s with { RootfsPropagation = v })
        .Optional("seccomp", SeccompKind, static s => s.Seccomp, static (s, v) => s with { Seccomp = v })
        .Optional("sysctl", TextMap, static s => s.Sysctl, static (s, v) => s with { Sysctl = v })
        .Optional("maskedPaths", Texts, static s => s.MaskedPaths, static (s, v) => s with { MaskedPaths = v })
        .Optional("readonlyPaths", Texts, static s => s.ReadonlyPaths, static (s, v) => s with { ReadonlyPaths = v })
        .Optional("mountLabel", Text, static s => s.MountLabel, static (s, v) => s with { MountLabel = v })
        .Optional("personality", PersonalityKind, static s => s.Personality, static (s, v) => s with { Personality = v })
        .Optional("netDevices", Map(NetDeviceKind), static s => s.NetDevices, static (s, v) => s with { NetDevices = v })
        .Optional("memoryPolicy", MemoryPolicyKind, static s => s.MemoryPolicy, static (s, v) => s with { MemoryPolicy = v })
        .Optional("intelRdt", LaterJson.IntelRdtKind, static s => s.IntelRdt, static (s, v) => s with { IntelRdt = v });

    public static readonly JsonRecord<RuntimeSpec> RuntimeKind = new JsonRecord<RuntimeSpec>(new RuntimeSpec { OciVersion = "" })
        .Optional("ociVersion", Text, static s => s.OciVersion, static (s, v) => s with { OciVersion = v! })
        .Optional("root", RootKind, static s => s.Root, static (s, v) => s with { Root = v })
        .Optional("process", ProcessJson.ProcessKind, static s => s.Process, static (s, v) => s with { Process = v })
        .Optional("hostname", Text, static s => s.Hostname, static (s, v) => s with { Hostname = v })
        .Optional("domainname", Text, static s => s.Domainname, static (s, v) => s with { Domainname = v })
        .Optional("mounts", List(MountKind), static s => s.Mounts, static (s, v) => s with { Mounts = v })
        .Optional("hooks", LaterJson.HooksKind, static s => s.Hooks, static (s, v) => s with { Hooks = v })
        .Optional("annotations", TextMap, static s => s.Annotations, static (s, v) => s with { Annotations = v })
        .Optional("linux", LinuxKind, static s => s.Linux, static (s, v) => s with { Linux = v });
}

/// <summary>What is needed of a configuration once its container is made. Nothing else is set up for it.</summary>
internal static class LaterJson
{
    private static readonly JsonRecord<HookSpec> HookKind = new JsonRecord<HookSpec>(new HookSpec { Path = "" })
        .Optional("path", Text, static s => s.Path, static (s, v) => s with { Path = v! })
        .Optional("args", Texts, static s => s.Args, static (s, v) => s with { Args = v })
        .Optional("env", Texts, static s => s.Env, static (s, v) => s with { Env = v })
        .OptionalValue("timeout", Int, static s => s.Timeout, static (s, v) => s with { Timeout = v });

    public static readonly JsonRecord<HooksSpec> HooksKind = new JsonRecord<HooksSpec>(new HooksSpec())
        .Optional("prestart", List(HookKind), static s => s.Prestart, static (s, v) => s with { Prestart = v })
        .Optional("createRuntime", List(HookKind), static s => s.CreateRuntime, static (s, v) => s with { CreateRuntime = v })
        .Optional("createContainer", List(HookKind), static s => s.CreateContainer, static (s, v) => s with { CreateContainer = v })
        .Optional("startContainer", List(HookKind), static s => s.StartContainer, static (s, v) => s with { StartContainer = v })
        .Optional("poststart", List(HookKind), static s => s.Poststart, static (s, v) => s with { Poststart = v })
        .Optional("poststop", List(HookKind), static s => s.Poststop, static (s, v) => s with { Poststop = v });

    public static readonly JsonRecord<NamespaceSpec> NamespaceKind = new JsonRecord<NamespaceSpec>(new NamespaceSpec { Type = "" })
        .Optional("type", Text, static s => s.Type, static (s, v) => s with { Type = v! })
        .Optional("path", Text, static s => s.Path, static (s, v) => s with { Path = v });

    public static readonly JsonRecord<IntelRdtSpec> IntelRdtKind = new JsonRecord<IntelRdtSpec>(new IntelRdtSpec())
        .Optional("closID", Text, static s => s.ClosId, static (s, v) => s with { ClosId = v })
        .Optional("schemata", Texts, static s => s.Schemata, static (s, v) => s with { Schemata = v })
        .Optional("l3CacheSchema", Text, static s => s.L3CacheSchema, static (s, v) => s with { L3CacheSchema = v })
        .Optional("memBwSchema", Text, static s => s.MemBwSchema, static (s, v) => s with { MemBwSchema = v })
        .OptionalValue("enableMonitoring", Flag, static s => (bool?)s.EnableMonitoring, static (s, v) => s with { EnableMonitoring = v ?? default });

    private static readonly JsonRecord<LinuxSpec> LinuxKind = new JsonRecord<LinuxSpec>(new LinuxSpec())
        .Optional("namespaces", List(NamespaceKind), static s => s.Namespaces, static (s, v) => s with { Namespaces = v })
        .Optional("intelRdt", IntelRdtKind, static s => s.IntelRdt, static (s, v) => s with { IntelRdt = v });

    public static readonly JsonRecord<RuntimeSpec> RuntimeKind = new JsonRecord<RuntimeSpec>(new RuntimeSpec { OciVersion = "" })
        .Optional("ociVersion", Text, static s => s.OciVersion, static (s, v) => s with { OciVersion = v! })
        .Optional("process", ProcessJson.ProcessKind, static s => s.Process, static (s, v) => s with { Process = v })
        .Optional("hooks", HooksKind, static s => s.Hooks, static (s, v) => s with { Hooks = v })
        .Optional("linux", LinuxKind, static s => s.Linux, static (s, v) => s with { Linux = v });
}
