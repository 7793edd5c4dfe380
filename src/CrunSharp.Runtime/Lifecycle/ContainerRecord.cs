using System.Text.Json.Serialization;
using CrunSharp.Runtime.Cgroups;

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

    /// <summary>Where its cgroups are.</summary>
    public CgroupPlace Cgroups { get; init; } = new();

    /// <summary>The configuration's annotations.</summary>
    public IReadOnlyDictionary<string, string>? Annotations { get; init; }
}

/// <summary>The JSON of the runtime's own records and answers, generated at compile time.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ContainerRecord))]
internal sealed partial class RuntimeJson : JsonSerializerContext;
