using CrunSharp.Oci.Json;
using CrunSharp.Runtime.Cgroups;
using static CrunSharp.Oci.Json.JsonKind;

namespace CrunSharp.Runtime.Lifecycle;

/// <summary>What is kept of a container on disk: <c>ROOT/ID/state.json</c>.</summary>
internal sealed record ContainerRecord
{
    /// <summary>The id.</summary>
    public required string Id { get; init; }

    /// <summary>The bundle's absolute path.</summary>
    public required string Bundle { get; init; }

    /// <summary>The absolute path of the root file system.</summary>
    public required string Rootfs { get; init; }

    /// <summary>The id of the mount of its root that is to be unmounted from <see cref="Rootfs"/>; 0 where its mount namespace goes with it.</summary>
    public ulong HostMount { get; init; }

    /// <summary>When it was made, RFC 3339.</summary>
    public required string Created { get; init; }

    /// <summary>The first process; 0 while there is none.</summary>
    public int Pid { get; init; }

    /// <summary>When that started, in clock ticks since boot: no other process that got its number is taken for it.</summary>
    public ulong StartTime { get; init; }

    /// <summary>Which boot of the host it was.</summary>
    public required string BootId { get; init; }

    /// <summary>The number of the stage's first step after the wait for the start.</summary>
    public int FirstStartStep { get; init; }

    /// <summary>Whether its processes get a session keyring of their own.</summary>
    public bool NewKeyring { get; init; } = true;

    /// <summary>Descriptors from 3 on that its process gets.</summary>
    public int PreservedDescriptors { get; init; }

    /// <summary>Its system call filter in the <see cref="FilterCache"/>; empty for none, null when it is not known.</summary>
    public string? Filter { get; init; }

    /// <summary>What the kernel calls its standard input, output and error; null when none of them is a pipe.</summary>
    public IReadOnlyList<string>? Descriptors { get; init; }

    /// <summary>Where its cgroups are.</summary>
    public CgroupPlace Cgroups { get; init; } = new();

    /// <summary>The configuration's annotations.</summary>
    public IReadOnlyDictionary<string, string>? Annotations { get; init; }
}

/// <summary>The JSON of the runtime's own records (docs/decisions/0016).</summary>
internal static class RuntimeJson
{
    private static readonly JsonRecord<CgroupPlace> Place = new JsonRecord<CgroupPlace>(new CgroupPlace())
        .Field("driver", Int, static p => (int)p.Driver, static (p, v) => p with { Driver = (CgroupDriver)v })
        .Field("path", Text, static p => p.Path, static (p, v) => p with { Path = v })
        .Optional("unit", Text, static p => p.Unit, static (p, v) => p with { Unit = v })
        .Optional("slice", Text, static p => p.Slice, static (p, v) => p with { Slice = v })
        .Field("above", Texts, static p => p.Above, static (p, v) => p with { Above = v })
        .Field("isMade", Flag, static p => p.IsMade, static (p, v) => p with { IsMade = v });

    /// <summary>A container: <c>state.json</c>.</summary>
    public static JsonRecord<ContainerRecord> Record { get; } = new JsonRecord<ContainerRecord>(new ContainerRecord { Id = "", Bundle = "", Rootfs = "", Created = "", BootId = "" })
        .Required("id", Text, static r => r.Id, static (r, v) => r with { Id = v })
        .Required("bundle", Text, static r => r.Bundle, static (r, v) => r with { Bundle = v })
        .Required("rootfs", Text, static r => r.Rootfs, static (r, v) => r with { Rootfs = v })
        .Field("hostMount", ULong, static r => r.HostMount, static (r, v) => r with { HostMount = v })
        .Required("created", Text, static r => r.Created, static (r, v) => r with { Created = v })
        .Field("pid", Int, static r => r.Pid, static (r, v) => r with { Pid = v })
        .Field("startTime", ULong, static r => r.StartTime, static (r, v) => r with { StartTime = v })
        .Required("bootId", Text, static r => r.BootId, static (r, v) => r with { BootId = v })
        .Field("firstStartStep", Int, static r => r.FirstStartStep, static (r, v) => r with { FirstStartStep = v })
        .Field("newKeyring", Flag, static r => r.NewKeyring, static (r, v) => r with { NewKeyring = v })
        .Field("preservedDescriptors", Int, static r => r.PreservedDescriptors, static (r, v) => r with { PreservedDescriptors = v })
        .Optional("filter", Text, static r => r.Filter, static (r, v) => r with { Filter = v })
        .Optional("descriptors", Texts, static r => r.Descriptors, static (r, v) => r with { Descriptors = v })
        .Field("cgroups", Place, static r => r.Cgroups, static (r, v) => r with { Cgroups = v })
        .Optional("annotations", TextMap, static r => r.Annotations, static (r, v) => r with { Annotations = v });
}
