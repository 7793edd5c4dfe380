using CrunSharp.Engine.Volumes;
using CrunSharp.Network;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;
using CrunSharp.Oci.Json;
using static CrunSharp.Oci.Json.JsonKind;

namespace CrunSharp.Engine.Containers;

/// <summary>The engine's own records as JSON.</summary>
internal static class EngineJson
{
    /// <summary>What changes in a container's life: <c>state.json</c>.</summary>
    public static JsonRecord<ContainerState> State { get; } = new JsonRecord<ContainerState>(new ContainerState())
        .Required("status", Word(ToStatus, ToWord), static s => s.Status, static (s, v) => s with { Status = v })
        .Field("pid", Int, static s => s.Pid, static (s, v) => s with { Pid = v })
        .Field("pidStartTime", ULong, static s => s.PidStartTime, static (s, v) => s with { PidStartTime = v })
        .Field("bootId", Text, static s => s.BootId, static (s, v) => s with { BootId = v })
        .Field("startedAt", Text, static s => s.StartedAt, static (s, v) => s with { StartedAt = v })
        .Field("finishedAt", Text, static s => s.FinishedAt, static (s, v) => s with { FinishedAt = v })
        .Field("exitCode", Int, static s => s.ExitCode, static (s, v) => s with { ExitCode = v })
        .Field("error", Text, static s => s.Error, static (s, v) => s with { Error = v })
        .Field("oomKilled", Flag, static s => s.OomKilled, static (s, v) => s with { OomKilled = v })
        .Optional("endpoint", NetworkJson.Endpoint, static s => s.Endpoint, static (s, v) => s with { Endpoint = v });

    /// <summary>A volume: <c>volume.json</c>.</summary>
    public static JsonRecord<VolumeRecord> Volume { get; } = new JsonRecord<VolumeRecord>(new VolumeRecord { Name = "", Created = "" })
        .Required("name", Text, static v => v.Name, static (v, to) => v with { Name = to })
        .Required("created", Text, static v => v.Created, static (v, to) => v with { Created = to })
        .Field("isAnonymous", Flag, static v => v.IsAnonymous, static (v, to) => v with { IsAnonymous = to })
        .Field("labels", TextMap, static v => v.Labels, static (v, to) => v with { Labels = to });

    private static string ToWord(ContainerStatus status) => status switch
    {
        ContainerStatus.Created => nameof(ContainerStatus.Created),
        ContainerStatus.Running => nameof(ContainerStatus.Running),
        _ => nameof(ContainerStatus.Exited),
    };

    private static ContainerStatus ToStatus(string word) => word switch
    {
        nameof(ContainerStatus.Created) => ContainerStatus.Created,
        nameof(ContainerStatus.Running) => ContainerStatus.Running,
        nameof(ContainerStatus.Exited) => ContainerStatus.Exited,
        _ => throw CrunException.Invalid("no status of a container"),
    };
}

/// <summary>A container as it was asked for as JSON: <c>container.json</c>.</summary>
internal static class ConfigJson
{
    private static readonly JsonRecord<ContainerMount> Mount = new JsonRecord<ContainerMount>(new ContainerMount { Type = "", Destination = "" })
        .Required("type", Text, static m => m.Type, static (m, v) => m with { Type = v })
        .Optional("name", Text, static m => m.Name, static (m, v) => m with { Name = v })
        .Field("source", Text, static m => m.Source, static (m, v) => m with { Source = v })
        .Required("destination", Text, static m => m.Destination, static (m, v) => m with { Destination = v })
        .Field("readOnly", Flag, static m => m.ReadOnly, static (m, v) => m with { ReadOnly = v })
        .Field("propagation", Text, static m => m.Propagation, static (m, v) => m with { Propagation = v })
        .Field("nonRecursive", Flag, static m => m.NonRecursive, static (m, v) => m with { NonRecursive = v })
        .Field("noCopy", Flag, static m => m.NoCopy, static (m, v) => m with { NoCopy = v })
        .Field("isAnonymous", Flag, static m => m.IsAnonymous, static (m, v) => m with { IsAnonymous = v })
        .Field("options", Texts, static m => m.Options, static (m, v) => m with { Options = v });

