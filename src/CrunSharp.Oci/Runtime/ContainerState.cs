using System.Text.Json;
using System.Text.Json.Serialization;

namespace CrunSharp.Oci.Runtime;

/// <summary>The versions of the runtime-spec that are followed.</summary>
public static class RuntimeVersion
{
    /// <summary>The newest.</summary>
    public const string Newest = "1.3.0";

    /// <summary>The oldest.</summary>
    public const string Oldest = "1.0.0";
}

/// <summary>A container's state: what <c>state</c> prints and hooks get on their standard input.</summary>
/// <seealso href="https://github.com/opencontainers/runtime-spec/blob/main/runtime.md#state"/>
public sealed record ContainerState
{
    /// <summary>The version of the specification that is followed.</summary>
    public required string OciVersion { get; init; }

    /// <summary>The container's id.</summary>
    public required string Id { get; init; }

    /// <summary>The first process; 0 when there is none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public int Pid { get; init; }

    /// <summary><c>creating</c>, <c>created</c>, <c>running</c>, <c>paused</c> or <c>stopped</c>.</summary>
    public required string Status { get; init; }

    /// <summary>The bundle's absolute path.</summary>
    public required string Bundle { get; init; }

    /// <summary>The root file system's absolute path; runc's.</summary>
    public string? Rootfs { get; init; }

    /// <summary>When it was made, RFC 3339; runc's.</summary>
    public string? Created { get; init; }

    /// <summary>The configuration's annotations.</summary>
    public IReadOnlyDictionary<string, string>? Annotations { get; init; }

    /// <summary>The name of the user who made it; runc's.</summary>
    public string? Owner { get; init; }

    /// <summary>The state as JSON.</summary>
    /// <param name="indented">Whether on several lines.</param>
    public byte[] ToJson(bool indented = false) =>
        JsonSerializer.SerializeToUtf8Bytes(this, indented ? IndentedStateJson.Default.ContainerState : StateJson.Default.ContainerState);

    /// <summary>Several states as a JSON array.</summary>
    public static byte[] ToJson(IReadOnlyList<ContainerState> states) => JsonSerializer.SerializeToUtf8Bytes(states, StateJson.Default.IReadOnlyListContainerState);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ContainerState))]
[JsonSerializable(typeof(IReadOnlyList<ContainerState>))]
internal sealed partial class StateJson : JsonSerializerContext;

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    WriteIndented = true)]
[JsonSerializable(typeof(ContainerState))]
internal sealed partial class IndentedStateJson : JsonSerializerContext;
