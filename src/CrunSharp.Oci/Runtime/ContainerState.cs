using System.Buffers;
using System.Text.Json;
using CrunSharp.Oci.Json;
using static CrunSharp.Oci.Json.JsonKind;

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
    public byte[] ToJson(bool indented = false) => StateJson.Write(StateJson.State, this, indented);

    /// <summary>Several states as a JSON array.</summary>
    public static byte[] ToJson(IReadOnlyList<ContainerState> states) => StateJson.Write(List(StateJson.State), states, false);
}

/// <summary>A container's state as JSON.</summary>
internal static class StateJson
{
    public static JsonRecord<ContainerState> State { get; } = new JsonRecord<ContainerState>(new ContainerState { OciVersion = "", Id = "", Status = "", Bundle = "" })
        .Required("ociVersion", Text, static s => s.OciVersion, static (s, v) => s with { OciVersion = v })
        .Required("id", Text, static s => s.Id, static (s, v) => s with { Id = v })
        .Field("pid", Int, static s => s.Pid, static (s, v) => s with { Pid = v })
        .Required("status", Text, static s => s.Status, static (s, v) => s with { Status = v })
        .Required("bundle", Text, static s => s.Bundle, static (s, v) => s with { Bundle = v })
        .Optional("rootfs", Text, static s => s.Rootfs, static (s, v) => s with { Rootfs = v })
        .Optional("created", Text, static s => s.Created, static (s, v) => s with { Created = v })
        .Optional("annotations", TextMap, static s => s.Annotations, static (s, v) => s with { Annotations = v })
        .Optional("owner", Text, static s => s.Owner, static (s, v) => s with { Owner = v });

    public static byte[] Write<T>(JsonKind<T> kind, T document, bool indented)
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = indented, SkipValidation = true })) kind.Write(writer, document);
        return buffer.WrittenSpan.ToArray();
    }
}