    private static readonly JsonRecord<HostOptions> Host = new JsonRecord<HostOptions>(new HostOptions())
        .Field("mounts", List(Mount), static h => h.Mounts, static (h, v) => h with { Mounts = v })
        .Field("ports", List(NetworkJson.Port), static h => h.Ports, static (h, v) => h with { Ports = v })
        .Field("network", Text, static h => h.Network, static (h, v) => h with { Network = v })
        .Field("ipv4Address", Text, static h => h.IPv4Address, static (h, v) => h with { IPv4Address = v })
        .Field("networkAliases", Texts, static h => h.NetworkAliases, static (h, v) => h with { NetworkAliases = v })
        .Field("memory", Long, static h => h.Memory, static (h, v) => h with { Memory = v })
        .Field("nanoCpus", Long, static h => h.NanoCpus, static (h, v) => h with { NanoCpus = v })
        .Field("pidsLimit", Long, static h => h.PidsLimit, static (h, v) => h with { PidsLimit = v })
        .Field("readOnly", Flag, static h => h.ReadOnly, static (h, v) => h with { ReadOnly = v })
        .Field("capAdd", Texts, static h => h.CapAdd, static (h, v) => h with { CapAdd = v })
        .Field("capDrop", Texts, static h => h.CapDrop, static (h, v) => h with { CapDrop = v })
        .Field("privileged", Flag, static h => h.Privileged, static (h, v) => h with { Privileged = v })
        .Field("init", Flag, static h => h.Init, static (h, v) => h with { Init = v })
        .Field("autoRemove", Flag, static h => h.AutoRemove, static (h, v) => h with { AutoRemove = v })
        .Field("shmSize", Long, static h => h.ShmSize, static (h, v) => h with { ShmSize = v })
        .Field("extraHosts", Texts, static h => h.ExtraHosts, static (h, v) => h with { ExtraHosts = v })
        .Field("dns", Texts, static h => h.Dns, static (h, v) => h with { Dns = v })
        .Field("dnsSearch", Texts, static h => h.DnsSearch, static (h, v) => h with { DnsSearch = v })
        .Field("dnsOptions", Texts, static h => h.DnsOptions, static (h, v) => h with { DnsOptions = v })
        .Field("ulimits", Texts, static h => h.Ulimits, static (h, v) => h with { Ulimits = v })
        .Field("noNewPrivileges", Flag, static h => h.NoNewPrivileges, static (h, v) => h with { NoNewPrivileges = v })
        .Field("seccomp", Text, static h => h.Seccomp, static (h, v) => h with { Seccomp = v })
        .Field("sysctls", TextMap, static h => h.Sysctls, static (h, v) => h with { Sysctls = v })
        .Field("devices", Texts, static h => h.Devices, static (h, v) => h with { Devices = v })
        .Field("groupAdd", Texts, static h => h.GroupAdd, static (h, v) => h with { GroupAdd = v })
        .Field("logDriver", Text, static h => h.LogDriver, static (h, v) => h with { LogDriver = v });

    /// <summary>All of it.</summary>
    public static JsonRecord<ContainerConfig> Config { get; } = new JsonRecord<ContainerConfig>(
            new ContainerConfig { Id = "", Name = "", Created = "", Image = "", ImageId = "", Layers = [], Host = new HostOptions() })
        .Required("id", Text, static c => c.Id, static (c, v) => c with { Id = v })
        .Required("name", Text, static c => c.Name, static (c, v) => c with { Name = v })
        .Required("created", Text, static c => c.Created, static (c, v) => c with { Created = v })
        .Required("image", Text, static c => c.Image, static (c, v) => c with { Image = v })
        .Required("imageId", Text, static c => c.ImageId, static (c, v) => c with { ImageId = v })
        .Required("layers", Texts, static c => c.Layers, static (c, v) => c with { Layers = v })
        .Field("entrypoint", Texts, static c => c.Entrypoint, static (c, v) => c with { Entrypoint = v })
        .Field("cmd", Texts, static c => c.Cmd, static (c, v) => c with { Cmd = v })
        .Field("env", Texts, static c => c.Env, static (c, v) => c with { Env = v })
        .Field("workingDir", Text, static c => c.WorkingDir, static (c, v) => c with { WorkingDir = v })
        .Field("user", Text, static c => c.User, static (c, v) => c with { User = v })
        .Field("hostname", Text, static c => c.Hostname, static (c, v) => c with { Hostname = v })
        .Field("tty", Flag, static c => c.Tty, static (c, v) => c with { Tty = v })
        .Field("openStdin", Flag, static c => c.OpenStdin, static (c, v) => c with { OpenStdin = v })
        .Field("attached", Flag, static c => c.Attached, static (c, v) => c with { Attached = v })
        .Field("startsAtOnce", Flag, static c => c.StartsAtOnce, static (c, v) => c with { StartsAtOnce = v })
        .Field("labels", TextMap, static c => c.Labels, static (c, v) => c with { Labels = v })
        .Field("stopSignal", Text, static c => c.StopSignal, static (c, v) => c with { StopSignal = v })
        .OptionalValue("stopTimeout", Int, static c => c.StopTimeout, static (c, v) => c with { StopTimeout = v })
        .Field("exposedPorts", Texts, static c => c.ExposedPorts, static (c, v) => c with { ExposedPorts = v })
        .Optional("healthcheck", ImageParts.Health, static c => c.Healthcheck, static (c, v) => c with { Healthcheck = v })
        .Optional("shell", Texts, static c => c.Shell, static (c, v) => c with { Shell = v })
        .Required("host", Host, static c => c.Host, static (c, v) => c with { Host = v });
}
